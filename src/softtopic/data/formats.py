"""Input formats: bytes of a file → columns. A new format is a function here and an entry in `FORMATS`."""

import csv
import io
import json
import logging
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from softtopic.data.decoding import decode
from softtopic.errors import InputError

log = logging.getLogger(__name__)

# Column name → one value for each document.
Table = dict[str, list[object]]

# Separators that are recognised in a header, and what messages call them.
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}

# Bytes that an Excel file may unpack to.
_MAX_EXCEL_BYTES = 1_000_000_000

# Columns of a csv or tsv file: a header of millions of them would fill the memory.
_MAX_COLUMNS = 10_000

_LONE_RETURN = re.compile("\r(?!\n)")


@dataclass(frozen=True, kw_only=True)
class Content:
    """The bytes of a file, and how they are read.

    Attributes
    ----------
    data : bytes
    file : str
        Name of the file for error messages.
    columns : sequence of str or None
        Names of the columns that will be read; None for all.
    delimiter, encoding : str or None
        As in `read_corpus`.

    """

    data: bytes
    file: str
    columns: Sequence[str] | None
    delimiter: str | None = None
    encoding: str | None = None

    @property
    def text(self) -> str:
        """The decoded bytes."""
        return decode(self.data, self.file, self.encoding)


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
        Takes the content and returns all columns; those that will not be read may be empty lists.

    """

    name: str
    suffixes: tuple[str, ...]
    parse: Callable[[Content], Table]


def _parse_jsonl(content: Content) -> Table:
    file, text = content.file, content.text
    records = json_array(text, file) if text.lstrip()[:1] == "[" else None
    if records is None:
        records = [json_object(line, file, n) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not records:
        raise InputError(f"{file} holds no documents; expected one JSON object a line")
    keys = list(dict.fromkeys(key for record in records for key in record))
    selected = set(keys if content.columns is None else _selected(keys, content.columns))
    # The other columns have their names in an error message and are not read.
    return {key: [record.get(key) for record in records] if key in selected else [] for key in keys}


def json_object(line: str, file: str, number: int) -> dict[str, object]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"{file} line {number} is not JSON; expected one object a line") from None
    if not isinstance(record, dict):
        raise InputError(f"{file} line {number} is a JSON {type(record).__name__}; expected one object a line")
    return record


def json_array(text: str, file: str) -> list[dict[str, object]] | None:
    """The objects of a JSON array, strings as objects with a text; None where the text is something else."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict | str):
            kind = type(value).__name__
            raise InputError(f"{file}: element {number} is a JSON {kind}; expected an array of objects or of strings")
    return [value if isinstance(value, dict) else {"text": value} for value in values]


def _parse_delimited(content: Content, *, format: str, separator: str) -> Table:
    import pandas as pd

    file, text = content.file, content.text
    if not text.strip():
        raise InputError(f"{file} holds no documents; expected a header line and at least one row")
    separator = content.delimiter or find_delimiter(text, content, separator)
    if (width := _width(text, separator)) > _MAX_COLUMNS:
        raise InputError(
            f"{file} has {width:,} columns; expected at most {_MAX_COLUMNS:,}: check quotes and separators"
        )
    try:
        frame = _read_rows(text, file, separator)
    except pd.errors.ParserWarning:
        raise InputError(
            f"{file} is not {format}: rows have more fields than the header; put texts with separators in quotes"
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"{file} is not {format}: {reason}; check quotes and separators") from None
    # pandas fills short rows with empty fields, the last one always.
    if (frame.iloc[:, -1] == "").any() and (row := _short_row(text, separator)) is not None:
        raise InputError(
            f"{file} is not {format}: row {row} below the header has fewer fields than the header; complete it, or put "
            "texts with line breaks in quotes"
        )
    return {str(column): frame[column].tolist() for column in frame.columns}


def _read_rows(text: str, file: str, separator: str) -> Any:
    """A pandas table of strings."""
    import warnings

    import pandas as pd

    how: dict[str, Any] = {"sep": separator, "dtype": object, "keep_default_na": False, "index_col": False}
    # pandas would end a row at a carriage return inside a field, and so do its own files.
    lone = _LONE_RETURN.search(text) if "\n" in text else None
    if lone is not None:
        how["lineterminator"] = "\n"
        if lone.start() < text.index("\n"):
            raise InputError(f"{file} line 1 holds a carriage return inside a column name; remove it")
    with warnings.catch_warnings():
        # pandas would cut rows that are longer than the header, and only warn.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(io.StringIO(text, newline=""), **how)
    last = str(frame.columns[-1])
    if lone is not None and last.endswith("\r"):
        frame.isetitem(len(frame.columns) - 1, frame.iloc[:, -1].str.removesuffix("\r"))
        frame.columns = [*frame.columns[:-1], last.removesuffix("\r")]
    return frame


