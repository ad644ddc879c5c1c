"""When freed memory is kept for the next step, and when it is returned to the operating system."""

import ctypes
import gc
from functools import cache

# Parameters of glibc's mallopt: the size of a block from which it is mapped on its own, and how much free memory there
# may be at the end of the heap.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1


@cache
def reuse_memory() -> bool:
    """Keep freed memory of this process for its next arrays, until `release_memory`.

    By default, glibc returns blocks of a megabyte at once, and each new array costs a page fault for every four
    kilobytes: a tenth of the time of a language model's pass.

    Returns
    -------
    bool
        False where the C library has no such setting (musl, macOS, Windows).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
        # The first is the largest that glibc takes.
        return bool(mallopt(_MMAP_THRESHOLD, 1 << 25) and mallopt(_TRIM_THRESHOLD, 1 << 29))
    except (AttributeError, OSError, TypeError):
        return False


def release_memory(*, collect: bool = True) -> bool:
    """Return freed memory to the operating system.

    glibc keeps what Python and torch have freed. After a language model has been used, that is more than all later
    steps need, and their memory would come on top of it.

    Parameters
    ----------
    collect : bool, default=True
        Run the garbage collector first, which takes most of the time.

    Returns
    -------
    bool
        False where the C library cannot release memory (musl, macOS, Windows).

    """
    if collect:
        gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return False
    return True
