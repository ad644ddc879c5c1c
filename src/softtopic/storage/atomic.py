"""Files and folders that appear whole or not at all: written beside their place, flushed, then renamed into it."""

import glob
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock
from safetensors import SafetensorError

from softtopic.errors import DiskError

# The end of a staging name: the process, then what tells its own apart.
_OWNED = re.compile(r"\.staging-(\d+)-[0-9a-f]{12}$")

# Seconds since a staging file grew, after which nobody is taken to write it.
_LONGEST_WRITE = 3600


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock beside a path: one process at a time; the system frees it when a process dies."""
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """A path to write that becomes `path` at the end; what stood there is replaced in one step."""
    with _staged(path) as staging:
        yield staging
        _flush(staging)
        os.replace(staging, path)


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill that becomes `folder` at the end; a folder that stood there gives way."""
    aside = folder.with_name(f".{folder.name}.aside")
    if aside.is_dir():
        # A process was killed between the two renames below: the old folder is the good one.
        shutil.rmtree(aside) if folder.exists() else os.replace(aside, folder)
    with _staged(folder) as staging:
        staging.mkdir()
        yield staging
        for path in staging.rglob("*"):
            if path.is_file():
                _flush(path)
        if folder.exists():
            os.replace(folder, aside)
        os.replace(staging, folder)
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    """A fresh name beside the path, gone at the end; what killed processes left there is removed first.

    The name says whose it is: another process may be writing the same path, and must not lose what it has.
    """
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob(f".{glob.escape(path.name)}.staging-*"):
            if not _in_use(stale):
                _remove(stale)
        staging = path.with_name(f".{path.name}.staging-{os.getpid()}-{uuid4().hex[:12]}")
        try:
            yield staging
        finally:
            _remove(staging)


def _in_use(staging: Path) -> bool:
    """Whether the process that made it lives."""
    named = _OWNED.search(staging.name)
    if named is None:
        return False
    if os.name != "posix":
        # Elsewhere asking for a process may end it.
        return staging.exists() and time.time() - staging.stat().st_mtime < _LONGEST_WRITE
    try:
        os.kill(int(named[1]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except DiskError:
        raise
    except (OSError, SafetensorError) as error:
        # safetensors wraps the system's error into its own.
        reason = getattr(error, "strerror", None) or str(error)
        raise DiskError(f"{path} could not be written ({reason}); free some space or choose another place") from error


def _flush(path: Path) -> None:
    """To the disk itself: a rename must not outlive the bytes it publishes."""
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
