"""Folders of parts: killed and continued, damaged parts redone, parts of another run refused."""

import json
import os
import shutil
from contextlib import suppress

import pandas as pd
import pyarrow as pa
import pytest
from crash_points import cleared, points
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.errors import DiskError, InputError, PartFolderError
from softtopic.storage.parts import MANIFEST, PARTS, PartFolder

MADE_OF = {"model": "a", "options": {"text": "body"}}
SOURCES = ("s0", "s1", "s2")


def table(index: int) -> pa.Table:
    return pa.table({"id": [f"{index}-{row}" for row in range(index + 2)], "topic": [index] * (index + 2)})


def run(path, sources=SOURCES, *, stop: int | None = None, made_of=MADE_OF) -> list[int]:
    """What was computed; with `stop` the run ends after so many parts."""
    folder, computed = PartFolder.create(path, made_of), []
    with folder.claim():
        known = folder.parts()
        for index, source in enumerate(sources):
            if index == stop:
                return computed
            if not folder.is_current(known.get(index), source):
                folder.record(folder.write(index, table(index), source=source))
                computed.append(index)
        folder.finish(len(sources))
    return computed


def whole(path) -> pa.Table:
    return pa.concat_tables(PartFolder.open(path).tables())


def expected(n: int = 3) -> pa.Table:
    return pa.concat_tables(map(table, range(n)))


def test_the_parts_are_one_table_in_order_also_for_other_programs(tmp_path):
    assert run(tmp_path / "theta") == [0, 1, 2]
    assert whole(tmp_path / "theta").equals(expected())
    folder = PartFolder.open(tmp_path / "theta")
    assert (folder.n_parts, folder.n_rows, folder.made_of) == (3, 9, MADE_OF)
    assert [one.column_names for one in folder.tables(["topic"])] == [["topic"]] * 3
    assert pd.read_parquet(tmp_path / "theta")["id"].tolist() == expected()["id"].to_pylist()
    assert PartFolder.is_at(tmp_path / "theta")
    assert not PartFolder.is_at(tmp_path)


def test_complete_parts_are_kept_and_the_rest_is_computed(tmp_path):
    path = tmp_path / "theta"
    assert run(path, stop=2) == [0, 1]
    with pytest.raises(PartFolderError, match=r"theta is not complete \(2 parts are there\); run the same command"):
        whole(path)
    with (path / PARTS).open("ab") as stream:
        stream.write(b'{"index": 2, "ro')
    assert run(path) == [2]
    assert run(path) == []
    assert whole(path).equals(expected())


def test_only_parts_whose_source_has_changed_are_computed_again(tmp_path):
    path = tmp_path / "theta"
    run(path)
    assert run(path, ("s0", "new", "s2", "s3")) == [1, 3]
    assert whole(path).num_rows == 14
    (path / "part-00009.parquet").write_bytes(b"of a process that was killed")
    assert run(path, ("s0", "new")) == []
    assert whole(path).equals(expected(2))
    assert sorted(file.name for file in path.iterdir()) == [MANIFEST, PARTS, "part-00000.parquet", "part-00001.parquet"]
    assert run(path) == [1, 2]


def _cut(path, other):
    path.write_bytes(path.read_bytes()[:-7])


def _flip(path, other):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _swap(path, other):
    path.write_bytes((path.parent / "part-00002.parquet").read_bytes())


def _foreign(path, other):
    path.write_bytes((other / path.name).read_bytes())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path, other: path.unlink(), "it is missing"),
        (_cut, r"it has \d+ bytes, not \d+"),
        (_flip, "its checksum is not the one in _parts.jsonl"),
        (_swap, "it has|its checksum"),
        (_foreign, "it has|its checksum"),
    ],
)
def test_damaged_parts_are_named_and_computed_again(tmp_path, damage, reason):
    path, other = tmp_path / "theta", tmp_path / "other"
    run(path)
    folder = PartFolder.create(other, MADE_OF)
    with folder.claim():
        folder.write(1, table(5).slice(0, 3), source="s1")
    damage(path / "part-00001.parquet", other)
    with pytest.raises(PartFolderError, match=rf"part-00001.parquet is damaged \(({reason})"):
        whole(path)
    assert run(path) == [1]
    assert whole(path).equals(expected())


