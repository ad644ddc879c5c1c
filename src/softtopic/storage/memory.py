"""Memory that was let go, given back to the machine."""

import ctypes
import gc


def give_back(*, cycles: bool = True) -> bool:
    """Return freed memory to the system; False where the C library cannot.

    glibc keeps what Python and torch have freed. After a language model has read, that is more than all later steps
    need, and they would be counted on top of it. Without `cycles`, objects that refer to each other are not looked for,
    which takes most of the time.
    """
    if cycles:
        gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    return True
