"""Files of documents → Corpus: jsonl, csv, tsv, parquet, plain text with one document a line, each also gzip'd."""

import codecs
import gzip
import io
import json
import sys
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "txt",
}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns to read. Plain text has the column "text" alone."""

    text: str = "text"
    label: str | None = None
    id: str | None = None
    time: str | None = None
    label_required: bool = True  # else documents without the label column have no labels

    def named(self) -> list[str]:
        return [name for name in (self.text, self.label, self.id, self.time) if name is not None]


def read_corpus(path: str | Path, columns: Columns = Columns(), *, format: str | None = None) -> Corpus:
    """Read a file of documents; "-" is standard input.

    The format follows the file's name (`posts.csv.gz` is gzip'd CSV) unless given; standard input is JSON lines
    where it begins with "{", else one document a line. Missing values are empty texts or labels.
    Raises InputError for a file that is missing, not UTF-8, not of its format, lacks a column or holds no document.
    """
    name = str(path)
    if name == "-":
        data, suffix = sys.stdin.buffer.read(), ""
    else:
        data, suffix = _read_file(Path(path)), _suffix(Path(path))
    if data[:2] == b"\x1f\x8b" or name.endswith(".gz"):
        data = _gunzip(data, name)
    if format is None:
        format = FORMATS.get(suffix, suffix) if suffix else ("jsonl" if _is_jsonl(data) else "txt")  # noqa: A001
    if format not in FORMATS.values():
        known = ", ".join(dict.fromkeys(FORMATS.values()))
        raise InputError(f"{name}: format {format!r} is not known; give one of {known} with --format")
    table = _table(data, format, name, columns.named())
    if columns.label not in table and not columns.label_required:
        columns = replace(columns, label=None)
    for column in columns.named():
        if column not in table:
            have = ", ".join(table) or "none"
            raise InputError(f"{name} has no column {column!r}; it has: {have}")
    if not table[columns.text]:
        raise InputError(f"{name} holds no documents; expected at least one")
    texts = [_text(value, name, row) for row, value in enumerate(table[columns.text])]
    return Corpus.from_texts(
        texts,
        ids=None if columns.id is None else map(_word, table[columns.id]),
        labels=None if columns.label is None else map(_word, table[columns.label]),
        times=None if columns.time is None else map(_word, table[columns.time]),
    )


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a jsonl, csv, tsv, parquet or txt file, or - for input") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; expected a file of documents") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _suffix(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower() or "none"


def _is_jsonl(data: bytes) -> bool:
    return data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{"


def _gunzip(data: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{name} is not a whole gzip file; make it anew with gzip") from None


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name} is not UTF-8 (line {line}, byte {error.start}); convert it, e.g. with iconv"
        ) from None


def _table(data: bytes, format: str, name: str, wanted: Sequence[str]) -> dict[str, list[object]]:
    if format == "parquet":
        return _parquet(data, name, wanted)
    text = _decode(data, name)
    if format == "txt":
        # Not splitlines(): it would also cut at form feeds and U+2028, which stand inside documents.
        return {"text": list(text.replace("\r\n", "\n").removesuffix("\n").split("\n")) if text else []}
    return _jsonl(text, name) if format == "jsonl" else _delimited(text, format, name)


def _jsonl(text: str, name: str) -> dict[str, list[object]]:
    records: list[dict[str, object]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise InputError(f"{name} line {number} is not JSON; expected one object a line") from None
        if not isinstance(record, dict):
            raise InputError(f"{name} line {number} is a JSON {type(record).__name__}; expected one object a line")
        records.append(record)
    if not records:
        raise InputError(f"{name} holds no documents; expected one JSON object a line")
    keys = dict.fromkeys(key for record in records for key in record)
    return {key: [record.get(key) for record in records] for key in keys}


def _delimited(text: str, format: str, name: str) -> dict[str, list[object]]:
    import pandas as pd

    if not text.strip():
        raise InputError(f"{name} holds no documents; expected a header line and at least one row")
    separator = "," if format == "csv" else "\t"
    try:
        with warnings.catch_warnings():
            # pandas would cut rows that are longer than the header, and only warn.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(io.StringIO(text), sep=separator, dtype=object, keep_default_na=False, index_col=False)
    except pd.errors.ParserWarning:
        raise InputError(
            f"{name} is not {format}: rows have more fields than the header; put texts with separators in quotes"
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"{name} is not {format}: {reason}; check quotes and separators") from None
    return {str(column): frame[column].tolist() for column in frame.columns}


def _parquet(data: bytes, name: str, wanted: Sequence[str]) -> dict[str, list[object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        have = file.schema_arrow.names
        found = [column for column in dict.fromkeys(wanted) if column in have]
        table = file.read(columns=found)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{name} is not a whole Parquet file: {reason}; write or copy it again") from None
    for column in found:
        if have.count(column) > 1:
            raise InputError(f"{name} has {have.count(column)} columns {column!r}; expected one of each name")
    # Columns nobody asked for are named, not read: an error message lists them.
    unread: dict[str, list[object]] = {column: [] for column in have}
    return unread | {column: table[column].to_pylist() for column in found}


def _text(value: object, name: str, row: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(
            f"{name}: document {row + 1} is {type(value).__name__}, not a string; choose the column of texts"
        )
    return value


def _word(value: object) -> str:
    return "" if value is None else str(value)
