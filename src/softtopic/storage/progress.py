"""Progress bars on standard error."""

import sys
from types import TracebackType


class Progress:
    """A progress bar with rate and remaining time, as a context manager.

    Where standard error is not a terminal it prints a line every 10 seconds.

    Parameters
    ----------
    description : str
        What is in progress, shown before the bar.
    total : int
        Number of units of the whole task.
    unit : str
        Name of a unit, e.g. "doc".
    done : int, default=0
        Number of units that an earlier run has finished.
    show : bool, default=True
        Whether to show anything at all.

    """

    def __init__(self, description: str, total: int, unit: str, *, done: int = 0, show: bool = True) -> None:
        self._bar = None
        if show:
            from tqdm import tqdm

            every = 0.1 if sys.stderr.isatty() else 10.0
            self._bar = tqdm(
                desc=description, total=total, unit=f" {unit}", initial=done, mininterval=every, file=sys.stderr
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, count: int) -> None:
        """Report `count` more units as done."""
        if self._bar is not None:
            self._bar.update(count)
