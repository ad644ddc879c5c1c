import numpy as np
from scipy.sparse import csr_matrix

from softtopic.graph import propagation
from softtopic.graph.neighbours import View, knn_graph
from softtopic.graph.propagation import propagate_labels


def test_propagation_follows_the_formula_in_any_block_size(monkeypatch):
    rng = np.random.default_rng(1)
    labels = rng.dirichlet(np.ones(7), size=9).astype(np.float32)
    graph = knn_graph([View(rng.normal(size=(9, 4)).astype(np.float32), 1.0)], 2, 10.0)
    wanted = labels
    for _ in range(3):
        wanted = 0.1 * labels + 0.9 * graph.toarray() @ wanted
    monkeypatch.setattr(propagation, "_COLUMNS", 3)
    for given_labels in (labels, csr_matrix(labels), labels.astype(np.float16)):
        found = propagate_labels(given_labels, graph, n_steps=3, restart=0.1)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=1e-3)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=2e-3)
    np.testing.assert_allclose(propagate_labels(labels, graph, n_steps=0, restart=0.1), labels)
    np.testing.assert_allclose(propagate_labels(labels, graph, n_steps=3, restart=1.0), labels, atol=1e-6)


def test_unlabelled_documents_take_on_their_neighbours_labels():
    rows = np.array([[1, 0.1], [1, 0], [0, 1], [0.1, 1]], dtype=np.float32)
    labels = np.array([[0, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    found = propagate_labels(labels, knn_graph([View(rows, 1.0)], 1, 10.0), n_steps=3, restart=0.1)
    assert found[0, 0] > 0.5 > found[0, 1]
