"""Input formats: bytes of a file → columns. A new format is a function here and an entry in `FORMATS`."""

import io
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from softtopic.errors import InputError

# Column name → one value for each document.
Table = dict[str, list[object]]


@dataclass(frozen=True)
class Format:
    """An input format.

    Attributes
    ----------
    name : str
        What `format=` and `--format` call it.
    suffixes : tuple of str
        File name suffixes in lower case, with their dot.
    parse : callable
        Takes the content, the file name for error messages, and the columns that will be read, None for all. Returns
        all columns; those that will not be read may be empty lists.

    """

    name: str
    suffixes: tuple[str, ...]
    parse: Callable[[bytes, str, Sequence[str] | None], Table]


def _parse_jsonl(data: bytes, file: str, _: Sequence[str] | None) -> Table:
    records: list[dict[str, object]] = []
    for number, line in enumerate(_decode(data, file).split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise InputError(f"{file} line {number} is not JSON; expected one object a line") from None
        if not isinstance(record, dict):
            raise InputError(f"{file} line {number} is a JSON {type(record).__name__}; expected one object a line")
        records.append(record)
    if not records:
        raise InputError(f"{file} holds no documents; expected one JSON object a line")
    keys = dict.fromkeys(key for record in records for key in record)
    return {key: [record.get(key) for record in records] for key in keys}


def _parse_delimited(data: bytes, file: str, _: Sequence[str] | None, *, format: str, separator: str) -> Table:
    import pandas as pd

    text = _decode(data, file)
    if not text.strip():
        raise InputError(f"{file} holds no documents; expected a header line and at least one row")
    try:
        with warnings.catch_warnings():
            # pandas would cut rows that are longer than the header, and only warn.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(io.StringIO(text), sep=separator, dtype=object, keep_default_na=False, index_col=False)
    except pd.errors.ParserWarning:
        raise InputError(
            f"{file} is not {format}: rows have more fields than the header; put texts with separators in quotes"
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"{file} is not {format}: {reason}; check quotes and separators") from None
    return {str(column): frame[column].tolist() for column in frame.columns}


def _parse_parquet(data: bytes, file: str, columns: Sequence[str] | None) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(pa.BufferReader(data))
        names = source.schema_arrow.names
        selected = [column for column in dict.fromkeys(names if columns is None else columns) if column in names]
        table = source.read(columns=selected)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{file} is not a whole Parquet file: {reason}; write or copy it again") from None
    for column in selected:
        if names.count(column) > 1:
            raise InputError(f"{file} has {names.count(column)} columns {column!r}; expected one of each name")
    # The other columns have their names in an error message and are not read.
    unread: Table = {column: [] for column in names}
    return unread | {column: table[column].to_pylist() for column in selected}


def _parse_txt(data: bytes, file: str, _: Sequence[str] | None) -> Table:
    text = _decode(data, file)
    # Not splitlines(): it would also split at form feeds and U+2028, which occur inside documents.
    return {"text": list(text.replace("\r\n", "\n").removesuffix("\n").split("\n")) if text else []}


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file} is not UTF-8 (line {line}, byte {error.start}); convert it, e.g. with iconv"
        ) from None


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("jsonl", (".jsonl", ".ndjson", ".json"), _parse_jsonl),
        Format("csv", (".csv",), partial(_parse_delimited, format="csv", separator=",")),
        Format("tsv", (".tsv", ".tab"), partial(_parse_delimited, format="tsv", separator="\t")),
        Format("parquet", (".parquet", ".pq"), _parse_parquet),
        Format("txt", (".txt",), _parse_txt),
    )
}

# For help texts and error messages.
FORMAT_NAMES = f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}"
