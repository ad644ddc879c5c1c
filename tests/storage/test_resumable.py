import json

import pytest

from softtopic.errors import DiskError, InputError
from softtopic.storage import resumable
from softtopic.storage.resumable import resumable_lines

MADE_OF = {"model": "a", "options": {"text": "body"}}


class StoppedError(Exception):
    pass


def write(path, lines, *, resume=True, made_of=MADE_OF, stop=None) -> int:
    """Number of lines that were there; with `stop` so many lines are written, and a part of the next."""
    with resumable_lines(path, made_of, resume=resume) as (stream, done):
        for line in lines[done:stop]:
            stream.write(line + b"\n")
            stream.flush()
        if stop is not None:
            stream.write(lines[stop][:2])
            stream.flush()
            raise StoppedError
    return done


@pytest.fixture
def lines():
    return [b"line %d" % number for number in range(9)]


def test_what_was_complete_is_kept_and_the_rest_is_cut(tmp_path, lines):
    path = tmp_path / "theta.jsonl"
    for stop in (3, 3, 5):
        with pytest.raises(StoppedError):
            write(path, lines, stop=stop)
        assert not path.exists()
    assert write(path, lines) == 5
    assert path.read_bytes().splitlines() == lines
    assert [one.name for one in tmp_path.iterdir()] == ["theta.jsonl"]


def test_without_resume_lines_of_an_earlier_run_are_not_thrown_away(tmp_path, lines):
    path, partial = tmp_path / "theta.jsonl", tmp_path / "theta.jsonl.partial"
    with pytest.raises(StoppedError):
        write(path, lines, stop=3)
    before = partial.read_bytes()
    with pytest.raises(
        InputError, match=r"partial has 3 documents of an earlier run; add --resume to continue it, or "
    ):
        write(path, lines, resume=False)
    assert partial.read_bytes() == before
    partial.unlink()
    with pytest.raises(StoppedError):
        write(path, lines, resume=False, stop=0)
    assert write(path, lines, resume=False) == 0
    assert path.read_bytes().splitlines() == lines


def test_lines_of_something_else_are_not_continued(tmp_path, lines):
    path = tmp_path / "theta.jsonl"
    with pytest.raises(StoppedError):
        write(path, lines, stop=3)
    with pytest.raises(InputError, match=r"theta\.jsonl\.partial was begun with another model; give the same again"):
        write(path, lines, made_of=MADE_OF | {"model": "b"})
    (tmp_path / "theta.jsonl.partial.json").write_text("{")
    with pytest.raises(InputError, match="was begun with another model, options"):
        write(path, lines)
    (tmp_path / "theta.jsonl.partial.json").unlink()
    assert write(path, lines) == 0


def test_a_second_writer_is_told(tmp_path, lines):
    path = tmp_path / "theta.jsonl"
    with resumable_lines(path, MADE_OF, resume=True), pytest.raises(InputError, match="being written by another"):
        write(path, lines)


def test_the_finished_file_replaces_an_older_one_at_the_end(tmp_path, lines):
    path = tmp_path / "theta.jsonl"
    path.write_text("older")
    with pytest.raises(StoppedError):
        write(path, lines, stop=2)
    assert path.read_text() == "older"
    assert json.loads((tmp_path / "theta.jsonl.partial.json").read_text()) == MADE_OF
    assert write(path, lines) == 2
    assert path.read_bytes().splitlines() == lines


def test_a_folder_that_is_a_file_is_one_line(tmp_path, lines):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="could not be written"):
        write(tmp_path / "file" / "theta.jsonl", lines)


@pytest.mark.parametrize("damage", ["flip", "cut", "swap", "other", "no sums"])
def test_lines_that_were_damaged_meanwhile_are_found_named_and_written_again(tmp_path, monkeypatch, caplog, damage):
    monkeypatch.setattr(resumable, "_BLOCK", 64)
    lines = [b"line %03d" % number for number in range(100)]
    path, partial = tmp_path / "theta.jsonl", tmp_path / "theta.jsonl.partial"
    with pytest.raises(StoppedError):
        write(path, lines, stop=80)
    data = bytearray(partial.read_bytes())
    if damage == "flip":
        data[400] ^= 1
    elif damage == "cut":
        del data[405:]
    elif damage == "swap":
        data[180:270], data[450:540] = data[450:540], data[180:270]
    elif damage == "other":
        data[:] = b"of another run\n" * 60
    else:
        (tmp_path / "theta.jsonl.partial.sums").unlink()
    partial.write_bytes(data)
    done = write(path, lines)
    assert done == {"flip": 40, "cut": 40, "swap": 16, "other": 0, "no sums": 0}[damage]
    assert ("is damaged behind line" in caplog.text) == (damage != "no sums")
    assert path.read_bytes().splitlines() == lines
    assert [one.name for one in tmp_path.iterdir()] == ["theta.jsonl"]