def test_damaged_lines_cost_their_parts_and_a_damaged_manifest_is_named(tmp_path):
    path = tmp_path / "theta"
    run(path)
    lines = (path / PARTS).read_bytes().splitlines(keepends=True)
    (path / PARTS).write_bytes(b"".join([lines[0], b"oops\n", b'{"index": 2}\n', b"[1]\n", lines[3]]))
    assert PartFolder.open(path).n_parts is None
    assert run(path) == [1, 2]
    (path / PARTS).unlink()
    assert run(path) == [0, 1, 2]
    head = (path / MANIFEST).read_text()
    for wrong in ("{", head.replace('"a"', '"b"'), "[]"):
        (path / MANIFEST).write_text(wrong)
        with pytest.raises(PartFolderError, match=r"_manifest.json is damaged; remove .*theta and make it again"):
            PartFolder.open(path)


def test_parts_of_something_else_are_refused(tmp_path):
    path = tmp_path / "theta"
    run(path)
    with pytest.raises(PartFolderError, match="theta holds parts made with different model; give the same again"):
        run(path, made_of=MADE_OF | {"model": "b"})
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").touch()
    (tmp_path / "file").touch()
    for taken in ("notes", "file"):
        with pytest.raises(PartFolderError, match=f"{taken} exists and is not a folder of parts; give a new or an emp"):
            run(tmp_path / taken)
    with pytest.raises(PartFolderError, match="notes is not a folder of parts"):
        PartFolder.open(tmp_path / "notes")
    with pytest.raises(PartFolderError, match="file is not a folder of parts"):
        PartFolder.open(tmp_path / "file")


def test_a_newer_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("softtopic.storage.parts.VERSION", 9)
    run(tmp_path / "theta")
    monkeypatch.undo()
    with pytest.raises(PartFolderError, match="theta is of version 9; this program reads 1: upgrade softtopic"):
        PartFolder.open(tmp_path / "theta")


def test_a_second_writer_is_told(tmp_path):
    folder = PartFolder.create(tmp_path / "theta", MADE_OF)
    with folder.claim(), pytest.raises(InputError, match="theta is being written by another process; wait for it"):
        run(tmp_path / "theta")
    assert run(tmp_path / "theta") == [0, 1, 2]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_place_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DiskError, match="could not be written"):
        run(tmp_path / "theta")


def test_manifest_and_lines_are_plain_json(tmp_path):
    run(tmp_path / "theta", stop=1)
    head = json.loads((tmp_path / "theta" / MANIFEST).read_text())
    assert head.keys() == {"format", "version", "made_of", "checksum"}
    (line,) = (tmp_path / "theta" / PARTS).read_text().splitlines()
    assert json.loads(line).keys() == {"index", "rows", "source", "size", "sha256"}


@settings(max_examples=30, deadline=None)
@given(
    stops=st.lists(st.integers(0, 3), max_size=4),
    flips=st.lists(st.tuples(st.integers(0, 2), st.integers(0)), max_size=3),
)
def test_runs_that_end_anywhere_and_bits_that_flip_leave_the_same_table(tmp_path_factory, stops, flips):
    path = tmp_path_factory.mktemp("parts") / "theta"
    for stop in stops:
        run(path, stop=stop)
    for index, place in flips:
        file = path / f"part-{index:05d}.parquet"
        if file.exists():
            data = bytearray(file.read_bytes())
            data[place % len(data)] ^= 1 << place % 8
            file.write_bytes(bytes(data))
    run(path)
    assert whole(path).equals(expected())
    shutil.rmtree(path)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("older", [False, True])
def test_a_process_that_ends_at_any_point_or_finds_the_disk_full_loses_nothing(tmp_path, older, full):
    work, path = tmp_path / "work", tmp_path / "work" / "theta"

    def prepare():
        work.mkdir(exist_ok=True)
        cleared(work)
        if older:
            run(path, ("old", "old", "s2"))

    def check():
        with suppress(PartFolderError):
            assert whole(path).equals(expected())
        run(path)
        assert whole(path).equals(expected())
        assert sorted(file.name for file in path.iterdir()) == [
            MANIFEST, PARTS, "part-00000.parquet", "part-00001.parquet", "part-00002.parquet"
        ]  # fmt: skip

    assert points(prepare, lambda: run(path), check, full=full) > 5
