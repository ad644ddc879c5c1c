"""Files of documents → Corpus, in any of the `FORMATS`, also compressed with gzip."""

import codecs
import gzip
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from softtopic.data.corpus import Corpus
from softtopic.data.formats import FORMAT_NAMES, FORMATS, Format, Table
from softtopic.errors import InputError


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


def read_corpus(path: str | Path, columns: Columns = Columns(), *, format: str | None = None) -> Corpus:
    """Read a file of documents.

    Parameters
    ----------
    path : str or Path
        A file, also compressed with gzip; "-" is standard input.
    columns : Columns, default=Columns()
        Which columns to read.
    format : str or None, default=None
        "jsonl", "csv", "tsv", "parquet" or "txt". By default it follows from the suffix of the file (`posts.csv.gz` is
        compressed CSV); standard input is read as JSON lines if it begins with "{", otherwise as one document per line.

    Returns
    -------
    Corpus
        Missing values become empty texts, ids, labels and times.

    Raises
    ------
    InputError
        If the file does not exist, is not UTF-8, does not have its format, lacks a column or contains no document.

    """
    return corpus_of(read_table(path, columns.names, format=format), columns, str(path))


def read_table(path: str | Path, columns: Sequence[str] | None = None, *, format: str | None = None) -> Table:
    """Read the columns of a file of documents; None for all. See `read_corpus`."""
    file = str(path)
    data = sys.stdin.buffer.read() if file == "-" else _read_bytes(Path(path))
    if data[:2] == b"\x1f\x8b" or file.endswith(".gz"):
        data = _decompress(data, file)
    return _find_format(file, data, format).parse(data, file, columns)


def corpus_of(table: Table, columns: Columns, file: str) -> Corpus:
    """The documents of a table that was read from a file; see `read_corpus`."""
    if columns.label not in table and not columns.label_required:
        columns = replace(columns, label=None)
    for column in columns.names:
        if column not in table:
            raise InputError(f"{file} has no column {column!r}; it has: {', '.join(table) or 'none'}")
    if not table[columns.text]:
        raise InputError(f"{file} holds no documents; expected at least one")
    return Corpus.from_texts(
        [_text(value, file, row) for row, value in enumerate(table[columns.text])],
        ids=None if columns.id is None else ["" if value is None else value for value in table[columns.id]],
        labels=None if columns.label is None else map(_string, table[columns.label]),
        times=None if columns.time is None else map(_string, table[columns.time]),
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a {FORMAT_NAMES} file, or - for standard input") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; expected a file of documents") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _decompress(data: bytes, file: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{file} is not a whole gzip file; make it anew with gzip") from None


def _find_format(file: str, data: bytes, name: str | None) -> Format:
    """The format by its name, else by the suffix of the file, else by its content."""
    if name is None and file == "-":
        name = "jsonl" if data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{" else "txt"
    if name is None:
        path = Path(file)
        name = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower() or "none"
        name = next((known.name for known in FORMATS.values() if name in known.suffixes), name)
    if name not in FORMATS:
        raise InputError(f"{file}: format {name!r} is not known; give one of {', '.join(FORMATS)} with --format")
    return FORMATS[name]


def _text(value: object, file: str, row: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(
            f"{file}: document {row + 1} is {type(value).__name__}, not a string; choose the column of texts"
        )
    return value


def _string(value: object) -> str:
    return "" if value is None else str(value)
