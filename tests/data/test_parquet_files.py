import os
import sys
from uuid import uuid4

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.registry import _registry

from softtopic.data.parquet_files import find_parquet, read_range, require_columns, row_ranges, texts_of
from softtopic.errors import InputError


def write(path, rows, start=0, **how):
    pq.write_table(pa.table({"text": [f"text {start + row}" for row in range(rows)], "key": range(rows)}), path, **how)
    return str(path)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "a.parquet", 10, row_group_size=3)
    write(tmp_path / "b.parquet", 7, start=10)
    (tmp_path / "_hidden").mkdir()
    write(tmp_path / "_hidden" / "c.parquet", 1)
    (tmp_path / "notes.txt").write_text("no documents")
    return tmp_path


def test_files_of_folders_patterns_and_paths_are_found_once_and_in_order(folder):
    names = ["a.parquet", "b.parquet"]
    for paths in ([str(folder)], [f"{folder}/*.parquet"], [f"{folder}/{name}" for name in [*names, *names]]):
        found = find_parquet(paths)
        assert [os.path.basename(file.url) for file in found] == names
        assert [file.rows for file in found] == [10, 7]


@pytest.mark.parametrize("rows", [1, 4, 7, 100])
def test_ranges_are_all_rows_in_order_whatever_the_row_groups(folder, rows):
    ranges = row_ranges(find_parquet([str(folder)]), rows)
    texts = [text for part in ranges for text in read_range(part, ["text"])[0].to_pylist()]
    assert texts == [f"text {row}" for row in range(17)]
    assert all(part.stop - part.start <= rows for part in ranges)
    assert [part.first for part in ranges[:2]] == [0, min(rows, 10)]


def test_addresses_of_other_file_systems_are_read(folder):
    bucket = f"memory://{uuid4().hex}"
    for name in ("a.parquet", "b.parquet"):
        with fsspec.open(f"{bucket}/{name}", "wb") as stream:
            stream.write((folder / name).read_bytes())
    found = find_parquet([f"{bucket}/*.parquet"])
    assert [file.rows for file in found] == [10, 7]
    assert found == find_parquet([bucket])
    texts = [text for part in row_ranges(found, 6) for text in read_range(part, ["text"])[0].to_pylist()]
    assert texts == [f"text {row}" for row in range(17)]


def test_a_file_that_is_written_anew_has_another_version(folder):
    before = find_parquet([str(folder)])
    write(folder / "b.parquet", 7, start=11)
    os.utime(folder / "b.parquet", (1, 1))
    after = find_parquet([str(folder)])
    assert [one.version == other.version for one, other in zip(before, after, strict=True)] == [True, False]


def test_text_that_is_not_utf8_is_named_by_its_row():
    column = pa.array([b"good", b"\xff\xfe", None], pa.binary())
    texts, invalid = texts_of(pa.Array.from_buffers(pa.string(), 3, column.buffers()), "file")
    assert texts == ["good", "", ""]
    assert invalid == {1: "it is not UTF-8: invalid start byte at byte 0"}
    assert texts_of(pa.array(["b", "a", "b"]).dictionary_encode(), "file") == (["b", "a", "b"], {})


def test_a_package_that_an_object_store_needs_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(InputError, match=r"files at s3:// need another package; pip install 'softtopic\[s3\]'"):
        find_parquet(["s3://bucket/*.parquet"])


def test_bad_input_is_one_line(folder):
    with pytest.raises(InputError, match="no such file; give Parquet files, a folder of them or a pattern in quotes"):
        find_parquet([f"{folder}/*.gone"])
    with pytest.raises(InputError, match=r"notes.txt is not a whole Parquet file"):
        find_parquet([f"{folder}/notes.txt"])
    with pytest.raises(InputError, match=r"nowhere://posts cannot be read .*; check the address and your access to it"):
        find_parquet(["nowhere://posts"])
    found = find_parquet([str(folder)])
    with pytest.raises(InputError, match=r"a.parquet has no column 'body'; it has: text, key"):
        require_columns(found, ["body"])
    with pytest.raises(InputError, match="the column of texts holds int64, not strings; choose it with --text"):
        texts_of(read_range(row_ranges(found, 5)[0], ["key"])[0], "file")
    write(folder / "a.parquet", 2)
    with pytest.raises(InputError, match=r"a.parquet has changed; run the same command again"):
        read_range(row_ranges(found, 5)[1], ["text"])


def test_two_columns_of_a_name_are_refused(tmp_path):
    table = pa.table([["a"], ["b"]], names=["text", "text"])
    pq.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(InputError, match=r"twice.parquet has 2 columns 'text'; expected one of each name"):
        require_columns(find_parquet([str(tmp_path / "twice.parquet")]), ["text"])
