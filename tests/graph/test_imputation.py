import numpy as np
import pytest
from scipy.sparse import csr_matrix

from softtopic.graph.imputation import carry


@pytest.fixture
def known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors of 200 documents, hidden states that are linear in them, and soft labels that follow from them."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 6)).astype(np.float32)
    hidden = vectors @ rng.normal(size=(6, 8)).astype(np.float32)
    hidden = (hidden - hidden.mean(axis=0)) / hidden.std(axis=0)
    scores = np.exp(vectors @ rng.normal(size=(6, 10)).astype(np.float32))
    return vectors, hidden, (scores / scores.sum(axis=1, keepdims=True)).astype(np.float16)


def test_what_was_read_stays_and_the_rest_is_near_the_truth(known):
    vectors, hidden, soft = known
    read = np.arange(0, 200, 2)
    labels, states = carry(soft[read], hidden[read], read, [(vectors, 1.0)])
    np.testing.assert_array_equal(labels[read], soft[read])
    np.testing.assert_allclose(states[read], hidden[read], atol=2e-3)
    rest = np.setdiff1d(np.arange(200), read)
    np.testing.assert_allclose(labels[rest].sum(axis=1, dtype=np.float64), 1, atol=2e-2)
    of_rest = [np.corrcoef(states[rest, column], hidden[rest, column])[0, 1] for column in range(8)]
    assert min(of_rest) > 0.9
    right = np.mean(labels[rest].argmax(axis=1) == soft[rest].argmax(axis=1))
    blind = np.mean(soft[read].mean(axis=0).argmax() == soft[rest].argmax(axis=1))
    assert right > blind + 0.3


def test_words_alone_may_tell_what_a_document_would_have_said():
    words = csr_matrix(np.repeat(np.eye(4, dtype=np.float32), 10, axis=0))
    soft = (0.7 * words.toarray() + 0.075).astype(np.float16)
    read = np.arange(0, 40, 2)
    labels, states = carry(soft[read], words.toarray()[read], read, [(words, 0.25)])
    assert (labels.argmax(axis=1) == np.arange(40) // 10).all()
    assert labels.dtype == states.dtype == np.float16


def test_a_view_without_weight_says_nothing(known):
    vectors, hidden, soft = known
    read = np.arange(0, 200, 4)
    noise = np.random.default_rng(1).normal(size=(200, 50)).astype(np.float32)
    plain = carry(soft[read], hidden[read], read, [(vectors, 1.0)])
    other = carry(soft[read], hidden[read], read, [(vectors, 1.0), (noise, 0.0)])
    np.testing.assert_allclose(plain[0], other[0], atol=2e-3)


def test_two_documents_and_columns_that_never_vary_are_no_error(known):
    vectors, _, soft = known
    read = np.array([0, 199])
    labels, states = carry(soft[read], np.zeros((2, 3), dtype=np.float32), read, [(vectors, 1.0)])
    assert np.isfinite(labels).all()
    np.testing.assert_array_equal(states, np.zeros((200, 3), dtype=np.float16))
