"""Locks that no child of a fork inherits while another thread holds them."""

import os
import threading


def fork_safe_lock() -> threading.RLock:  # pyright: ignore[reportGeneralTypeIssues]
    """A lock for which a fork waits; it is free in the child."""
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
