import io
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from softtopic.data import workbook
from softtopic.data.workbook import cell_value, write_workbook
from softtopic.errors import InputError

openpyxl = pytest.importorskip("openpyxl")

RUN = ["=1+1", "+cmd", "-cmd", "@cmd", "\t=cmd()", '=HYPERLINK("http://x")']


def opened(**sheets):
    stream = io.BytesIO()
    write_workbook({name: pd.DataFrame(table) for name, table in sheets.items()}, stream)
    return openpyxl.load_workbook(stream)


def test_what_a_spreadsheet_would_run_is_text():
    sheet = opened(a={"=header()": RUN, "n": range(6)})["a"]
    cells = [row[0] for row in sheet.iter_rows()]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells] == ["=header()", *RUN]


def test_a_header_stays_in_sight_and_columns_have_the_width_of_their_cells():
    sheet = opened(a={"n": [1, 2], "text": ["long " * 50, "x"]})["a"]
    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].font.bold
    assert not sheet["A2"].font.bold
    assert sheet.auto_filter.ref == "A1:B3"
    assert [sheet.column_dimensions[column].width for column in "AB"] == [6, 60]


def test_dates_are_dates():
    times = [pd.Timestamp("2020-03-04"), pd.NaT]
    zoned = [datetime(2020, 3, 4, 12, tzinfo=UTC), datetime(2020, 3, 4, 1, tzinfo=UTC)]
    sheet = opened(a={"day": times, "at": zoned, "old": [date(1812, 1, 1), date(2020, 1, 1)]})["a"]
    assert [cell.value for cell in sheet["A"]] == ["day", datetime(2020, 3, 4), None]
    assert sheet["A2"].is_date
    assert sheet["A2"].number_format == "yyyy-mm-dd"
    assert sheet["B2"].value == datetime(2020, 3, 4, 12)
    assert "h" in sheet["B2"].number_format
    assert [cell.value for cell in sheet["C"]] == ["old", "1812-01-01T00:00:00", datetime(2020, 1, 1)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\x00b\x1fc\ud800d\ufffe", "a b c d "),
        ("line\nnext\ttab", "line\nnext\ttab"),
        ("_x0041_", "_x005F_x0041_"),
        ("x" * 40_000, "x" * 32_767),
        (["a", 1], "a, 1"),
        (np.array([1, 2]), "1, 2"),
        (np.float32(0.1), 0.1),
        (1.5e-12, 1.5e-12),
        (float("inf"), None),
        (None, None),
        (pd.NA, None),
        (np.int64(7), 7),
        (2**53 + 1, str(2**53 + 1)),
        (True, True),
        (object, "<class 'object'>"),
    ],
)
def test_any_value_is_a_cell(value, expected):
    found = cell_value(value)
    assert found == expected
    assert type(found) is type(expected)


def test_empty_tables_are_sheets():
    book = opened(a={"n": []}, b=pd.DataFrame())
    assert book.sheetnames == ["a", "b"]
    assert book["a"]["A1"].value == "n"


def test_a_table_that_is_too_long_is_refused_before_anything_is_written(monkeypatch):
    monkeypatch.setattr(workbook, "MAX_SHEET_ROWS", 3)
    stream = io.BytesIO()
    with pytest.raises(InputError, match=r"b has 3 rows and 1 columns, and a sheet of Excel 2 and .*; write \.csv or"):
        write_workbook({"a": pd.DataFrame({"n": [1]}), "b": pd.DataFrame({"n": [1, 2, 3]})}, stream)
    assert stream.getvalue() == b""
