"""Progress on standard error: a bar for each step, and the time left of all steps together."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from types import TracebackType

# Where standard error is not a terminal, seconds between two lines.
_LINE_SECONDS = 10.0
# Expected times count as if so many seconds had been measured and had met them.
_PRIOR_SECONDS = 2.0


class Step(StrEnum):
    """Steps of a fit, in order, as they are shown; the first and the last are of `fit --fit-on`."""

    SAMPLE = "drawing a sample"
    ENCODE = "encoding documents"
    CHOOSE_PROMPT = "choosing a prompt"
    OPEN_TEACHER = "opening the language model"
    READ = "reading documents"
    GROUP = "grouping documents"
    TRAIN = "training"
    DESCRIBE = "describing topics"
    MIXTURES = "computing mixtures"


class RunClock:
    """Time left of several steps: expected times, corrected by the ratio of measured to expected time so far.

    Parameters
    ----------
    expected : mapping of str to float
        Expected time of each step in seconds, in the order of the steps.

    Examples
    --------
    >>> clock = RunClock({"read": 60.0, "train": 30.0})
    >>> clock.start("read")
    >>> clock.seconds_left(0.0, seconds=0.0)
    90.0
    >>> clock.seconds_left(0.5, seconds=60.0) > 100  # half of it took twice the time expected
    True
    """

    def __init__(self, expected: Mapping[str, float]) -> None:
        self._ahead = dict(expected)
        self._step = 0.0
        self._measured = self._expected = _PRIOR_SECONDS
        self.last_line = time.monotonic()

    def start(self, step: str) -> None:
        """Begin a step; earlier ones that were not begun are left out, because there was nothing to do."""
        if step not in self._ahead:
            self._step = 0.0
            return
        while True:
            name = next(iter(self._ahead))
            self._step = self._ahead.pop(name)
            if name == step:
                return

    def correct(self, expected: Mapping[str, float]) -> None:
        """Replace the expected times of steps that are not begun yet."""
        self._ahead.update({step: seconds for step, seconds in expected.items() if step in self._ahead})

    def seconds_left(self, remaining: float, *, done: float = 0.0, seconds: float = 0.0) -> float:
        """Expected time to the end of the last step.

        Parameters
        ----------
        remaining : float in [0, 1]
            Share of the current step that is still to be done.
        done : float in [0, 1]
            Share of it that was done since it began; what an earlier run has kept is not part of it.
        seconds : float
            Time that took.
        """
        # More may be done than was expected in all.
        remaining = max(0.0, remaining)
        expected = self._step * done
        ratio = (self._measured + seconds) / (self._expected + expected)
        # The step itself goes on at its own pace.
        own = (ratio * _PRIOR_SECONDS + seconds) / (_PRIOR_SECONDS + expected)
        return own * self._step * remaining + ratio * sum(self._ahead.values())

    def end(self, done: float, seconds: float) -> None:
        """End the current step; see `seconds_left`."""
        self._expected += self._step * done
        self._measured += seconds if self._step else 0.0
        self._step = 0.0


def clock_of(progress: bool | RunClock, expected: Mapping[str, float]) -> bool | RunClock:
    """Whether these steps are shown, and by which clock: one of their own, or that of a longer run."""
    if isinstance(progress, RunClock):
        progress.correct(expected)
        return progress
    return RunClock(expected) if progress else False


class Progress:
    """Progress of one step, as a context manager.

    A bar on a terminal, which messages that go through `tqdm.write` do not break; elsewhere a line every 10 seconds.

    Parameters
    ----------
    description : str
        What is in progress, shown before the bar.
    total : int
        Number of units of the whole step.
    unit : str
        Name of a unit, e.g. "doc".
    done : int, default=0
        Number of units that an earlier run has finished.
    show : bool or RunClock, default=True
        Whether to show anything at all. A clock shows the time left of all its steps, not that of this step alone.

    """

    def __init__(
        self, description: str, total: int, unit: str, *, done: int = 0, show: "bool | RunClock" = True
    ) -> None:
        self._description, self._total, self._unit = str(description), total, unit
        self._before = self._done = done
        self._clock = show if isinstance(show, RunClock) else RunClock({})
        self._whole_run = isinstance(show, RunClock)
        self._clock.start(self._description)
        self._start = time.monotonic()
        self._bar = None
        self._lines = bool(show) and not sys.stderr.isatty()
        if show and not self._lines:
            from tqdm import tqdm

            layout = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
            self._bar = tqdm(
                desc=self._description,
                total=total,
                unit=f" {unit}",
                initial=done,
                file=sys.stderr,
                dynamic_ncols=True,
                # The steps of a run follow each other on one line.
                leave=not self._whole_run,
                bar_format=layout if self._whole_run else None,
                postfix=self._left() if self._whole_run else None,
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._clock.end(*self._measured())
        if self._bar is not None:
            self._bar.close()

    def advance(self, count: int) -> None:
        """Report `count` more units as done."""
        self._done += count
        if self._bar is not None:
            if self._whole_run:
                self._bar.set_postfix_str(self._left(), refresh=False)
            self._bar.update(count)
        elif self._lines and time.monotonic() - self._clock.last_line >= _LINE_SECONDS:
            self._clock.last_line = time.monotonic()
            left = f", {self._left()}" if self._whole_run else ""
            sys.stderr.write(f"{self._description}: {self._done:,} of {self._total:,} {self._unit}{left}\n")
            sys.stderr.flush()

    def advance_to(self, done: int) -> None:
        """Report that so many units are done in all."""
        self.advance(done - self._done)

    def _measured(self) -> tuple[float, float]:
        """Share of the step that was done since it began, and the seconds that took."""
        return (self._done - self._before) / max(1, self._total), time.monotonic() - self._start

    def _left(self) -> str:
        done, seconds = self._measured()
        left = self._clock.seconds_left(1 - self._done / max(1, self._total), done=done, seconds=seconds)
        return f"{duration(left)} left in all"


@contextmanager
def noting_what_is_kept(note: Callable[[], str]) -> Iterator[None]:
    """Add a note to a KeyboardInterrupt that passes, for the message of the command."""
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.add_note(note())
        raise


def duration(seconds: float) -> str:
    """A time span as people say it: "40 s", "3 min", "2 h 10 min"; to 10 seconds, or to minutes."""
    if seconds < 95:
        return f"{max(1, round(seconds / 10)) * 10} s" if seconds >= 10 else f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
