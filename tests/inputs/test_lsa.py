import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from softtopic.data.corpus import equidistant
from softtopic.inputs.lsa import LSA, inverse_document_frequency, tf_idf


def cosines(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    units = rows / np.where(length > 0, length, 1)
    return units @ units.T


def test_tf_idf_weights_rare_words_and_keeps_empty_rows():
    counts = csr_matrix(np.array([[2, 1, 0], [1, 0, 0], [1, 0, 3], [0, 0, 0]]))
    found = tf_idf(counts).toarray()
    np.testing.assert_allclose(found.sum(axis=1), [1, 1, 1, 0], atol=1e-6)
    common, rare = 2 * (np.log(4 / 3) + 1), np.log(4) + 1
    np.testing.assert_allclose(found[0], [common / (common + rare), rare / (common + rare), 0], atol=1e-6)


def test_idf_of_a_word_of_no_document_is_that_of_a_word_of_one():
    np.testing.assert_allclose(
        inverse_document_frequency(csr_matrix([[1, 2, 0], [1, 0, 0]])), [1, np.log(2) + 1, np.log(2) + 1], rtol=1e-6
    )


def test_full_rank_lsa_keeps_scalar_products():
    counts = np.random.default_rng(2).poisson(0.1, size=(60, 40)).astype(np.float32)
    counts[0] = 0
    given = csr_matrix(counts)
    found = LSA.fit(given, 300, seed=0).transform(given)
    assert found.dtype == np.float32
    assert found.shape == (60, 40)
    assert not found[0].any()
    np.testing.assert_allclose(found @ found.T, cosines(np.sqrt(tf_idf(given).toarray())), atol=1e-4)


def test_co_occurring_words_are_similar_in_new_documents():
    rng, counts = np.random.default_rng(3), np.zeros((600, 200), dtype=np.float32)
    for row in range(600):
        counts[row, rng.choice(100, 4, replace=False) + 100 * (row % 2)] = 1
    found = LSA.fit(csr_matrix(counts[:400]), 20, seed=0).transform(csr_matrix(counts))[400:]
    assert found.shape == (200, 20)
    apart = counts[400:] @ counts[400:].T == 0
    alike = np.add.outer(np.arange(200), np.arange(200)) % 2 == 0
    near = cosines(found)
    assert near[apart & alike].mean() > 0.1
    assert abs(near[~alike].mean()) < 0.01


def test_components_without_variance_are_dropped():
    counts = np.random.default_rng(6).poisson(0.2, size=(30, 50)).astype(np.float32)
    counts[:10] = 0
    counts[10:15] = counts[15:20]
    given = csr_matrix(counts)
    found = LSA.fit(given, 300, seed=0).transform(given)
    assert found.shape == (30, 15)
    assert found.std(axis=0).min() > 1e-3


def test_fit_is_deterministic():
    counts = csr_matrix(np.random.default_rng(4).poisson(0.3, size=(30, 12)).astype(np.float32))
    first, again = LSA.fit(counts, 5, seed=1), LSA.fit(counts, 5, seed=1)
    np.testing.assert_array_equal(first.components, again.components)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (2, 2)])
def test_lsa_of_hardly_any_words(shape):
    counts = csr_matrix(np.ones(shape, dtype=np.float32))
    assert LSA.fit(counts, 300, seed=0).transform(counts).shape == (shape[0], 1)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(0, 2**16))
def test_norms_are_at_most_1(documents, words, seed):
    rng = np.random.default_rng(seed)
    counts = csr_matrix(rng.poisson(0.4, size=(documents, words)).astype(np.float32))
    lsa = LSA.fit(counts, 3, seed=0)
    new = lsa.transform(csr_matrix(rng.poisson(2.0, size=(4, words)).astype(np.float32) * 1000))
    for found in (lsa.transform(counts), new):
        assert np.isfinite(found).all()
        assert (np.linalg.norm(found, axis=1) <= 1 + 1e-4).all()


def test_components_of_many_documents_are_those_of_a_sample():
    counts = csr_matrix(np.random.default_rng(0).poisson(0.4, (300, 12)))
    sample = counts[equidistant(300, 100)]
    found = LSA.fit(counts, 5, seed=0, max_documents=100)
    np.testing.assert_array_equal(found.idf, LSA.fit(counts, 5, seed=0).idf)
    assert found.components.shape == (5, 12)
    np.testing.assert_array_equal(found.transform(sample), found.transform(counts)[equidistant(300, 100)])
    assert found.transform(counts, np.float16).dtype == np.float16
