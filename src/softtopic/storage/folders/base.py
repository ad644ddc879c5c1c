"""The interface of a folder, on a disk or in an object store."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

from softtopic.storage.addresses import address_of


class BaseFolder(ABC):
    """Files by name, also in folders inside ("_rejected/part-00000.jsonl"), and records to which lines are appended.

    A file is there as a whole or not at all, so that readers need no lock. A folder can be sent to another machine.
    """

    @property
    def path(self) -> Path | str:
        """Where it is; a string is an address."""
        return self.at("")

    @abstractmethod
    def at(self, name: str) -> Path | str:
        """Where a file is."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Bytes of a file; raises FileNotFoundError, or OSError or InputError where it cannot be read."""

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Bytes of a file; None where it is not there."""

    @abstractmethod
    def names(self, folder: str = "") -> list[str]:
        """Names of the files and folders in a folder inside, sorted; none where it is not there."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all; an older one is replaced. Raises DiskError."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless one is there; returns whether it was written. Of several processes one writes it."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, where it is there."""

    @abstractmethod
    def claim(self, record: str) -> AbstractContextManager[None]:
        """Hold the right to append to a record.

        Raises
        ------
        InputError
            If another process holds it.
        """

    @abstractmethod
    def append(self, record: str, line: bytes) -> None:
        """Append a line to a record; only under `claim`."""

    @abstractmethod
    def lines(self, record: str) -> list[bytes]:
        """Complete lines of a record, in their order."""

    @abstractmethod
    def clear(self, record: str) -> None:
        """Remove all lines of a record; only under `claim`."""

    @abstractmethod
    def is_free(self) -> bool:
        """Whether nothing is there but hidden files, such as locks."""

    @abstractmethod
    def check_writable(self) -> None:
        """Raise DiskError, before any work, where nothing could be written."""


def open_folder(path: str | Path) -> BaseFolder:
    """The folder at a path or an address, which need not exist."""
    if (address := address_of(path)) is not None:
        from softtopic.storage.folders.store import StoreFolder

        return StoreFolder(address.rstrip("/"))
    from softtopic.storage.folders.disk import DiskFolder

    return DiskFolder(Path(path))
