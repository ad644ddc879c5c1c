"""Documents from a stream that may pause and need not end, such as standard input: one at a time, in order."""

import codecs
import csv
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import chain
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

from softtopic.data.corpus import text_of
from softtopic.data.formats import Content, find_delimiter, json_array, json_object
from softtopic.data.readers import STANDARD_INPUT, Columns, check_lines, find_column, separator_of
from softtopic.errors import InputError, MissingColumnError

# Formats that have a document a line or row.
STREAMED = ("jsonl", "csv", "tsv", "txt")

# Bytes that are read at once, bytes of a line at most, and lists of records that wait to be taken.
_BLOCK = 1 << 16
_MAX_LINE = 1 << 26
_AHEAD = 4
# Seconds after which a reader looks whether anyone still wants its records.
_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Record:
    """A document of a stream, and all columns of its line; a missing text is empty."""

    text: str
    id: Any
    columns: Mapping[str, object]
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class InvalidLine:
    """A line that holds no document; the message names its number and says why."""

    message: str
    lacks_column: bool = False


Item = Record | InvalidLine


class NoDocumentsError(InputError):
    """A stream ended before its first document."""


def read_blocks(stream: BufferedIOBase) -> Iterator[bytes]:
    """The bytes of a stream as they come: a block ends where the stream pauses."""
    try:
        number = stream.fileno()
    except (AttributeError, OSError, ValueError):
        # A stream of Python's. The buffer of a real one is passed by: a thread that waits in it holds up the exit.
        yield from iter(lambda: stream.read(_BLOCK), b"")
        return
    yield from iter(lambda: os.read(number, _BLOCK), b"")


def read_items(
    blocks: Iterable[bytes],
    columns: Columns = Columns(),
    *,
    format: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    name: str = STANDARD_INPUT,
) -> Iterator[Item]:
    """Documents of a stream, in order; each as soon as its line is complete.

    Parameters
    ----------
    blocks : iterable of bytes
        Also compressed with gzip.
    columns : Columns, default=Columns()
        Columns of texts and ids.
    format : {"jsonl", "csv", "tsv", "txt"} or None, default=None
        None: JSON lines where the first one begins with "{", else a document a line.
    delimiter, encoding : str or None, default=None
        As in `read_corpus`.
    name : str, default="standard input"
        What messages call the stream.

    Yields
    ------
    Record or InvalidLine

    Raises
    ------
    InputError
        If nothing can be read: an unknown encoding, no such column in a header, a line without an end, no document.
    """
    lines = _lines(_unpacked(iter(blocks), name), encoding, name)
    first = []
    for line in lines:
        first.append(line)
        if isinstance(line, str) and line.strip():
            break
    head = next((line for line in first if isinstance(line, str)), "").lstrip()
    kind = format or ("jsonl" if head[:1] == "{" else "txt")
    lines = chain(first, lines)
    if kind in ("csv", "tsv"):
        known = Content(data=b"", file=name, columns=columns.names, delimiter=separator_of(delimiter, name))
        items = _from_rows(lines, columns, known, kind)
    elif kind == "jsonl" and head[:1] == "[":
        items = _from_array(lines, columns, name)
    else:
        if format is None and kind == "txt":
            check_lines([column for column in (columns.text, columns.id) if column is not None], name)
        items = (_from_json if kind == "jsonl" else _from_text)(lines, columns, name)
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        raise NoDocumentsError(f"{name} holds no documents; expected at least one")


def timed_batches(
    blocks: Iterable[bytes],
    read: Callable[[Iterable[bytes]], Iterator[Item]],
    size: Callable[[], int],
    *,
    seconds: float,
) -> Iterator[list[Item]]:
    """Batches of what `read` makes of a stream; a thread reads ahead, a little.

    Parameters
    ----------
    blocks : iterable of bytes
        The stream.
    read : callable
        Such as `read_items`.
    size : callable
        Number of items of the next batch, at most.
    seconds : float
        A batch is complete so long after its first item, however few have come.
    """
    reader = _Reader(blocks, read)
    Thread(target=reader.run, daemon=True).start()
    held: list[Item] = []
    try:
        more: Any = held
        while isinstance(more, list) or held:
            until = time.monotonic() + seconds
            while isinstance(more, list) and len(held) < size():
                try:
                    more = reader.waiting.get(timeout=max(0.0, until - time.monotonic()) if held else None)
                except Empty:
                    break
                if isinstance(more, list):
                    until = until if held else time.monotonic() + seconds
                    held += more
            if held:
                n = size()
                batch, held = held[:n], held[n:]
                yield batch
        if more is not None:
            raise more
    finally:
        reader.ended.set()


class _Reader:
    """Reads a stream in a thread, and hands over what it has before it waits for more.

    `waiting` gets lists of items, then None or the error by which the stream ended.
    """

    def __init__(self, blocks: Iterable[bytes], read: Callable[[Iterable[bytes]], Iterator[Item]]) -> None:
        self.blocks, self.read = blocks, read
        self.waiting: Queue[list[Item] | BaseException | None] = Queue(maxsize=_AHEAD)
        self.ended = Event()
        self._pending: list[Item] = []

    def run(self) -> None:
        """Read to the end."""
        end = None
        try:
            for item in self.read(self._flushed()):
                self._pending.append(item)
        except BaseException as error:
            end = error
        self._flush()
        self._put(end)

    def _flushed(self) -> Iterator[bytes]:
        for block in self.blocks:
            yield block
            self._flush()
            if self.ended.is_set():
                return

    def _flush(self) -> None:
        if self._pending:
            self._put(self._pending)
            self._pending = []

    def _put(self, value: "list[Item] | BaseException | None") -> None:
        while not self.ended.is_set():
            try:
                self.waiting.put(value, timeout=_PATIENCE)
            except Full:
                continue
            return


