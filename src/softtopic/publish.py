"""Files and folders that appear whole or not at all: written beside their place, flushed, then renamed into it."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock
from safetensors import SafetensorError

from softtopic.errors import DiskError


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
    """A fresh name beside the path, gone at the end; what killed processes left there is removed first."""
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob(f".{glob.escape(path.name)}.staging-*"):
            _remove(stale)
        staging = path.with_name(f".{path.name}.staging-{uuid4().hex[:12]}")
        try:
            yield staging
        finally:
            _remove(staging)


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
