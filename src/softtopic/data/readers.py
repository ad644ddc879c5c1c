"""Files of documents → Corpus, in any of the `FORMATS`, also compressed with gzip."""

import codecs
import gzip
import os
import re
import stat
import sys
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from softtopic.data.corpus import Corpus, text_of
from softtopic.data.formats import FORMAT_NAMES, FORMATS, Content, Format, Table
from softtopic.errors import InputError, MissingColumnError

# Content that unpacks to more than this, and to more than so many times its size, is no text that someone packed.
_MAX_UNPACKED = 100_000_000
_MAX_RATIO = 200

# Bytes of standard input at most: it may have no end.
_MAX_STDIN = 8_000_000_000
_BLOCK = 1 << 24

# Documents below which a column of numbers may well be what was meant.
_FEW = 10
# What messages call it.
STANDARD_INPUT = "standard input"

_NUMBER = re.compile(r"\s*[-+]?[\d.,]+(?:[eE][-+]?\d+)?\s*")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns to read. Plain text has a single column, "text".

    Parameters
    ----------
    text : str, default="text"
        Column with the texts.
    label, id, time : str or None, default=None
        Columns with labels, ids and times; None reads none.
    label_required : bool, default=True
        Whether a missing label column is an error. If False, the documents then have no labels.

    """

    text: str = "text"
    label: str | None = None
    id: str | None = None
    time: str | None = None
    label_required: bool = True

    @property
    def names(self) -> list[str]:
        """Names of all columns to read."""
        return [name for name in (self.text, self.label, self.id, self.time) if name is not None]


def read_corpus(
    path: str | Path,
    columns: Columns = Columns(),
    *,
    format: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Corpus:
    """Read a file of documents.

    Parameters
    ----------
    path : str or Path
        A file, also compressed with gzip; "-" is standard input.
    columns : Columns, default=Columns()
        Which columns to read.
    format : str or None, default=None
        "jsonl", "csv", "tsv", "parquet", "xlsx" or "txt". By default it follows from the suffix of the file
        (`posts.csv.gz` is compressed CSV); standard input is read as JSON lines if it begins with "{", otherwise as one
        document per line. A JSON file may also be one array of objects or of strings.
    delimiter : str or None, default=None
        Separator of the fields of a csv or tsv file, one character; "tab" is one too. By default that of the format,
        or semicolons, tabs or pipes where only with them the header has the column of texts.
    encoding : str or None, default=None
        Encoding of a file of text, e.g. "cp1252". By default UTF-8, or UTF-16 where a byte order mark says so.

    Returns
    -------
    Corpus
        Missing values become empty texts, ids, labels and times.

    Raises
    ------
    InputError
        If the file does not exist, is no regular file, is not of its encoding, does not have its format, lacks a column
        or contains no document.

    """
    table = read_table(path, columns.names, format=format, delimiter=delimiter, encoding=encoding)
    return corpus_of(table, columns, str(path), guessed=format is None)


def read_table(
    path: str | Path,
    columns: Sequence[str] | None = None,
    *,
    format: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Read the columns of a file of documents; None for all. See `read_corpus`."""
    file = str(path)
    data = _read_stdin() if file == "-" else _read_bytes(Path(path))
    if data[:2] == b"\x1f\x8b" or file.endswith(".gz"):
        data = _decompress(data, file)
    return parse_table(data, file, columns, format=format, delimiter=delimiter, encoding=encoding)