def _unpacked(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The blocks, unpacked where the first one is of gzip; at least four bytes of the first come together."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= len(codecs.BOM_UTF8) + 1:
            break
    blocks = chain([head] if head else [], blocks)
    if not head.startswith(b"\x1f\x8b"):
        yield from blocks
        return
    unpack = zlib.decompressobj(wbits=31)
    try:
        for block in blocks:
            while block:
                if unpack.eof:
                    # Another member, or zeros that a program has padded a file with.
                    block = block.lstrip(b"\0")
                    if not block:
                        break
                    unpack = zlib.decompressobj(wbits=31)
                yield unpack.decompress(block, _BLOCK)
                block = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
        yield unpack.flush()
    except zlib.error:
        raise InputError(f"{name} is no gzip; make it anew with gzip") from None
    if not unpack.eof:
        raise InputError(f"{name} is not a whole gzip file; make it anew with gzip")


def _lines(blocks: Iterator[bytes], encoding: str | None, name: str) -> "Iterator[str | InvalidLine]":
    """Decoded lines without their ends."""
    first = next(blocks, b"")
    if encoding is None and first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    blocks = chain([first.removeprefix(codecs.BOM_UTF8)], blocks)
    if encoding is not None:
        # Some encodings have no byte for a line end.
        blocks = _recoded(blocks, encoding, name)
    for number, line in enumerate(_split(blocks, name), 1):
        try:
            yield line.decode().removesuffix("\r")
        except UnicodeDecodeError as error:
            yield InvalidLine(f"{name} line {number} is not UTF-8 (byte {error.start}); give another with --encoding")


def _split(blocks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Lines of blocks; the last one need not have an end."""
    started: list[bytes] = []
    for number, block in enumerate(blocks):
        *complete, rest = block.split(b"\n")
        for line in complete:
            yield b"".join([*started, line]) if started else line
            started.clear()
        if rest:
            started.append(rest)
            if number % 256 == 0 and sum(map(len, started)) > _MAX_LINE:
                raise InputError(f"{name} has a line of more than {_MAX_LINE:,} bytes; give one document a line")
    if started:
        yield b"".join(started)


def _recoded(blocks: Iterable[bytes], encoding: str, name: str) -> Iterator[bytes]:
    """The same text in UTF-8."""
    try:
        "".encode(encoding)  # LookupError for codecs that give bytes, such as zlib
        decoder = codecs.getincrementaldecoder(encoding)()
        for block in blocks:
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise InputError(f"{name} is not {encoding}; give another with --encoding") from None
    except (LookupError, AttributeError):
        raise InputError(f"{name}: encoding {encoding!r} is not known; give e.g. utf-8, cp1252 or utf-16") from None


def _from_text(lines: Iterable[str | InvalidLine], columns: Columns, name: str) -> Iterator[Item]:
    for number, line in enumerate(lines, 1):
        yield line if isinstance(line, InvalidLine) else record_of({"text": line}, columns, f"{name} line {number}")


def _from_json(lines: Iterable[str | InvalidLine], columns: Columns, name: str) -> Iterator[Item]:
    for number, line in enumerate(lines, 1):
        if isinstance(line, InvalidLine):
            yield line
        elif line.strip():
            try:
                yield record_of(json_object(line, name, number), columns, f"{name} line {number}")
            except InputError as error:
                yield InvalidLine(str(error), isinstance(error, MissingColumnError))


def _from_array(lines: Iterable[str | InvalidLine], columns: Columns, name: str) -> Iterator[Item]:
    """A JSON array has no lines: it is read whole."""
    text = "\n".join(line if isinstance(line, str) else "" for line in lines)
    records = json_array(text, name)
    if records is None:
        raise InputError(f"{name} is not JSON; expected one object a line, or an array of objects")
    for number, values in enumerate(records, 1):
        yield record_of(values, columns, f"{name} element {number}")


def _from_rows(lines: Iterable[str | InvalidLine], columns: Columns, known: Content, format: str) -> Iterator[Item]:
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_LINE))
    texts = (line for line in map(_valid, lines))
    header = next((line for line in texts if line.strip()), None)
    if header is None:
        return
    separator = known.delimiter or find_delimiter(header, known, "\t" if format == "tsv" else ",")
    rows = csv.reader((f"{line}\n" for line in chain([header], texts)), delimiter=separator)
    try:
        names = next(rows)
        for row in rows:
            where = f"{known.file} line {rows.line_num}"
            if len(row) == len(names):
                yield record_of(dict(zip(names, row, strict=True)), columns, where)
            elif row:
                yield InvalidLine(f"{where} has {len(row)} fields and the header {len(names)}; check quotes")
    except csv.Error as error:
        raise InputError(f"{known.file} is not {format}: {error}; check quotes and separators") from None


def _valid(line: str | InvalidLine) -> str:
    """A line; raises InputError where it is none: a row may go on in the next line."""
    if isinstance(line, InvalidLine):
        raise InputError(line.message)
    return line


def record_of(values: Mapping[str, Any], columns: Columns, where: str) -> Record:
    """A document from the columns of its line; raises InputError, which says where, if it has no text."""
    text = _value_of(columns.text, values, where)
    if not isinstance(text, str):
        text = text_of(text, f"{where}: the text")
    key = None
    if columns.id is not None and (key := _value_of(columns.id, values, where)) is None:
        key = ""
    return Record(text or "", key, values, is_missing=text is None)


def _value_of(column: str, values: Mapping[str, Any], where: str) -> Any:
    name = find_column(values, column)
    if name is None:
        raise MissingColumnError(f"{where} has no column {column!r}; it has: {', '.join(values) or 'none'}")
    return values[name]
