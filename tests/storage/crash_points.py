"""A child process that ends, or whose disk is full, before its n-th change of the file system.

What it had written to the file that it flushes is cut in half.
"""

import errno
import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import threadpoolctl
import torch

from softtopic.errors import SofttopicError

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")
TAKES_SPACE = ("os.mkdir",)
WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


# Exit codes of a child that ended at its point, that said so in one line, and that did anything else.
ENDED, SAID, FAILED = 9, 8, 3


def ends_before(run: Callable[[], object], point: int, *, full: bool = False) -> bool:
    """Run in a child process that ends before this change; False where it has fewer.

    With `full` the disk takes nothing from this change on, and the child must say so in one line.
    """
    child = os.fork()
    if child == 0:
        code = FAILED
        try:
            use_one_thread()
            reached = _count_down(point, full)
            run()
            code = 0 if not (full and reached()) else SAID  # a cache that is not kept is a warning
        except SofttopicError as error:
            code = SAID if "\n" not in str(error) else FAILED
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in ((0, SAID) if full else (0, ENDED)), code
    return code != 0


@contextmanager
def frozen() -> Iterator[None]:
    """Leave what is there alone when garbage is collected: child processes then share the memory of this one."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def use_one_thread() -> None:
    """In a child process, which inherits pools of threads without the threads."""
    threadpoolctl.threadpool_limits(1)
    # Torch asks OpenMP for a number of threads of its own.
    torch.set_num_threads(1)


def _count_down(point: int, full: bool) -> Callable[[], bool]:
    left = [point]

    def change() -> None:
        left[0] -= 1
        if left[0] < 0:
            if full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os._exit(ENDED)

    def hook(event: str, arguments: tuple) -> None:
        if event in (TAKES_SPACE if full else CHANGES) or (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITE
        ):
            change()

    def fsync(number: int) -> None:
        if left[0] == 0 and not full:
            os.ftruncate(number, os.fstat(number).st_size // 2)
        change()

    os.fsync = fsync
    sys.addaudithook(hook)
    return lambda: left[0] < 0


def points(
    prepare: Callable[[], None],
    run: Callable[[], object],
    check: Callable[[], None],
    *,
    full: bool = False,
    step: int = 1,
) -> int:
    """End at each point in turn, or at each so many-th; returns their number."""
    # Processes end here, the machine does not: what was written is there without waiting for the disk.
    with frozen(), mock.patch("os.fsync"):
        for point in range(0, 500, step):
            prepare()
            ended = ends_before(run, point, full=full)
            check()
            if not ended:
                return point
    raise AssertionError("the run has no end")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def cleared(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