def parse_table(
    data: bytes,
    file: str,
    columns: Sequence[str] | None = None,
    *,
    format: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Parse the bytes of a file; `file` is its name for messages. See `read_corpus`."""
    separator = separator_of(delimiter, file)
    content = Content(data=data, file=file, columns=columns, delimiter=separator, encoding=encoding)
    return _find_format(file, data, format).parse(content)


def corpus_of(table: Table, columns: Columns, file: str, *, guessed: bool = False) -> Corpus:
    """The documents of a table that was read from a file, whose format may have been guessed; see `read_corpus`."""
    table = dict(table)
    if columns.label is not None and not columns.label_required and find_column(table, columns.label) is None:
        columns = replace(columns, label=None)
    if file == "-":
        file = STANDARD_INPUT
        if guessed and list(table) == ["text"]:
            check_lines(columns.names, file)
    for column in columns.names:
        found = find_column(table, column)
        if found is None:
            raise MissingColumnError(f"{file} has no column {column!r}; it has: {', '.join(table) or 'none'}")
        table[column] = table[found]
    if not table[columns.text]:
        raise InputError(f"{file} holds no documents; expected at least one")
    texts = [
        value if isinstance(value, str) else text_of(value, f"{file}: document {row}")
        for row, value in enumerate(table[columns.text], 1)
    ]
    check_words(texts, table, columns.text, file)
    return Corpus.from_texts(
        texts,
        ids=None if columns.id is None else ["" if value is None else value for value in table[columns.id]],
        labels=None if columns.label is None else map(_string, table[columns.label]),
        times=None if columns.time is None else map(_string, table[columns.time]),
    )


def check_lines(columns: Iterable[str], name: str) -> None:
    """Raise InputError for columns that documents do not have of which each is a line."""
    for column in columns:
        if column != "text":
            raise InputError(
                f"{name} was read as one document per line, without a column {column!r}; for CSV add --format csv"
            )


def separator_of(delimiter: str | None, file: str) -> str | None:
    """The delimiter as one character; raises InputError for anything else."""
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise InputError(f"{file}: delimiter is {delimiter!r}; give one character, e.g. ; or tab")
    return delimiter


def find_column(table: Collection[str], name: str) -> str | None:
    """The column of a name, or the only one that has it but for blanks around it; None where there is none."""
    if name in table:
        return name
    alike = [column for column in table if column.strip() == name.strip()]
    return alike[0] if len(alike) == 1 else None


def check_words(texts: Sequence[str | None], names: Iterable[str], column: str, file: str) -> None:
    """Raise InputError where no text has anything but a number: another column was meant."""
    filled = [text for text in texts if text and text.strip()]
    if len(filled) >= _FEW and all(_NUMBER.fullmatch(text) for text in filled):
        others = ", ".join(name for name in names if name != column) or "no other"
        raise InputError(
            f"{file}: column {column!r} holds numbers alone; choose the column of texts with --text, it has: {others}"
        )


def standard_input() -> Any:
    """The bytes of standard input; raises InputError where it is closed or a device."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.closed:
        raise InputError("standard input (-) is closed; give a file of documents")
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        mode = 0  # a stream of Python's
    if stat.S_ISCHR(mode) and not stream.isatty() and os.path.realpath("/dev/stdin") != os.devnull:
        raise InputError("standard input is a device without an end; give a file of documents")
    return stream


def _read_stdin() -> bytes:
    data = standard_input().read(_MAX_STDIN + 1)
    if len(data) > _MAX_STDIN:
        raise InputError(f"standard input has more than {_MAX_STDIN:,} bytes; give a file of documents")
    return data


def _read_bytes(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        # Process substitution gives pipes in /dev; any other one may wait for a writer for ever.
        is_pipe = stat.S_ISFIFO(mode) and path.absolute().is_relative_to("/dev")
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or is_pipe):
            raise InputError(f"{path} is no regular file; give a file of documents, or send it to standard input")
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a {FORMAT_NAMES} file, or - for standard input") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; expected a file of documents") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except InputError:
        raise
    except ValueError:
        raise InputError(f"{str(path)!r} is no file name; give a {FORMAT_NAMES} file") from None


def _decompress(data: bytes, file: str) -> bytes:
    limit = max(_MAX_UNPACKED, _MAX_RATIO * len(data))
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as stream:
            unpacked = _read_at_most(stream, limit)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{file} is not a whole gzip file; make it anew with gzip") from None
    if unpacked is None:
        raise InputError(f"{file} unpacks to more than {limit:,} bytes; unpack it first if it is what you want to read")
    return unpacked


def _read_at_most(stream: gzip.GzipFile, limit: int) -> bytes | None:
    """All bytes of a stream; None where there are more than the limit."""
    blocks, total = [], 0
    while block := stream.read(_BLOCK):
        blocks.append(block)
        total += len(block)
        if total > limit:
            return None
    return b"".join(blocks)


def _find_format(file: str, data: bytes, name: str | None) -> Format:
    """The format by its name, else by the suffix of the file, else by its content."""
    if name is None and file == "-":
        name = "jsonl" if data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{" else "txt"
    return format_of(file, name)


def format_of(file: str, name: str | None = None) -> Format:
    """The format by its name, else by the suffix of the file; raises InputError for an unknown one."""
    name = name or suffix_format(Path(file)) or Path(file.removesuffix(".gz")).suffix.lower() or "none"
    if name not in FORMATS:
        raise InputError(f"{file}: format {name!r} is not known; give one of {', '.join(FORMATS)} with --format")
    return FORMATS[name]


def suffix_format(path: Path) -> str | None:
    """Name of the format that the suffix of a file tells of; None where it tells of none."""
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    return next((known.name for known in FORMATS.values() if suffix in known.suffixes), None)


def _string(value: object) -> str:
    return "" if value is None else str(value)
