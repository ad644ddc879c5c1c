"""Index folders: what comes back, what is refused."""

import json

import numpy as np
import pytest

from softtopic.errors import ModelFileError
from softtopic.retrieval import index as module
from softtopic.retrieval.folder import index_path
from softtopic.retrieval.index import RetrievalIndex


@pytest.fixture
def theta():
    return np.random.default_rng(0).dirichlet(np.full(5, 0.3), size=120).astype(np.float32)


@pytest.fixture
def folder(theta, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PART_ROWS", 10)
    index = RetrievalIndex(theta[:70], metric="hellinger")
    index.add(theta[70:])
    index.remove(np.array([3, 90]))
    index.build_graph()
    index.save(tmp_path / "m.index", source="of m")
    return tmp_path / "m.index"


def test_an_index_comes_back_memory_mapped(folder, theta):
    index = RetrievalIndex.open(folder, source="of m")
    parts, removed, graph = index.contents
    assert (len(index), index.metric, index.is_approximate, len(parts)) == (118, "hellinger", True, 2)
    assert removed.tolist() == [3, 90]
    assert graph is not None
    assert index.recall is not None
    assert all(isinstance(part.matrix.base, np.memmap) for part in parts)
    expected = RetrievalIndex(theta, metric="hellinger")
    expected.remove(removed)
    np.testing.assert_array_equal(index.search(theta, 6, exact=True).ids, expected.search(theta, 6).ids)
    assert (index.search(theta, 6).ids == expected.search(theta, 6).ids).mean() > 0.9


def test_an_opened_index_takes_more_rows_and_is_saved_in_place(folder, theta):
    index = RetrievalIndex.open(folder)
    assert index.add(theta[:2]).tolist() == [120, 121]
    index.save(folder)
    again = RetrievalIndex.open(folder)
    assert again.search(theta[:1], 2, exact=True).ids.tolist() == [[0, 120]]
    np.testing.assert_array_equal(again.search(theta, 4).ids, index.search(theta, 4).ids)


def test_equal_indexes_are_equal_files(theta, tmp_path):
    for name in ("a", "b"):
        RetrievalIndex(theta).save(tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_an_index_of_something_else_is_refused(folder):
    with pytest.raises(ModelFileError, match=r"m\.index is of other topic mixtures than the model's; build it again"):
        RetrievalIndex.open(folder, source="of another")


@pytest.mark.parametrize("file", ["theta-0.npy", "matrix-1.npy", "removed.npy", "graph.usearch", "index.json"])
@pytest.mark.parametrize("change", ["flip", "truncate", "remove", "empty"])
def test_damage_is_named(folder, file, change):
    data = bytearray((folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    changed = {"flip": bytes(data), "truncate": bytes(data[:-9]), "empty": b""}
    (folder / file).unlink()
    if change != "remove":
        (folder / file).write_bytes(changed[change])
    with pytest.raises(ModelFileError, match=r"(damaged|missing|is not an index folder).*build it again") as caught:
        RetrievalIndex.open(folder)
    assert "\n" not in str(caught.value)


def test_files_of_another_index_and_swapped_ones_are_named(folder, theta, tmp_path):
    RetrievalIndex(theta[::-1].copy()).save(tmp_path / "other.index")
    kept = (folder / "theta-0.npy").read_bytes()
    for content in ((tmp_path / "other.index" / "theta-0.npy").read_bytes(), (folder / "matrix-0.npy").read_bytes()):
        (folder / "theta-0.npy").write_bytes(content)
        with pytest.raises(ModelFileError, match=r"theta-0\.npy is damaged .* build it again with `softtopic index`"):
            RetrievalIndex.open(folder)
    (folder / "theta-0.npy").write_bytes(kept)
    assert len(RetrievalIndex.open(folder))


def test_a_newer_version_is_refused(folder):
    head = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(head | {"version": 99}))
    with pytest.raises(ModelFileError, match="index of version 99; this program reads 1"):
        RetrievalIndex.open(folder)


def test_nothing_else_is_replaced(theta, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(ModelFileError, match="exists and is not an index folder; nothing was written"):
        RetrievalIndex(theta).save(tmp_path / "notes")
    assert (tmp_path / "notes" / "a.txt").read_text() == "mine"
    with pytest.raises(ModelFileError, match="no such index folder; build it with `softtopic index`"):
        RetrievalIndex.open(tmp_path / "none")


def test_an_index_is_beside_its_model(tmp_path):
    assert index_path(tmp_path / "space") == tmp_path / "space.index"
