"""What is printed, and where: consoles of any encoding, control characters, full disks."""

import json
import logging
import os
import subprocess
import sys

import pytest

from softtopic.cli.output import finite, print_json, print_table, print_topic_records, printable, show_messages


def cli(*arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "softtopic.cli", *map(str, arguments)],
        capture_output=True, env=os.environ | environment, timeout=300, check=False,
    )  # fmt: skip


def test_control_characters_are_shown_and_not_obeyed():
    assert printable("a\x1b[31mred\x9bm\x07\n\u202eb") == r"a\x1b[31mred\x9bm\x07  b"
    assert printable("żółw 数据") == "żółw 数据"


def test_messages_hold_no_control_characters(capsys, monkeypatch):
    logger = logging.getLogger("softtopic")
    monkeypatch.setattr(logger, "handlers", [])
    show_messages(quiet=False)
    logger.warning("column %s", "\x1b[2J")
    assert capsys.readouterr().err == "softtopic: column \\x1b[2J\n"


def test_json_holds_no_nan_and_no_control_characters(capsys):
    print_json({"a": [float("nan"), 1.5, {"b": float("-inf")}], "c": "\x9b\x7f"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": [None, 1.5, {"b": None}], "c": "\x9b\x7f"}
    assert "\x9b" not in out
    assert finite((float("inf"), 2)) == [None, 2]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_of_any_encoding_shows_all_letters(model, encoding):
    for options in ([], ["--json"]):
        done = cli("topics", model, *options, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert done.returncode == 0, done.stderr
        if options:
            assert json.loads(done.stdout.decode(encoding))["topics"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_under_standard_output_is_one_line(model):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "softtopic.cli", "topics", str(model)],
            stdout=full, stderr=subprocess.PIPE, timeout=300, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("columns", [70, 80, 120])
def test_a_topic_is_one_line_that_fits_the_terminal(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    records = [
        {"topic": number, "count": 10**number, "name": "a name of some length", "words": ["word"] * 10,
         "representative_documents": ["A document that is longer than the line of a terminal. " * 4]}
        for number in range(4)
    ]  # fmt: skip
    print_topic_records(records, named=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= columns
    assert all("word" in line and "name" in line for line in lines[1:])


def test_without_a_terminal_only_the_last_column_is_cut(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(["words", "text"], [["w" * 200, "t" * 200]])
    assert "w" * 200 in capsys.readouterr().out
