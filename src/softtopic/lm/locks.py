"""Locks that no child of a fork inherits while another thread holds them."""

import os
import threading


def fork_safe_lock() -> threading.RLock:  # pyright: ignore[reportGeneralTypeIssues]
    """A lock for which a fork waits; it is free in the child.

    A fork takes all of them, the latest made first. So a thread that holds one waits only for those made before it.
    """
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
