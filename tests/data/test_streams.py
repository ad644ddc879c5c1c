"""Documents from streams: what is read, in which order and when, and what is refused."""

import gzip
import io
import time
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.data import streams
from softtopic.data.readers import Columns
from softtopic.data.streams import InvalidLine, Record, read_blocks, read_items, timed_batches
from softtopic.errors import InputError


def texts(data: bytes, size: int = 7, **how) -> list[str]:
    """Texts, and messages of invalid lines, from blocks of a few bytes."""
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    return [one.message if isinstance(one, InvalidLine) else one.text for one in read_items(blocks, **how)]


@pytest.mark.parametrize("size", [1, 2, 5, 100])
@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
        # As tapes and block devices pad files.
        lambda data: gzip.compress(data[:9]) + bytes(20) + gzip.compress(data[9:]) + bytes(20),
    ],
)
def test_formats_are_read_in_blocks_of_any_size(size, pack):
    assert texts(pack('{"text": "é one"}\n\n{"text": null}\r\n{"text": "two"}'.encode()), size) == ["é one", "", "two"]
    assert texts(pack("one, ü\n\nthree\n".encode()), size) == ["one, ü", "", "three"]
    assert texts(pack(b'id;text\r\n1;"a;\nb"\r\n\r\n2;c'), size, format="csv") == ["a;\nb", "c"]
    assert texts(pack(b"text\tid\nx\ty\n"), size, format="tsv") == ["x"]
    assert texts(pack(b'["one", {"text": "two"}]'), size, format="jsonl") == ["one", "two"]


def test_encodings_are_those_of_files():
    assert texts("\ufeffone\ntwö".encode("utf-16-le")) == ["one", "twö"]
    assert texts("\ufeffone".encode()) == ["one"]
    assert texts("twö\n".encode("cp1252"), encoding="cp1252") == ["twö"]
    with pytest.raises(InputError, match="encoding 'klingon' is not known"):
        texts(b"one", encoding="klingon")
    with pytest.raises(InputError, match="standard input is not utf-16"):
        texts(b"\xff\xfeo\x00n", encoding="utf-16")


def test_ids_and_columns_are_kept():
    blocks = [b'{"body": "a", "key": 7, "more": [1]}\n{"body": "b", "key": null}\n']
    first, second = read_items(blocks, Columns(text="body", id="key"))
    assert first == Record("a", 7, {"body": "a", "key": 7, "more": [1]})
    assert isinstance(second, Record)
    assert second.id == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{oops", "line 2 is not JSON; expected one object a line"),
        (b"[1]", "line 2 is a JSON list; expected one object a line"),
        (b'{"body": "x"}', "line 2 has no column 'text'; it has: body"),
        (b'{"text": 3}', "line 2: the text is int, not a string"),
        (b'{"text": "\xff"}', "line 2 is not UTF-8"),
    ],
)
def test_an_invalid_line_is_named_by_its_number_and_the_others_are_read(line, said):
    first, found, last = texts(b'{"text": "a"}\n' + line + b'\n{"text": "b"}\n')
    assert (first, last) == ("a", "b")
    assert found.startswith(f"standard input {said}")


def test_rows_of_another_length_are_named():
    found = texts(b'text,id\n"a\nb",1\nc\nd,2,3\ne,4\n', format="csv")
    assert found[0] == "a\nb"
    assert "line 4 has 1 fields and the header 2" in found[1]
    assert "line 5 has 3 fields and the header 2" in found[2]
    assert found[3] == "e"


@pytest.mark.parametrize(
    ("data", "how", "said"),
    [
        (b"", {}, "standard input holds no documents"),
        (b"\n", {"format": "csv"}, "holds no documents"),
        (b"a,b\n1,2\n", {"format": "csv"}, "line 2 has no column 'text'; it has: a, b"),
        (b"text\n\xff\n", {"format": "csv"}, "line 2 is not UTF-8"),
        (b"text,a\n1,2\n", {"format": "csv", "delimiter": "ab"}, "give one character"),
        (b"[1, 2", {"format": "jsonl"}, "is not JSON; expected one object a line, or an array"),
        (gzip.compress(b"one two three", mtime=0)[:-5], {}, "not a whole gzip file"),
        (b"\x1f\x8b1234567", {}, "is no gzip"),
        (b"text", {"encoding": "zlib"}, "encoding 'zlib' is not known"),
        (b"a,key\n", {"columns": Columns(id="key")}, "read as one document per line, without a column 'key'; for CSV"),
        (b"a,b\n", {"columns": Columns(text="b"), "format": "txt"}, "line 1 has no column 'b'; it has: text"),
    ],
)
def test_what_cannot_be_read_is_one_line(data, how, said):
    with pytest.raises(InputError, match=said) as caught:
        texts(data, **how)
    assert "\n" not in str(caught.value)


def test_a_line_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr(streams, "_MAX_LINE", 1000)
    with pytest.raises(InputError, match="has a line of more than 1,000 bytes"):
        texts(b"x" * 4000, 1)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=1),
    st.integers(1, 9),
)
def test_batches_hold_all_items_in_order(lines, size):
    data = "\n".join(["begin", *lines, "end"]).encode()
    blocks = [data[start : start + 5] for start in range(0, len(data), 5)]
    found = list(timed_batches(blocks, lambda made: read_items(made, format="txt"), lambda: size, seconds=60.0))
    assert [one.text for batch in found for one in batch] == ["begin", *lines, "end"]
    assert all(len(batch) == size for batch in found[:-1])


def test_a_batch_comes_out_while_the_stream_pauses():
    go_on = Event()

    def blocks():
        yield b"one\ntwo\nthr"
        go_on.wait()
        yield b"ee\n"

    batches = timed_batches(blocks(), lambda made: read_items(made, format="txt"), lambda: 100, seconds=0.05)
    start = time.monotonic()
    assert [one.text for one in next(batches)] == ["one", "two"]
    assert time.monotonic() - start < 1
    go_on.set()
    assert [one.text for one in next(batches)] == ["three"]
    assert list(batches) == []


def test_errors_come_after_what_was_read_before_them():
    data = [b"text\nfine\n", b"\xff\n"]
    batches = timed_batches(data, lambda made: read_items(made, format="csv"), lambda: 10, seconds=0.1)
    assert [one.text for one in next(batches)] == ["fine"]
    with pytest.raises(InputError, match="line 3 is not UTF-8"):
        next(batches)


def test_a_reader_waits_for_whoever_takes_its_items():
    taken = []

    def blocks():
        for number in range(1000):
            taken.append(number)
            yield b"one\n"

    batches = timed_batches(blocks(), lambda made: read_items(made, format="txt"), lambda: 1, seconds=0.0)
    next(batches)
    time.sleep(0.2)
    assert len(taken) < 50
    batches.close()


def test_a_stream_of_python_is_read_too():
    assert b"".join(read_blocks(io.BytesIO(b"one\ntwo"))) == b"one\ntwo"
