"""Tables → files. A new output format is a function here and an entry in `TABLE_WRITERS`."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from softtopic.errors import InputError
from softtopic.storage.atomic import staged_file

if TYPE_CHECKING:
    import pandas as pd

# Column name → one value for each row; the rows of a matrix are values too.
Columns = Mapping[str, Sequence[Any] | np.ndarray]
Stream = BinaryIO | BufferedIOBase

# Characters that Excel keeps of a cell.
_MAX_CELL = 32_767


def write_jsonl(columns: Columns, stream: Stream) -> None:
    """One JSON object a line, in UTF-8; a row of a matrix is a list, and floats have six decimal places."""
    for row in zip(*columns.values(), strict=True):
        record = {name: _to_json(value) for name, value in zip(columns, row, strict=True)}
        stream.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def write_csv(columns: Columns, stream: Stream) -> None:
    """Comma-separated values with a header line, in UTF-8."""
    _frame(columns).to_csv(stream, index=False)


def write_parquet(columns: Columns, stream: Stream) -> None:
    """Apache Parquet."""
    _frame(columns).to_parquet(stream, index=False)


def write_xlsx(columns: Columns, stream: Stream) -> None:
    """An Excel workbook of one sheet; strings are never formulas, lists are joined by commas."""
    from openpyxl import Workbook  # type: ignore[import-not-found]
    from openpyxl.cell import WriteOnlyCell  # type: ignore[import-not-found]
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # type: ignore[import-not-found]

    book = Workbook(write_only=True)
    sheet = book.create_sheet("topics")

    def cell(value: Any) -> Any:
        value = ", ".join(map(str, value)) if isinstance(value, list | tuple) else _to_json(value)
        if not isinstance(value, str):
            return value
        text = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub(" ", value)[:_MAX_CELL])
        text.data_type = "s"
        return text

    frame = _frame(columns)
    sheet.append([cell(str(name)) for name in frame.columns])
    for row in frame.itertuples(index=False, name=None):
        sheet.append([cell(value) for value in row])
    book.save(stream)


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


def _frame(columns: Columns) -> "pd.DataFrame":
    import pandas as pd

    flat: dict[str, Any] = {}
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.ndim == 2:
            flat |= {f"{name}_{column}": values[:, column] for column in range(values.shape[1])}
        else:
            flat[name] = values
    return pd.DataFrame(flat)


def _to_json(value: Any) -> Any:
    """The value without NumPy's types."""
    if not isinstance(value, np.ndarray | np.generic):
        return value
    return (value.astype(np.float64).round(6) if value.dtype.kind == "f" else value).tolist()