def _width(text: str, separator: str) -> int:
    """Number of fields of the header; 0 where it is not well-formed, which pandas says better."""
    try:
        return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), []))
    except csv.Error:
        return 0


def _short_row(text: str, separator: str) -> int | None:
    """Number of the first row below the header that has fewer fields than it; None where there is none."""
    lines = io.StringIO(_LONE_RETURN.sub(" ", text) if "\n" in text else text, newline="")
    limit = csv.field_size_limit(len(text) + 1)
    try:
        rows = (row for row in csv.reader(lines, delimiter=separator) if row)
        width = len(next(rows))
        return next((number for number, row in enumerate(rows, 1) if len(row) < width), None)
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(limit)


def find_delimiter(text: str, content: Content, separator: str) -> str:
    """The separator of the format, or another that the header alone tells of: with it the columns are there."""
    header = text.lstrip("\r\n").splitlines()[0]

    def names(delimiter: str) -> list[str]:
        return [name.strip().strip('"') for name in header.split(delimiter)]

    if content.columns is None:
        return separator if separator in header else max(DELIMITERS, key=header.count)
    if content.columns[0] in names(separator):
        return separator
    for delimiter, called in DELIMITERS.items():
        if delimiter in header and content.columns[0] in names(delimiter):
            log.info("%s is separated by %s", content.file, called)
            return delimiter
    others = {one: header.count(one) for one in DELIMITERS if one != separator}
    most = max(others, key=lambda one: others[one])
    if separator not in header and others[most]:
        raise InputError(
            f"{content.file} has no column {content.columns[0]!r}; its header seems to be separated by "
            f"{DELIMITERS[most]}: it has {', '.join(names(most))}; choose the column of texts"
        )
    return separator


def _parse_parquet(content: Content) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = content.file
    try:
        source = pq.ParquetFile(pa.BufferReader(content.data))
        names = source.schema_arrow.names
        selected = names if content.columns is None else _selected(names, content.columns)
        table = source.read(columns=selected)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{file} is not a whole Parquet file: {reason}; write or copy it again") from None
    check_one_of_each(names, selected, str(file))
    # The other columns have their names in an error message and are not read.
    read: Table = {column: [] for column in names}
    for column in selected:
        try:
            read[column] = table[column].to_pylist()
        except (UnicodeDecodeError, pa.ArrowException):
            raise InputError(f"{file}: column {column!r} holds text that is not UTF-8; write it again") from None
    return read


def check_one_of_each(names: Sequence[str], read: Iterable[str | None], file: str) -> None:
    """Raise InputError where a column that is read is not the only one of its name."""
    for column in read:
        if column is not None and names.count(column) > 1:
            raise InputError(f"{file} has {names.count(column)} columns {column!r}; expected one of each name")


def _selected(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The columns to read, also those that differ by blanks around them."""
    stripped = {column.strip() for column in columns}
    return [name for name in dict.fromkeys(names) if name.strip() in stripped]


def _parse_excel(content: Content) -> Table:
    file, damaged = content.file, "is not a whole Excel file; save it again, or as csv"
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise InputError(f"{file}: Excel files need `pip install softtopic[xlsx]`; or save it as csv") from None
    try:
        with zipfile.ZipFile(io.BytesIO(content.data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_EXCEL_BYTES:
                raise InputError(f"{file} unpacks to more than {_MAX_EXCEL_BYTES:,} bytes; save it as csv")
        sheet = load_workbook(io.BytesIO(content.data), read_only=True, data_only=True).worksheets[0]
        rows = [row for row in sheet.iter_rows(values_only=True) if any(cell is not None for cell in row)]
    except InputError:
        raise
    except Exception:
        # Whatever a broken archive or broken XML makes the reader stumble over.
        raise InputError(f"{file} {damaged}") from None
    if not rows:
        raise InputError(f"{file} holds no documents; expected a header row and at least one more on the first sheet")
    named = [(place, str(name)) for place, name in enumerate(rows[0]) if name is not None]
    return {name: [row[place] if place < len(row) else None for row in rows[1:]] for place, name in named}


def _parse_txt(content: Content) -> Table:
    text = content.text
    # Not splitlines(): it would also split at form feeds and U+2028, which occur inside documents.
    return {"text": list(text.replace("\r\n", "\n").removesuffix("\n").split("\n")) if text else []}


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("jsonl", (".jsonl", ".ndjson", ".json"), _parse_jsonl),
        Format("csv", (".csv",), partial(_parse_delimited, format="csv", separator=",")),
        Format("tsv", (".tsv", ".tab"), partial(_parse_delimited, format="tsv", separator="\t")),
        Format("parquet", (".parquet", ".pq"), _parse_parquet),
        Format("xlsx", (".xlsx",), _parse_excel),
        Format("txt", (".txt",), _parse_txt),
    )
}

# For help texts and error messages.
FORMAT_NAMES = f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}"
