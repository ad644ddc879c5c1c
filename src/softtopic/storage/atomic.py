"""Atomic writes: files and folders are written under a temporary name, flushed to disk, then renamed into place."""

import errno
import glob
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar
from uuid import uuid4

from filelock import BaseFileLock, FileLock, Timeout
from safetensors import SafetensorError

from softtopic.errors import DiskError, InputError, SofttopicError
from softtopic.storage.addresses import address_of

T = TypeVar("T")

# The end of a staging name: the process that owns it, then a random suffix.
_OWNED = re.compile(r"\.staging-(\d+)-[0-9a-f]{12}$")

# Seconds without a change after which a staging file counts as abandoned where processes cannot be asked for.
_STALE_AFTER = 3600

# Times that a folder may be replaced while it is read.
_REPLACEMENTS = 20


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a path, across processes.

    The lock file stands beside the path while the lock is held; the operating system frees the lock when its process
    dies.

    Parameters
    ----------
    path : Path
        File or folder to lock; it need not exist.

    Raises
    ------
    DiskError
        If the lock file cannot be written.

    """
    with claimed(path, wait=True):
        yield


@contextmanager
def claimed(path: Path, *, wait: bool) -> Iterator[bool]:
    """Try to hold an exclusive lock on a path, across processes; see `locked`.

    Parameters
    ----------
    wait : bool
        Wait until the path is free.

    Yields
    ------
    bool
        Whether the lock is held; False only without `wait`.

    Raises
    ------
    DiskError
        If the lock file cannot be written.

    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_lock_file(path))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            # A folder that takes no files, such as /proc, looks like a lock that somebody holds for ever.
            check_writable(path)
            if wait:
                lock.acquire()
    if not lock.is_locked:
        yield False
        return
    try:
        yield True
    finally:
        _release(lock)


def _release(lock: BaseFileLock) -> None:
    """Release a lock and remove its file; a process that waits for it sees that it is gone and makes a new one."""
    # Windows does not remove open files.
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()
    if os.name == "nt":
        with suppress(OSError):
            Path(lock.lock_file).unlink()


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Hold the right to write a path for as long as it takes to compute what is written.

    Others that change it meanwhile, with `locked`, are not kept from it.

    Raises
    ------
    InputError
        If another process has that right.
    DiskError
        If the lock file cannot be written.

    """
    with claimed(path.with_name(f"{path.name}.writer"), wait=False) as mine:
        if not mine:
            raise InputError(f"{path} is being written by another process; wait for it, or give another place")
        yield


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """Write a file atomically.

    Parameters
    ----------
    path : Path
        Destination; an existing file is replaced in one step.

    Yields
    ------
    Path
        Temporary path to write to; it is renamed to `path` unless the block raises.

    Raises
    ------
    DiskError
        If the file cannot be written; nothing half-written remains.

    """
    with _staged(path) as staging:
        yield staging
        _flush(staging)
        os.replace(staging, path)


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Write a folder atomically.

    Parameters
    ----------
    folder : Path
        Destination; an existing folder is replaced.

    Yields
    ------
    Path
        Temporary folder to fill; it is renamed to `folder` unless the block raises.

    Raises
    ------
    DiskError
        If the folder cannot be written; nothing half-written remains.

    """
    aside = _aside(folder)
    if aside.is_dir():
        # A process was killed between the two renames below: the old folder is the good one.
        shutil.rmtree(aside) if folder.exists() else os.replace(aside, folder)
    with _staged(folder) as staging:
        staging.mkdir()
        yield staging
        for path in staging.rglob("*"):
            if path.is_file():
                # As new files are: safetensors lets nobody but the owner read its own.
                path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IMODE(staging.stat().st_mode) & 0o666)
                _flush(path)
        if folder.exists():
            os.replace(folder, aside)
        os.replace(staging, folder)
        shutil.rmtree(aside, ignore_errors=True)


