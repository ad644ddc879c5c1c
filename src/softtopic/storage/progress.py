"""Progress bars on standard error, for steps that take longer than a breath."""

import sys
from types import TracebackType


class Progress:
    """A bar with rate and time left; nothing at all unless shown. Where no terminal looks, a line every 10 seconds."""

    def __init__(self, what: str, total: int, unit: str, *, done: int = 0, show: bool = True) -> None:
        self._bar = None
        if show:
            from tqdm import tqdm

            every = 0.1 if sys.stderr.isatty() else 10.0
            self._bar = tqdm(desc=what, total=total, unit=f" {unit}", initial=done, mininterval=every, file=sys.stderr)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, count: int) -> None:
        if self._bar is not None:
            self._bar.update(count)
