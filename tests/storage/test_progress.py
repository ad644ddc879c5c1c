import sys

import pytest

from softtopic.storage.progress import Progress


def test_nothing_is_shown_unless_asked_for(capfd):
    with Progress("reading", 3, "doc", show=False) as bar:
        bar.advance(3)
    assert capfd.readouterr() == ("", "")


def test_a_bar_is_shown_on_standard_error_alone(capsys):
    with Progress("reading", 8, "doc", done=2) as bar:
        bar.advance(3)
        bar.advance(3)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "reading:  25%" in shown.err
    assert "8/8" in shown.err
    assert " doc/s" in shown.err


def test_without_a_terminal_lines_are_few(capsys):
    with Progress("reading", 1000, "doc") as bar:
        for _ in range(1000):
            bar.advance(1)
    assert capsys.readouterr().err.count("reading") <= 3


def test_a_bar_ends_its_line_when_the_work_fails(capsys):
    with pytest.raises(ValueError, match="stop"), Progress("reading", 3, "doc"):
        raise ValueError("stop")
    assert capsys.readouterr().err.endswith("\n")


def test_a_bar_writes_where_standard_error_is_now(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    with Progress("reading", 1, "doc") as bar:
        bar.advance(1)
    shown = capsys.readouterr()
    assert "reading" in shown.out
    assert shown.err == ""
