"""The right to write a folder of an object store, which has no locks.

topics/
  _lease/00003    who writes, or has written last; renewed every few seconds

A writer creates the next number, on the condition that it is not there: of several processes that try, one succeeds.
The highest number has the right. It is free when it says so, or when it was not renewed for a while, which a process
that wants it watches by its own clock. Whoever was replaced notices that at its next renewal.
"""

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING
from uuid import uuid4

from softtopic.errors import InputError, SofttopicError

if TYPE_CHECKING:
    from softtopic.storage.folders.store import StoreFolder

log = logging.getLogger(__name__)

LEASE = "_lease"

RENEW_SECONDS = 10.0
# A lease that was not renewed for so long is that of a process that was killed, or cannot reach the store.
STALE_SECONDS = 45.0
_WATCH_SECONDS = 1.0


class Lease:
    """The right to write, while it is renewed.

    Parameters
    ----------
    folder : StoreFolder
    number : int
        Larger than those of all earlier leases of the folder.
    """

    def __init__(self, folder: "StoreFolder", number: int) -> None:
        self.number = number
        self.name = f"{LEASE}/{number:05d}"
        self._folder = folder
        self._id = uuid4().hex
        self._renewals = 0
        self._lost = False
        self._ended = Event()

    def content(self, *, released: bool = False) -> bytes:
        """What the object holds; another one at each call."""
        self._renewals += 1
        writer = {"host": socket.gethostname(), "process": os.getpid(), "id": self._id}
        return json.dumps(writer | {"renewals": self._renewals, "released": released}).encode("ascii")

    def is_highest(self) -> bool:
        """Whether no other process has taken the right."""
        return [f"{LEASE}/{name}" for name in self._folder.names(LEASE)[-1:]] == [self.name]

    def check(self) -> None:
        """Raise InputError where another process has taken the right."""
        if self._lost:
            raise InputError(
                f"{self._folder.path} was taken over by another process, for this one was not heard of for "
                f"{STALE_SECONDS:.0f} seconds; wait for it, or give another folder"
            )

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it in the block, and release it at the end."""
        thread = Thread(target=self._renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            # Where this fails, the next one waits until it counts as abandoned.
            with suppress(SofttopicError, OSError):
                if not self._lost and self.is_highest():
                    self._folder.write(self.name, self.content(released=True))

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            with suppress(SofttopicError, OSError):
                if not self.is_highest():
                    self._lost = True
                    return
                self._folder.write(self.name, self.content())


@contextmanager
def leased(folder: "StoreFolder") -> Iterator[Lease]:
    """Hold the right to write a folder.

    Raises
    ------
    InputError
        If another process holds it.
    """
    earlier = folder.names(LEASE)
    if earlier and not _is_free(folder, f"{LEASE}/{earlier[-1]}"):
        raise _taken(folder)
    lease = Lease(folder, _number(earlier[-1]) + 1 if earlier else 1)
    content = lease.content()
    if not folder.create(lease.name, content):
        raise _taken(folder)
    if not lease.is_highest():
        folder.remove(lease.name)
        raise _taken(folder)
    if folder.create(lease.name, content) or not folder.is_guarded:
        log.warning(
            "%s: this store has no conditional writes; let no second command write there meanwhile", folder.path
        )
    for name in earlier:
        folder.remove(f"{LEASE}/{name}")
    with lease.renewed():
        yield lease


def _is_free(folder: "StoreFolder", name: str) -> bool:
    """Whether a lease was released, or is not renewed while it is watched."""
    seen = _content(folder, name)
    if seen.get("released") is True:
        return True
    who = f"process {seen.get('process')} of {seen.get('host')}"
    log.info("%s was last written by %s; waiting for a sign of it", folder.path, who)
    end = time.monotonic() + STALE_SECONDS
    while time.monotonic() < end:
        time.sleep(_WATCH_SECONDS)
        if (now := _content(folder, name)) != seen:
            return now.get("released") is True
    return True


def _content(folder: "StoreFolder", name: str) -> dict[str, object]:
    """What a lease says; nothing where it is damaged or another process has removed it."""
    try:
        data = folder.read(name)
    except FileNotFoundError:
        return {}
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(name: str) -> int:
    return int(name) if name.isdecimal() else 0


def _taken(folder: "StoreFolder") -> InputError:
    return InputError(f"{folder.path} is being written by another process; wait for it, or give another folder")
