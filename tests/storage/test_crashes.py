"""A process that ends at any step of writing: after a rerun nothing is lost, and the result is that of one run."""

import os

import numpy as np
import pytest
from crash_points import cleared, points, tree

from softtopic.persistence.folder import ModelFiles, read_model, write_model
from softtopic.retrieval.index import RetrievalIndex
from softtopic.storage.resumable import resumable_lines

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


def model(seed: int) -> ModelFiles:
    theta = np.full((3, 2), seed, dtype=np.float32)
    documents = {"id": ["a", "b", "c"], "text": ["", "", ""]}
    return ModelFiles(config={"seed": seed}, tensors={"theta": theta}, topics={}, documents=documents, card="#\n")


@pytest.mark.slow
@pytest.mark.parametrize("older", [False, True])
def test_a_model_is_saved_whole_or_not_at_all(tmp_path, older):
    work, path = tmp_path / "work", tmp_path / "work" / "m"
    write_model(tmp_path / "expected" / "m", model(2))
    found = set()

    def prepare():
        work.mkdir(exist_ok=True)
        cleared(work)
        if older:
            write_model(path, model(1))

    def check():
        if older or path.exists():
            found.add(read_model(path).config["seed"])
        write_model(path, model(2))
        assert tree(work) == tree(tmp_path / "expected")

    assert points(prepare, lambda: write_model(path, model(2)), check) > 20
    assert found == ({1, 2} if older else {2})


@pytest.mark.slow
@pytest.mark.parametrize("older", [False, True])
def test_an_index_is_saved_whole_or_not_at_all(tmp_path, older):
    theta = np.random.default_rng(0).dirichlet(np.ones(4), size=20).astype(np.float32)
    work, path = tmp_path / "work", tmp_path / "work" / "m.index"
    expected = RetrievalIndex(theta)
    expected.save(tmp_path / "expected" / "m.index")
    found = set()

    def prepare():
        work.mkdir(exist_ok=True)
        cleared(work)
        if older:
            RetrievalIndex(theta[:5]).save(path)

    def check():
        if older or path.exists():
            found.add(len(RetrievalIndex.open(path)))
        expected.save(path)
        assert tree(work) == tree(tmp_path / "expected")

    assert points(prepare, lambda: expected.save(path), check) > 10
    assert found == ({5, 20} if older else {20})


def test_a_stream_goes_on_behind_its_last_complete_line(tmp_path):
    work, path = tmp_path / "work", tmp_path / "work" / "theta.jsonl"
    lines = [b"%d\n" % number for number in range(20)]
    done_before = set()

    def run():
        with resumable_lines(path, {"model": "a"}, resume=True) as (stream, done):
            done_before.add(done)
            for start in range(done, 20, 5):
                stream.write(b"".join(lines[start : start + 5]))
                stream.flush()
                # A change of the file system between batches, to end at.
                (work / "batch").write_bytes(b"")

    def prepare():
        work.mkdir(exist_ok=True)
        cleared(work)
        done_before.clear()

    def check():
        if path.exists():
            assert path.read_bytes() == b"".join(lines)
        run()
        (work / "batch").unlink(missing_ok=True)
        assert tree(work) == {"theta.jsonl": b"".join(lines)}
        seen.update(done_before)

    seen: set[int] = set()
    assert points(prepare, run, check) > 8
    assert seen >= {0, 5, 10, 15}
