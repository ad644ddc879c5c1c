import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.errors import InputError
from softtopic.graph import neighbours
from softtopic.graph.neighbours import View, knn_graph


def cosine(rows: np.ndarray) -> np.ndarray:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def test_weights_are_a_softmax_of_the_mean_cosine(monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK", 4)
    rng = np.random.default_rng(0)
    dense, words = rng.normal(size=(11, 5)).astype(np.float32), rng.poisson(1.0, size=(11, 7)).astype(np.float32) + 0.1
    graph = knn_graph([View(dense, 1.0), View(words, 0.25)], 3, 10.0).toarray()
    similar = (cosine(dense) + 0.25 * cosine(words)) / 1.25
    np.fill_diagonal(similar, -np.inf)
    wanted = np.zeros((11, 11))
    for row, values in enumerate(similar):
        best = np.argsort(-values)[:3]
        weights = np.exp(10.0 * values[best])
        wanted[row, best] = weights / weights.sum()
    wanted = np.maximum(wanted, wanted.T)
    np.testing.assert_allclose(graph, wanted / wanted.sum(axis=1, keepdims=True), atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 30), st.integers(0, 2**16), st.booleans())
def test_rows_sum_to_1_without_loops(documents, seed, silent):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(documents, 3)).astype(np.float32)
    if silent:
        rows[0] = 0
    graph = knn_graph([View(rows, 1.0)], min(4, documents - 1), 10.0)
    assert not graph.diagonal().any()
    np.testing.assert_allclose(np.asarray(graph.sum(axis=1)).ravel(), 1, atol=1e-5)
    assert (graph.getnnz(axis=1) >= min(4, documents - 1)).all()


@pytest.mark.parametrize("k", [0, 3])
def test_invalid_numbers_of_neighbours_are_refused(k):
    with pytest.raises(InputError, match=f"n_neighbors is {k} for 3 documents"):
        knn_graph([View(np.eye(3, dtype=np.float32), 1.0)], k, 10.0)
