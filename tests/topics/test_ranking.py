import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_matrix

from softtopic.recipes import RankingConfig
from softtopic.topics.ranking import mean_document_vectors
from softtopic.topics.ranking import relevance as ranked

CONFIG = RankingConfig(order="relevance")


def relevance(topic_word, document_word, views):
    return ranked(topic_word, document_word, views, CONFIG)


shares = st.floats(0.0009765625, 1, width=32)


@settings(deadline=None, max_examples=50)
@given(arrays(np.float32, (3, 6), elements=shares), arrays(np.float32, (3, 6), elements=shares), st.booleans())
def test_relevance_follows_the_formula(model, own, near):
    model = model / model.sum(axis=1, keepdims=True)
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)

    def distinct(said):
        said = said / said.sum(axis=1, keepdims=True)
        return said * (said / said.sum(axis=0))

    said = np.sqrt(model * (own / own.sum(axis=1, keepdims=True)))
    if near:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        centres = distinct(said) @ unit  # six words are fewer than the first ten
        cosines = (centres / np.linalg.norm(centres, axis=1, keepdims=True)) @ unit.T
        said = said * np.exp(CONFIG.inverse_temperature * cosines)
    found = relevance(model, own, [vectors] if near else [])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, distinct(said), atol=1e-5)


def test_distinctive_words_rank_before_shared_ones():
    model = np.array([[0.6, 0.4, 0.0], [0.6, 0.0, 0.4]], dtype=np.float32)
    assert relevance(model, None, []).argmax(axis=1).tolist() == [1, 2]


def test_of_equally_probable_words_the_more_similar_ranks_first():
    model = np.array([[0.5, 0.2, 0.15, 0.15]], dtype=np.float32)
    words = np.array([[1, 0], [1, 0.1], [0, 1], [1, 0]], dtype=np.float32)
    order = np.argsort(-relevance(model, None, [words])[0]).tolist()
    assert order == [0, 1, 3, 2]
    # Several views are averaged: one that knows nothing changes no order.
    assert np.argsort(-relevance(model, None, [words, np.ones((4, 3), dtype=np.float32)])[0]).tolist() == order


def test_words_that_no_document_uses_come_last_by_probability():
    model = np.array([[0.1, 0.2, 0.3, 0.4]], dtype=np.float32)
    found = relevance(model, np.array([[5.0, 0, 0, 0]], dtype=np.float32), [])
    assert np.argsort(-found[0]).tolist() == [0, 3, 2, 1]
    silent = relevance(model, np.zeros((1, 4), dtype=np.float32), [np.zeros((4, 2), dtype=np.float32)])
    assert np.argsort(-silent[0]).tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("sparse", [False, True])
def test_word_vectors_are_label_weighted_means_of_documents(sparse):
    labels = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]], dtype=np.float32)
    vectors = np.array([[2.0, 0.0], [0.0, 3.0]], dtype=np.float32)
    given_labels = csr_matrix(labels) if sparse else labels
    np.testing.assert_allclose(mean_document_vectors(given_labels, vectors), [[0.5, 0.5], [0, 1], [0, 0]], atol=1e-6)
