"""A folder on a disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from softtopic.errors import InputError
from softtopic.storage.atomic import check_writable, claimed, disk_errors, locked, staged_file
from softtopic.storage.folders.base import BaseFolder


@dataclass(frozen=True)
class DiskFolder(BaseFolder):
    """Files that are renamed into place; a record is a file that is appended to. See `BaseFolder`."""

    folder: Path

    def at(self, name: str) -> Path:
        return self.folder / name

    def read(self, name: str) -> bytes:
        return self.at(name).read_bytes()

    def size(self, name: str) -> int | None:
        try:
            return self.at(name).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, folder: str = "") -> list[str]:
        try:
            return sorted(file.name for file in self.at(folder).iterdir())
        except FileNotFoundError:
            return []

    def write(self, name: str, data: bytes) -> None:
        with staged_file(self.at(name)) as staging:
            staging.write_bytes(data)

    def create(self, name: str, data: bytes) -> bool:
        with locked(self.folder):
            if is_new := self.size(name) is None:
                self.write(name, data)
        return is_new

    def remove(self, name: str) -> None:
        with disk_errors(self.at(name)):
            self.at(name).unlink(missing_ok=True)

    @contextmanager
    def claim(self, record: str) -> Iterator[None]:
        """The operating system frees the claim of a process that has ended."""
        with claimed(self.at(record), wait=False) as mine:
            if not mine:
                raise InputError(
                    f"{self.folder} is being written by another process; wait for it, or give another folder"
                )
            with disk_errors(self.folder), self.at(record).open("a+b") as stream:
                # A line that a killed process has begun ends here, and is none.
                if stream.tell() and not _ends_line(self.at(record)):
                    stream.write(b"\n")
            yield

    def append(self, record: str, line: bytes) -> None:
        with disk_errors(self.folder), self.at(record).open("ab") as stream:
            stream.write(line + b"\n")

    def lines(self, record: str) -> list[bytes]:
        try:
            return self.read(record).split(b"\n")[:-1]
        except FileNotFoundError:
            return []

    def clear(self, record: str) -> None:
        self.remove(record)

    def is_free(self) -> bool:
        if not self.folder.exists():
            return True
        return self.folder.is_dir() and all(name.startswith(".") for name in self.names())

    def check_writable(self) -> None:
        check_writable(self.folder / "file")


def _ends_line(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, 2)
        return stream.read() == b"\n"
