"""Return freed memory to the operating system."""

import ctypes
import gc


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
