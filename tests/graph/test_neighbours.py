import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from softtopic.errors import InputError
from softtopic.graph import neighbours
from softtopic.graph.neighbours import SHARPNESS, nearest, spread


def cosine(rows: np.ndarray) -> np.ndarray:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def test_weights_are_those_of_the_mean_cosine_of_all_views(monkeypatch):
    monkeypatch.setattr(neighbours, "_ROWS", 4)
    rng = np.random.default_rng(0)
    dense, words = rng.normal(size=(11, 5)).astype(np.float32), rng.poisson(1.0, size=(11, 7)).astype(np.float32) + 0.1
    graph = nearest([(dense, 1.0), (words, 0.25)], 3).toarray()
    similar = (cosine(dense) + 0.25 * cosine(words)) / 1.25
    np.fill_diagonal(similar, -np.inf)
    wanted = np.zeros((11, 11))
    for row, values in enumerate(similar):
        best = np.argsort(-values)[:3]
        weights = np.exp(SHARPNESS * values[best])
        wanted[row, best] = weights / weights.sum()
    wanted = np.maximum(wanted, wanted.T)
    np.testing.assert_allclose(graph, wanted / wanted.sum(axis=1, keepdims=True), atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 30), st.integers(0, 2**16), st.booleans())
def test_a_graph_has_no_loops_and_rows_of_one(documents, seed, silent):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(documents, 3)).astype(np.float32)
    if silent:
        rows[0] = 0
    graph = nearest([(rows, 1.0)], min(4, documents - 1))
    assert not graph.diagonal().any()
    np.testing.assert_allclose(np.asarray(graph.sum(axis=1)).ravel(), 1, atol=1e-5)
    assert (graph.getnnz(axis=1) >= min(4, documents - 1)).all()


@pytest.mark.parametrize("k", [0, 3])
def test_impossible_numbers_of_neighbours_are_refused(k):
    with pytest.raises(InputError, match=f"{k} neighbours of 3 documents"):
        nearest([(np.eye(3, dtype=np.float32), 1.0)], k)


def test_labels_spread_as_the_formula_says_whatever_the_blocks(monkeypatch):
    rng = np.random.default_rng(1)
    labels = rng.dirichlet(np.ones(7), size=9).astype(np.float32)
    graph = nearest([(rng.normal(size=(9, 4)).astype(np.float32), 1.0)], 2)
    wanted = labels
    for _ in range(3):
        wanted = 0.1 * labels + 0.9 * graph.toarray() @ wanted
    monkeypatch.setattr(neighbours, "_COLUMNS", 3)
    for given_labels in (labels, csr_matrix(labels), labels.astype(np.float16)):
        found = spread(given_labels, graph)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=1e-3)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=2e-3)
    np.testing.assert_allclose(spread(labels, graph, rounds=0), labels)
    np.testing.assert_allclose(spread(labels, graph, restart=1.0), labels, atol=1e-6)


def test_a_silent_document_takes_on_its_neighbours_labels():
    rows = np.array([[1, 0.1], [1, 0], [0, 1], [0.1, 1]], dtype=np.float32)
    labels = np.array([[0, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    found = spread(labels, nearest([(rows, 1.0)], 1))
    assert found[0, 0] > 0.5 > found[0, 1]