def recover_folder(folder: Path) -> None:
    """Put back the older folder where a process was killed while it replaced it; see `staged_folder`."""
    if _aside(folder).is_dir() and not folder.exists():
        with locked(folder), disk_errors(folder):
            if _aside(folder).is_dir() and not folder.exists():
                os.replace(_aside(folder), folder)
    remove_abandoned(folder)


def read_folder(folder: Path, read: Callable[[], T]) -> T:
    """What `read` returns; it is called again where another process replaced the folder meanwhile."""
    recover_folder(folder)
    for _ in range(_REPLACEMENTS):
        before = _identity(folder)
        try:
            return read()
        except SofttopicError:
            recover_folder(folder)
            if _identity(folder) == before:
                raise
    return read()


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _aside(folder: Path) -> Path:
    """Where an older folder is while a new one takes its place."""
    return folder.with_name(f".{folder.name}.aside")


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    """A temporary name beside the path, removed at the end; names left by killed processes are removed first.

    The name holds the process id: another process may be writing the same path and must not lose its file.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob(f".{glob.escape(path.name)}.staging-*"):
            if not _in_use(stale):
                _remove(stale)
        staging = path.with_name(f".{path.name}.staging-{os.getpid()}-{uuid4().hex[:12]}")
        try:
            yield staging
        finally:
            _remove(staging)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder: staging names, and lock files that nobody holds.

    What is locked is left alone, for its process may be one of another machine.
    """
    for path in folder.glob(".*"):
        if path.name.endswith(".lock"):
            remove_abandoned(path.with_name(path.name.removeprefix(".").removesuffix(".lock")))
        elif (owner := _OWNED.search(path.name)) and not _in_use(path):
            written = path.with_name(path.name[1 : owner.start()])
            with suppress(DiskError), claimed(written, wait=False) as mine:
                if mine:
                    _remove(path)


def remove_abandoned(path: Path) -> None:
    """Remove what a process left that was killed after a path was written: its lock file, and an older folder."""
    lock_file, aside = _lock_file(path), _aside(path)
    if lock_file.exists() or aside.is_dir():
        lock = FileLock(lock_file)
        # Another process or thread may hold it, or it may be that of another user.
        with suppress(OSError, Timeout, RuntimeError):
            lock.acquire(blocking=False)
            if path.exists():
                shutil.rmtree(aside, ignore_errors=True)
            _release(lock)


def _lock_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _in_use(staging: Path) -> bool:
    """Whether the process that owns the staging name is alive."""
    owner = _OWNED.search(staging.name)
    if owner is None:
        return False
    if os.name != "posix":
        # On Windows os.kill would end the process.
        return staging.exists() and abs(time.time() - staging.stat().st_mtime) < _STALE_AFTER
    try:
        os.kill(int(owner[1]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    if (address := address_of(path)) is not None:
        raise DiskError(f"{address} could not be written (it is in an object store); give a path on this machine")
    try:
        yield
    except DiskError:
        raise
    except (OSError, SafetensorError) as error:
        # safetensors wraps OSError into an error of its own.
        reason = getattr(error, "strerror", None) or str(error)
        step = "free some space or choose another place" if _is_full(error) else "choose another place"
        raise DiskError(f"{path} could not be written ({reason}); {step}") from error


def _is_full(error: BaseException) -> bool:
    """Whether a disk or a quota is full, or the error does not say."""
    number = getattr(error, "errno", None)
    return number is None or number in (errno.ENOSPC, errno.EDQUOT)


def check_writable(path: Path) -> None:
    """Raise DiskError, before any work, where a file or folder could not be created at a path.

    A temporary file is created and removed in the nearest folder above it that exists: permissions alone do not tell
    of a read-only file system.
    """
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    with disk_errors(path), TemporaryFile(dir=folder):
        pass


def _flush(path: Path) -> None:
    """Flush to disk, so that a power cut cannot keep the rename and lose the content."""
    mode = path.stat().st_mode
    if not mode & stat.S_IWUSR:
        path.chmod(mode | stat.S_IWUSR)
    # Windows flushes only handles that are open for writing.
    with path.open("r+b") as written:
        os.fsync(written.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(PermissionError):
            path.unlink(missing_ok=True)
