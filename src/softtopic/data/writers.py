"""Tables → files. A new output format is a function here and an entry in `TABLE_WRITERS`."""

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from io import BufferedIOBase
from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

import numpy as np

from softtopic.data.corpus import valid_value
from softtopic.data.workbook import write_workbook
from softtopic.errors import InputError
from softtopic.storage.atomic import staged_file

if TYPE_CHECKING:
    import pandas as pd

# Column name → one value for each row; the rows of a matrix are values too.
Columns = Mapping[str, Sequence[Any] | np.ndarray]
Stream = BinaryIO | BufferedIOBase

# Beginnings of cells that spreadsheets take for formulas; signed numbers are none.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?")

# Mixtures of an earlier `transform` among the columns of a file.
_THETA = re.compile(r"theta(_\d+)?")

# Controls that JSON need not escape and terminals obey.
_CONTROL = re.compile("[\x7f-\x9f]")


@runtime_checkable
class Writable(Protocol):
    """What takes bytes."""

    def write(self, data: bytes, /) -> int: ...


def write_jsonl(columns: Columns, stream: Writable) -> None:
    """One JSON object a line, in UTF-8; a row of a matrix is a list, and floats have six decimal places."""
    for row in zip(*columns.values(), strict=True):
        record = {name: _to_json(value) for name, value in zip(columns, row, strict=True)}
        line = json.dumps(record, ensure_ascii=False, default=str, allow_nan=False)
        # A terminal obeys these; JSON lets them stand.
        stream.write(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line).encode("utf-8", "replace") + b"\n")


def write_csv(columns: Columns, stream: Stream) -> None:
    """Comma-separated values with a header line, in UTF-8; strings that a spreadsheet would run get a leading quote."""
    frame = _frame(columns)
    for name in frame.select_dtypes(exclude="number").columns:
        frame[name] = [_as_text(value) for value in frame[name]]
    # pandas quotes no lone carriage return, and readers would end the row there.
    quoting = csv.QUOTE_NONNUMERIC if _has_returns(frame) else csv.QUOTE_MINIMAL
    frame.to_csv(stream, index=False, quoting=quoting)


def _has_returns(frame: "pd.DataFrame") -> bool:
    texts = (value for name in frame.select_dtypes(exclude="number").columns for value in frame[name])
    return any(isinstance(value, str) and "\r" in value for value in texts)


def write_parquet(columns: Columns, stream: Stream) -> None:
    """Apache Parquet; a column with values of several types becomes one of strings."""
    import pyarrow as pa

    frame = _frame(columns)
    for name in [name for name in frame if frame[name].dtype == object]:
        try:
            pa.array(frame[name], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            frame[name] = [None if _is_missing(value) else str(value) for value in frame[name]]
    frame.to_parquet(stream, index=False)


def write_xlsx(columns: Columns, stream: Stream) -> None:
    """An Excel workbook of one sheet; see `softtopic.data.workbook`."""
    write_workbook({"topics": _frame(columns)}, stream)


# By the suffix of the file.
TABLE_WRITERS: dict[str, Callable[[Columns, Stream], None]] = {
    ".parquet": write_parquet,
    ".csv": write_csv,
    ".jsonl": write_jsonl,
    ".xlsx": write_xlsx,
}


def table_writer(path: Path) -> Callable[[Columns, Stream], None]:
    """The writer for a file, by its suffix; raises InputError where it is unknown or needs a package."""
    if path.suffix not in TABLE_WRITERS:
        known = ", ".join(TABLE_WRITERS)
        raise InputError(f"{path} ends in {path.suffix or 'no suffix'}; give a file that ends in one of {known}")
    if path.suffix == ".xlsx" and find_spec("openpyxl") is None:
        raise InputError(f"{path} needs openpyxl; pip install 'softtopic[xlsx]', or give a file that ends in .csv")
    return TABLE_WRITERS[path.suffix]


def write_table(path: Path, columns: Columns) -> None:
    """Write a table to a file, whole or not at all.

    Parameters
    ----------
    path : Path
        Destination; its suffix says which of `TABLE_WRITERS` writes it. An existing file is replaced.
    columns : mapping from str to sequence or ndarray
        Columns of the same length. A matrix `name` becomes the columns `name_0`, `name_1`, …, or lists in JSON lines.

    Raises
    ------
    InputError
        If the suffix is unknown.
    DiskError
        If the file cannot be written.

    """
    write = table_writer(path)
    with staged_file(path) as staging, staging.open("wb") as stream:
        write(columns, stream)


def kept_columns(kept: Columns, new: Columns, file: str) -> dict[str, Any]:
    """Columns of a file beside those of its mixtures, which replace the ones of an earlier `transform`.

    Raises
    ------
    InputError
        If a column has the name of a new one, and there are no earlier mixtures.
    """
    mixtures = [name for name in kept if _THETA.fullmatch(name)] if "topic" in kept else []
    replaced = [name for name in kept if name in new or name in mixtures] if mixtures else []
    kept = {name: values for name, values in kept.items() if name not in replaced}
    if common := sorted(new.keys() & kept.keys()):
        raise InputError(f"{file} has columns {', '.join(common)}, which are written, too; rename them there")
    return kept


def _frame(columns: Columns) -> "pd.DataFrame":
    import pandas as pd

    flat: dict[str, Any] = {}
    for given, values in columns.items():
        name = valid_value(given)
        if isinstance(values, np.ndarray) and values.ndim == 2:
            flat |= {f"{name}_{column}": values[:, column] for column in range(values.shape[1])}
        else:
            is_plain = isinstance(values, np.ndarray) and values.dtype.kind in "biufM"
            flat[name] = values if is_plain else [valid_value(value) for value in values]
    return pd.DataFrame(flat)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value))


def _as_text(value: Any) -> Any:
    """A string that no spreadsheet takes for a formula."""
    runs = isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    return f"'{value}" if runs else value


def _to_json(value: Any) -> Any:
    """The value without NumPy's types; None for numbers that are not finite."""
    if isinstance(value, np.ndarray | np.generic):
        value = (value.astype(np.float64).round(6) if value.dtype.kind == "f" else value).tolist()
    if isinstance(value, list):
        return [_to_json(one) for one in value]
    if isinstance(value, dict):
        return {name: _to_json(one) for name, one in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value
