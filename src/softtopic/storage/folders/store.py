"""A folder in an object store, such as s3://bucket/topics."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from softtopic.errors import DiskError, InputError, SofttopicError
from softtopic.storage.addresses import file_system, first_line, missing_package, readable
from softtopic.storage.folders.base import BaseFolder
from softtopic.storage.folders.lease import Lease, leased

# Lines of an object: it is written anew with each line, for objects cannot be appended to.
_LINES = 256


@dataclass
class _Claim:
    """The object of a record to which the holder of a lease appends."""

    lease: Lease
    number: int = 0
    lines: list[bytes] = field(default_factory=list)


@dataclass
class StoreFolder(BaseFolder):
    """Objects, of which each is written by one request; see `BaseFolder`.

    A record is a folder of objects with some lines each. Their names begin with the number of the lease that they were
    written under: a process that has lost its lease and does not know it yet replaces no line of another one.

    Attributes
    ----------
    url : str
        Address, without a slash at its end.
    is_guarded : bool
        False after `create` where the store cannot tell whether an object is new.
    """

    url: str
    is_guarded: bool = field(default=True, init=False, compare=False)
    _claim: _Claim | None = field(default=None, init=False, compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return StoreFolder, (self.url,)

    def at(self, name: str) -> str:
        return f"{self.url}/{name}" if name else self.url

    def read(self, name: str) -> bytes:
        with readable(self.at(name)):
            system, inside = file_system(self.at(name))
            return bytes(system.cat_file(inside))

    def size(self, name: str) -> int | None:
        try:
            with readable(self.at(name)):
                system, inside = file_system(self.at(name))
                system.invalidate_cache()
                about = system.info(inside)
                return about["size"] if about["type"] == "file" else None
        except FileNotFoundError:
            return None

    def names(self, folder: str = "") -> list[str]:
        try:
            with readable(self.at(folder)):
                system, inside = file_system(self.at(folder))
                # Other machines write, too.
                system.invalidate_cache()
                found = [one.rstrip("/") for one in system.ls(inside, detail=False)]
        except FileNotFoundError:
            return []
        return sorted(one.rpartition("/")[2] for one in found if one != inside)

    def write(self, name: str, data: bytes) -> None:
        with _writing(self.at(name)):
            system, inside = file_system(self.at(name))
            system.pipe_file(inside, data)

    def create(self, name: str, data: bytes) -> bool:
        with _writing(self.at(name)):
            system, inside = file_system(self.at(name))
            try:
                system.pipe_file(inside, data, mode="create")
            except FileExistsError:
                return False
            except Exception as error:
                if "ConditionalRequestConflict" in str(error):  # another process is writing it
                    return False
                if not _is_unknown(error):
                    raise
                self.is_guarded = False
                if self.size(name) is not None:
                    return False
                system.pipe_file(inside, data)
        return True

    def remove(self, name: str) -> None:
        with _writing(self.at(name)):
            system, inside = file_system(self.at(name))
            try:
                system.rm_file(inside)
            except FileNotFoundError:
                return

    @contextmanager
    def claim(self, record: str) -> Iterator[None]:
        """The claim of a process that was killed is free after some time; see `softtopic.storage.folders.lease`."""
        with leased(self) as lease:
            self._claim = _Claim(lease)
            try:
                yield
            finally:
                self._claim = None

    def append(self, record: str, line: bytes) -> None:
        claim = self._claim
        if claim is None:
            raise RuntimeError("append needs a claim")
        claim.lease.check()
        if len(claim.lines) == _LINES:
            claim.number, claim.lines = claim.number + 1, []
        claim.lines.append(line + b"\n")
        self.write(f"{record}/{claim.lease.number:05d}-{claim.number:05d}", b"".join(claim.lines))

    def lines(self, record: str) -> list[bytes]:
        names = self.names(record)
        if not names:
            return []
        with readable(self.at(record)):
            system, inside = file_system(self.at(record))
            paths = [f"{inside}/{name}" for name in names]
            found = system.cat(paths)
            return [line for path in paths for line in bytes(found[path]).split(b"\n")[:-1]]

    def clear(self, record: str) -> None:
        for name in self.names(record):
            self.remove(f"{record}/{name}")

    def is_free(self) -> bool:
        return all(name.startswith(".") for name in self.names())

    def check_writable(self) -> None:
        """Nothing: the first object that is written shows it as soon."""


@contextmanager
def _writing(url: str) -> Iterator[None]:
    """Whatever goes wrong while an object is written is a DiskError of one line that names it."""
    try:
        yield
    except SofttopicError:
        raise
    except ImportError as error:
        raise InputError(missing_package(url, error)) from None
    except Exception as error:  # each file system has errors of its own
        raise DiskError(
            f"{url} could not be written ({first_line(error)}); check the address and your access to it"
        ) from None


def _is_unknown(error: Exception) -> bool:
    """Whether a store says that it knows no conditional writes."""
    return isinstance(error, NotImplementedError | TypeError | ValueError) or (
        isinstance(error, OSError) and error.errno == errno.ENOSYS
    )
