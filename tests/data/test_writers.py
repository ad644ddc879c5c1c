import io
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from softtopic.data import writers
from softtopic.data.writers import TABLE_WRITERS, table_writer, write_jsonl, write_table
from softtopic.errors import InputError

THETA = np.array([[0.25, 0.75], [1 / 3, 2 / 3]], dtype=np.float32)
COLUMNS = {"id": ["7", 'é, \n"b"'], "topic": THETA.argmax(axis=1), "theta": THETA}

READERS = {
    ".parquet": pd.read_parquet,
    ".csv": lambda path: pd.read_csv(path, dtype={"id": str}),
    ".xlsx": lambda path: pd.read_excel(path, dtype={"id": str}),
    ".jsonl": lambda path: pd.read_json(path, lines=True, dtype={"id": str}),
}


SUFFIXES = [suffix for suffix in TABLE_WRITERS if suffix != ".xlsx" or find_spec("openpyxl")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_comes_back_as_it_was(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    write_table(path, COLUMNS)
    frame = READERS[suffix](path)
    assert frame["id"].tolist() == COLUMNS["id"]
    assert frame["topic"].tolist() == [1, 1]
    theta = np.stack(frame["theta"]) if suffix == ".jsonl" else frame[["theta_0", "theta_1"]].to_numpy()
    np.testing.assert_allclose(theta, THETA, atol=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_json_lines_are_utf8_with_six_decimal_places():
    stream = io.BytesIO()
    write_jsonl(COLUMNS, stream)
    lines = stream.getvalue().decode().splitlines()
    assert lines[0] == '{"id": "7", "topic": 1, "theta": [0.25, 0.75]}'
    assert lines[1].endswith('"theta": [0.333333, 0.666667]}')
    assert "é" in lines[1]
    assert json.loads(lines[1])["id"] == COLUMNS["id"][1]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_of_different_length_are_no_table(suffix):
    with pytest.raises(ValueError, match=r"length|longer"):
        table_writer(Path(f"table{suffix}"))({"a": ["x"], "b": ["y", "z"]}, io.BytesIO())


@pytest.mark.parametrize(("name", "found"), [("a.ods", ".ods"), ("a", "no suffix")])
def test_an_unknown_suffix_is_refused_with_those_known(tmp_path, name, found):
    with pytest.raises(InputError, match=rf"ends in {found}; give a file that ends in one of \.parquet, \.csv"):
        write_table(tmp_path / name, COLUMNS)
    assert not list(tmp_path.iterdir())


def test_a_workbook_without_the_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs openpyxl; pip install 'softtopic\[xlsx\]', or give"):
        write_table(tmp_path / "a.xlsx", COLUMNS)


def test_cells_are_no_formulas_and_have_no_control_characters(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    write_table(tmp_path / "a.xlsx", {"text": ["=1+1", "bell\a", "long" * 10_000], "words": [["a", "b"], [], ["=c"]]})
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    rows = list(sheet.iter_rows(min_row=2))
    assert [row[0].data_type for row in rows] == ["s", "s", "s"]
    assert [rows[0][0].value, rows[1][0].value, rows[0][1].value] == ["=1+1", "bell ", "a, b"]


@pytest.mark.parametrize("run", ["=cmd()", "+cmd", "-cmd", "@cmd", "\tcmd", '=HYPERLINK("http://x")'])
def test_a_cell_that_a_spreadsheet_would_run_is_text_in_csv(tmp_path, run):
    write_table(tmp_path / "a.csv", {"id": [run, "-5", "a=b"], "n": [-1, 2, 3]})
    frame = pd.read_csv(tmp_path / "a.csv", dtype={"id": str})
    assert frame["id"].tolist() == [f"'{run}", "-5", "a=b"]
    assert frame["n"].tolist() == [-1, 2, 3]


def test_a_carriage_return_does_not_end_a_row(tmp_path):
    write_table(tmp_path / "a.csv", {"id": ["one\rtwo", "three"], "n": [1, 2]})
    assert pd.read_csv(tmp_path / "a.csv")["id"].tolist() == ["one\rtwo", "three"]


def test_json_holds_no_nan_and_no_controls():
    stream = io.BytesIO()
    write_jsonl({"id": ["\x9b31m", pd.Timestamp("2026-01-01")], "x": np.array([np.nan, np.inf]), "y": [1, 2]}, stream)
    assert b"NaN" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue().decode()
    records = [json.loads(line) for line in stream.getvalue().decode().splitlines()]
    assert records[0] == {"id": "\x9b31m", "x": None, "y": 1}
    assert records[1] == {"id": "2026-01-01 00:00:00", "x": None, "y": 2}


def test_lines_hold_what_json_cannot():
    stream = io.BytesIO()
    write_jsonl({"id": ["\udc00"], "kept": [{"y": float("nan")}]}, stream)
    assert json.loads(stream.getvalue()) == {"id": "?", "kept": {"y": None}}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_values_of_several_types_and_lone_surrogates_are_written(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    write_table(path, {"class": [2020, "a\ud800", None, True, 1.5], "words": [["\udfff"], ["b"], [], ["c"], ["d"]]})
    frame = READERS[suffix](path) if suffix == ".jsonl" else READERS[suffix](path).astype(object)
    assert str(frame["class"][0]) == "2020"
    assert "\ufffd" in str(frame["class"][1]) or "?" in str(frame["class"][1])
    assert len(frame) == 5
