import numpy as np
import pytest
from scipy.sparse import csr_matrix

from softtopic.graph.config import ImputationConfig
from softtopic.graph.imputation import Predictor, impute

CONFIG = ImputationConfig()


@pytest.fixture
def known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors of 200 documents, hidden states that are linear in them, and soft labels that follow from them."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 6)).astype(np.float32)
    hidden = vectors @ rng.normal(size=(6, 8)).astype(np.float32)
    hidden = (hidden - hidden.mean(axis=0)) / hidden.std(axis=0)
    scores = np.exp(vectors @ rng.normal(size=(6, 10)).astype(np.float32))
    return vectors, hidden, (scores / scores.sum(axis=1, keepdims=True)).astype(np.float16)


def test_documents_that_were_read_keep_their_labels_and_others_are_predicted(known):
    vectors, hidden, soft = known
    read = np.arange(0, 200, 2)
    labels, states = impute(soft[read], hidden[read], read, [Predictor(vectors, 1.0)], CONFIG)
    np.testing.assert_array_equal(labels[read], soft[read])
    np.testing.assert_allclose(states[read], hidden[read], atol=2e-3)
    rest = np.setdiff1d(np.arange(200), read)
    np.testing.assert_allclose(labels[rest].sum(axis=1, dtype=np.float64), 1, atol=2e-2)
    of_rest = [np.corrcoef(states[rest, column], hidden[rest, column])[0, 1] for column in range(8)]
    assert min(of_rest) > 0.9
    right = np.mean(labels[rest].argmax(axis=1) == soft[rest].argmax(axis=1))
    blind = np.mean(soft[read].mean(axis=0).argmax() == soft[rest].argmax(axis=1))
    assert right > blind + 0.3


def test_labels_are_predicted_from_words_alone():
    words = csr_matrix(np.repeat(np.eye(4, dtype=np.float32), 10, axis=0))
    soft = (0.7 * words.toarray() + 0.075).astype(np.float16)
    read = np.arange(0, 40, 2)
    labels, states = impute(soft[read], words.toarray()[read], read, [Predictor(words, 0.25)], CONFIG)
    assert (labels.argmax(axis=1) == np.arange(40) // 10).all()
    assert labels.dtype == states.dtype == np.float16


def test_a_predictor_without_weight_changes_nothing(known):
    vectors, hidden, soft = known
    read = np.arange(0, 200, 4)
    noise = np.random.default_rng(1).normal(size=(200, 50)).astype(np.float32)
    plain = impute(soft[read], hidden[read], read, [Predictor(vectors, 1.0)], CONFIG)
    other = impute(soft[read], hidden[read], read, [Predictor(vectors, 1.0), Predictor(noise, 0.0)], CONFIG)
    np.testing.assert_allclose(plain[0], other[0], atol=2e-3)


def test_two_documents_and_constant_columns(known):
    vectors, _, soft = known
    read = np.array([0, 199])
    labels, states = impute(soft[read], np.zeros((2, 3), dtype=np.float32), read, [Predictor(vectors, 1.0)], CONFIG)
    assert np.isfinite(labels).all()
    np.testing.assert_array_equal(states, np.zeros((200, 3), dtype=np.float16))
