import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from softtopic.data.parquet_files import find_parquet
from softtopic.errors import DiskError, EngineError, InputError, PartFolderError
from softtopic.features.engines.base import Engine, open_engine
from softtopic.pipeline.part_rows import RowFunction
from softtopic.pipeline.part_run import REJECTED, PartJob, compute_parts
from softtopic.storage.parts import PartFolder


@dataclass(frozen=True)
class Lengths(RowFunction):
    """Lengths of texts; `poison` cannot be computed. `calls` notes how often the function is called."""

    calls: Path
    seed: int = 0
    broken: bool = False

    @property
    def made_of(self):
        return {"seed": self.seed}

    def open(self):
        def compute(texts):
            with self.calls.open("a") as stream:
                stream.write("x")
            if self.broken and texts != ["text"]:
                raise DiskError("the disk is full")
            if any("poison" in text for text in texts):
                raise RuntimeError("no such\ntoken")
            return {"length": np.array([len(text) for text in texts], dtype=np.int64)}

        return compute


@pytest.fixture
def posts(tmp_path):
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in range(2):
        texts = [f"{'poison' if row == 3 else 'x' * row} {number}" for row in range(10)]
        pq.write_table(
            pa.table({"text": texts, "key": [f"{number}-{row}" for row in range(10)]}), folder / f"{number}.parquet"
        )
    return folder


@pytest.fixture
def compute(posts, tmp_path):
    """Compute the lengths into a folder of parts of four rows."""

    def compute(out="out", engine=None, id=None, **settings):
        function = Lengths(tmp_path / "calls", **settings)
        folder = PartFolder.create(tmp_path / out, function.made_of)
        job = PartJob(folder=folder, function=function, id=id)
        return compute_parts(job, find_parquet([str(posts)]), engine or open_engine("local"), part_rows=4)

    return compute


def test_rows_are_those_of_the_files_in_order_but_for_poison(compute, tmp_path):
    run = compute()
    assert (run.n_documents, run.n_rejected, run.n_parts, run.n_kept) == (18, 2, 6, 0)
    table = pq.read_table(tmp_path / "out")
    rows = [row for row in range(20) if row % 10 != 3]
    assert table["id"].to_pylist() == rows
    assert table["length"].to_pylist() == [row % 10 + 2 for row in rows]
    assert table.equals(pa.concat_tables(PartFolder.open(tmp_path / "out").tables()))


def test_poison_is_named_with_its_place_and_its_reason(compute, tmp_path):
    compute(id="key")
    files = sorted((tmp_path / "out" / REJECTED).iterdir())
    assert [file.name for file in files] == ["part-00000.jsonl", "part-00003.jsonl"]
    line = json.loads(files[1].read_text())
    assert line.pop("file").endswith("1.parquet")
    assert line == {"id": "1-3", "row": 3, "reason": "RuntimeError: no such token"}


def test_complete_parts_are_kept_and_others_computed(compute, tmp_path):
    compute()
    before = pq.read_table(tmp_path / "out")
    n_calls = (tmp_path / "calls").stat().st_size
    assert compute().n_kept == 6
    assert (tmp_path / "calls").stat().st_size == n_calls
    part = tmp_path / "out" / "part-00004.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    (tmp_path / "out" / "part-00002.parquet").unlink()
    run = compute()
    assert (run.n_kept, run.n_rejected, run.n_documents) == (4, 2, 18)
    assert pq.read_table(tmp_path / "out").equals(before)


def test_a_file_that_changes_is_computed_again(compute, posts, tmp_path):
    compute()
    pq.write_table(pa.table({"text": ["one", "two"], "key": ["a", "b"]}), posts / "1.parquet")
    run = compute()
    assert (run.n_kept, run.n_parts, run.n_documents, run.n_rejected) == (3, 4, 11, 1)
    assert pq.read_table(tmp_path / "out")["length"].to_pylist()[-2:] == [3, 3]


def test_a_failure_that_all_parts_share_stops_the_run(compute):
    with pytest.raises(EngineError, match="the disk is full"):
        compute(broken=True)


class Forgetful(Engine):
    """An engine whose workers die over some parts."""

    @property
    def description(self):
        return "workers that die"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def run(self, open_worker, tasks):
        return map(open_worker(), [task for task in tasks if task.index % 4])


def test_parts_whose_workers_die_are_named_and_all_others_are_kept(compute):
    with pytest.raises(
        EngineError, match=r"2 of 6 parts could not be computed \(rows 0 to 3 of .*died again and again"
    ):
        compute(engine=Forgetful())
    assert compute().n_kept == 4


class Elsewhere(Forgetful):
    """An engine whose workers write to a disk of their own."""

    def run(self, open_worker, tasks):
        for outcome in map(open_worker(), tasks):
            (self.out / f"part-{outcome.index:05d}.parquet").unlink()
            yield outcome


def test_a_disk_that_is_not_shared_is_named(compute, tmp_path):
    engine = Elsewhere()
    engine.out = tmp_path / "out"
    with pytest.raises(EngineError, match="give --out on a disk that all workers share"):
        compute(engine=engine)


def test_bad_input_is_named_before_the_work(compute, posts, tmp_path):
    with pytest.raises(InputError, match="no column 'uuid'; it has: text, key"):
        compute(id="uuid")
    compute()
    with pytest.raises(PartFolderError, match="holds parts made with different seed"):
        compute(seed=1)
    for file in posts.iterdir():
        pq.write_table(pq.read_table(file).slice(0, 0), file)
    with pytest.raises(InputError, match="2 files hold no documents"):
        compute(out="empty")
