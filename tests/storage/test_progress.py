import io
import sys

import pytest

from softtopic.storage import progress
from softtopic.storage.progress import Progress, RunClock, clock_of, duration, noting_what_is_kept


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch) -> Terminal:
    """Not a fixture: pytest replaces standard error after fixtures are set up."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


@pytest.fixture
def now(monkeypatch):
    """A clock that tests set."""
    time = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: time[0])
    return time


def test_nothing_is_shown_unless_asked_for(capfd):
    with Progress("reading", 3, "doc", show=False) as bar:
        bar.advance(3)
    assert capfd.readouterr() == ("", "")


def test_a_bar_is_shown_on_standard_error_alone(monkeypatch, capsys):
    terminal = on_a_terminal(monkeypatch)
    with Progress("reading", 8, "doc", done=2) as bar:
        bar.advance(3)
        bar.advance(3)
    assert capsys.readouterr().out == ""
    shown = terminal.getvalue()
    assert "reading:  25%" in shown
    assert "8/8" in shown
    assert " doc/s" in shown


def test_without_a_terminal_there_is_a_line_every_10_seconds_over_all_steps(capsys, now):
    clock = RunClock({"reading": 30.0, "training": 20.0})
    for step in ("reading", "training"):
        with Progress(step, 1000, "doc", show=clock) as bar:
            for _ in range(1000):
                now[0] += 0.013
                bar.advance(1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("reading: 770 of 1,000 doc, ")
    assert lines[1].startswith("training: 540 of 1,000 doc, ")
    assert all(line.endswith(" left in all") for line in lines)


def test_a_short_step_prints_no_line_without_a_terminal(capsys):
    with Progress("reading", 1000, "doc") as bar:
        bar.advance(1000)
    assert capsys.readouterr().err == ""


def test_a_bar_ends_its_line_when_the_work_fails(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    with pytest.raises(ValueError, match="stop"), Progress("reading", 3, "doc"):
        raise ValueError("stop")
    assert terminal.getvalue().endswith("\n")


def test_a_bar_writes_where_standard_error_is_now(monkeypatch, capsys):
    terminal = on_a_terminal(monkeypatch)
    with Progress("reading", 1, "doc") as bar:
        bar.advance(1)
    assert "reading" in terminal.getvalue()
    assert capsys.readouterr().err == ""


def test_a_bar_shows_the_time_left_of_all_steps_from_the_start(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    clock = RunClock({"reading": 600.0, "training": 300.0})
    with Progress("reading", 4, "doc", show=clock):
        pass
    assert "15 min left in all" in terminal.getvalue()
    # The line is cleared, and the next step is shown on it.
    assert terminal.getvalue().endswith(" \r")
    assert "\n" not in terminal.getvalue()


def test_the_time_left_follows_what_was_measured():
    clock = RunClock({"opening": 5.0, "reading": 60.0, "training": 30.0})
    clock.start("reading")  # the model was open
    assert clock.seconds_left(1.0) == pytest.approx(90)
    # Half of it took twice the time.
    assert clock.seconds_left(0.5, done=0.5, seconds=60.0) == pytest.approx(60 + 60, rel=0.1)
    clock.end(1.0, 120.0)
    clock.start("training")
    assert clock.seconds_left(1.0) == pytest.approx(60, rel=0.05)
    clock.end(1.0, 60.0)
    clock.start("a step of its own")
    assert clock.seconds_left(1.0) == 0


def test_steps_of_a_longer_run_correct_what_was_expected_of_them():
    run = RunClock({"sampling": 10.0, "training": 500.0, "applying": 20.0})
    run.start("sampling")
    assert run.seconds_left(1.0) == pytest.approx(530)
    run.end(1.0, 10.0)
    assert clock_of(run, {"sampling": 10.0, "training": 50.0}) is run
    run.start("training")
    assert run.seconds_left(1.0) == pytest.approx(70)
    assert clock_of(False, {"training": 50.0}) is False
    own = clock_of(True, {"training": 50.0})
    assert isinstance(own, RunClock)
    own.start("training")
    assert own.seconds_left(1.0) == pytest.approx(50)


def test_what_an_earlier_run_has_kept_does_not_make_a_step_look_fast():
    clock = RunClock({"reading": 100.0, "training": 50.0})
    clock.start("reading")
    assert clock.seconds_left(0.1) == pytest.approx(10 + 50)
    clock.end(0.1, 10.0)
    clock.start("training")
    assert clock.seconds_left(1.0) == pytest.approx(50)


def test_the_time_left_is_never_negative(monkeypatch):
    """More documents than were expected, and a clock of the machine that is set back."""
    clock = RunClock({"reading": 100.0, "training": 50.0})
    clock.start("reading")
    assert clock.seconds_left(-0.5, done=1.5, seconds=10.0) >= 0
    monkeypatch.setattr("time.time", lambda: -1e9)
    terminal = on_a_terminal(monkeypatch)
    with Progress("reading", 2, "doc", show=RunClock({"reading": 600.0})) as bar:
        bar.advance(5)
    assert "-" not in terminal.getvalue().split("left in all")[0].rsplit("[", 1)[-1]


def test_an_interrupt_says_what_is_kept():
    with pytest.raises(KeyboardInterrupt) as stop, noting_what_is_kept(lambda: "3 of 8 documents are kept"):
        raise KeyboardInterrupt
    assert stop.value.__notes__ == ["3 of 8 documents are kept"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (9.4, "9 s"), (44.0, "40 s"), (100.0, "2 min"), (3600.0, "60 min"), (7800.0, "2 h 10 min")],
)
def test_durations_are_rounded(seconds, said):
    assert duration(seconds) == said
