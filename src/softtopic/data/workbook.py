"""Excel workbooks (openpyxl): one sheet for each table; cells are text, numbers or dates, and never formulas."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from io import BufferedIOBase
from numbers import Real
from typing import TYPE_CHECKING, Any, BinaryIO

from softtopic.data.xml import xml_text
from softtopic.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

# Characters of a cell, and rows and columns of a sheet, that Excel keeps.
_MAX_CELL = 32_767
MAX_SHEET_ROWS = 1_048_576
MAX_SHEET_COLUMNS = 16_384
# Excel counts in double precision: longer whole numbers, as ids may be, are text.
_MAX_WHOLE = 10**15
# Earlier days are none in Excel.
_FIRST_YEAR = 1900

# Excel reads this as a character; its own escape is the code of the underscore.
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")

# Width of columns in characters, and the rows it is measured on.
_MIN_WIDTH = 6
_MAX_WIDTH = 60
_MEASURED_ROWS = 200


def write_workbook(sheets: "Mapping[str, pd.DataFrame]", stream: BinaryIO | BufferedIOBase) -> None:
    """Write tables as the sheets of a workbook, each with a bold header that stays in sight.

    Parameters
    ----------
    sheets : mapping of str to DataFrame
        Name of each sheet and its table. Lists are joined by commas; times lose their zone and are in UTC; strings are
        cut to 32,767 characters and lose control characters.
    stream : binary stream

    Raises
    ------
    InputError
        If a table is larger than a sheet can be.
    """
    from openpyxl import Workbook  # type: ignore[import-not-found]

    for name, table in sheets.items():
        if len(table) >= MAX_SHEET_ROWS or table.shape[1] > MAX_SHEET_COLUMNS:
            raise InputError(
                f"{name} has {len(table):,} rows and {table.shape[1]:,} columns, and a sheet of Excel "
                f"{MAX_SHEET_ROWS - 1:,} and {MAX_SHEET_COLUMNS:,} at most; write .csv or .parquet"
            )
    book = Workbook(write_only=True)
    for name, table in sheets.items():
        _write_sheet(book.create_sheet(name), table)
    book.save(stream)


def _write_sheet(sheet: Any, table: "pd.DataFrame") -> None:
    from openpyxl.cell import WriteOnlyCell  # type: ignore[import-not-found]
    from openpyxl.styles import Font  # type: ignore[import-not-found]
    from openpyxl.utils import get_column_letter  # type: ignore[import-not-found]

    def cell(value: Any, font: Any = None) -> Any:
        value = cell_value(value)
        if not isinstance(value, str | datetime):
            return value
        made = WriteOnlyCell(sheet, value)
        if isinstance(value, str):
            made.data_type = "s"
        elif value.time() == datetime.min.time():
            made.number_format = "yyyy-mm-dd"
        if font is not None:
            made.font = font
        return made

    sheet.freeze_panes = "A2"
    for number, name in enumerate(table.columns, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = _width(
            str(name), table.iloc[:_MEASURED_ROWS, number - 1]
        )
    if len(table):
        sheet.auto_filter.ref = f"A1:{get_column_letter(table.shape[1])}{len(table) + 1}"
    bold = Font(bold=True)
    sheet.append([cell(str(name), bold) for name in table.columns])
    for row in table.itertuples(index=False, name=None):
        sheet.append([cell(value) for value in row])


def cell_value(value: Any) -> Any:
    r"""What a cell holds: a string, a number, a datetime without a zone, or None where there is nothing.

    Examples
    --------
    >>> cell_value("a\x07b"), cell_value(["sea", "ship"]), cell_value(float("nan")), cell_value(2**60)
    ('a b', 'sea, ship', None, '1152921504606846976')
    """
    import numpy as np
    import pandas as pd

    if isinstance(value, list | tuple | np.ndarray):
        value = ", ".join(map(str, value))
    if isinstance(value, str):
        return _ESCAPE.sub("_x005F_", xml_text(value))[:_MAX_CELL]
    if pd.isna(value):
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, date | np.datetime64):
        time = pd.Timestamp(value)
        time = time if time.tzinfo is None else time.tz_convert(UTC).tz_localize(None)
        return time.isoformat() if time.year < _FIRST_YEAR else time.floor("us").to_pydatetime()
    if not isinstance(value, Real):
        return cell_value(str(value))
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, int):
        return number if abs(number) < _MAX_WHOLE else str(number)
    # The digits of single precision, in which mixtures are.
    return float(f"{float(number):.8g}") if np.isfinite(float(number)) else None


def _width(name: str, values: "pd.Series") -> int:
    longest = max((len(str(cell_value(value))) for value in values), default=0)
    return min(_MAX_WIDTH, max(_MIN_WIDTH, len(name) + 2, longest + 1))
