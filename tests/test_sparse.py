import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.errors import InputError
from softtopic.sparse import SparseLabels
from softtopic.teacher.calibrate import corpus_prior


def labels(docs: int, n_words: int, seed: int = 0) -> np.ndarray:
    """Rows normalised over the vocabulary, words of very different frequency, as the store holds them."""
    chance = np.random.default_rng(seed)
    scores = chance.normal(size=(docs, n_words)) * 2 + chance.normal(size=n_words) * 3
    return (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float16)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 8), st.integers(2, 40), st.integers(1, 39), st.integers(0, 99))
def test_kept_words_stay_and_rows_still_sum_to_one(docs, n_words, k, seed):
    k = min(k, n_words - 1)
    whole = labels(docs, n_words, seed)
    cut = SparseLabels.of(whole, k)
    dense = cut.dense()
    for before, after, words in zip(whole, dense, cut.words, strict=True):
        np.testing.assert_array_equal(before[words], after[words])
        assert set(words) == set(np.argsort(-before, kind="stable")[:k])
    np.testing.assert_allclose(np.exp(dense.astype(float)).sum(axis=1), 1, atol=0.02)


def test_what_is_left_over_is_shared_as_the_words_are_used_elsewhere():
    """Two words of four kept. Worked out by hand: a document's other words have the ratio of their geometric means."""
    probabilities = np.array([[0.6, 0.2, 0.15, 0.05], [0.1, 0.5, 0.3, 0.1], [0.5, 0.1, 0.1, 0.3]])
    dense = SparseLabels.of(np.log(probabilities).astype(np.float32), 2).dense().astype(float)
    # Each document's other words have half of what is left over until the means are known.
    even = np.array([[0.6, 0.2, 0.1, 0.1], [0.1, 0.5, 0.3, 0.1], [0.5, 0.1, 0.1, 0.3]])
    means = np.exp(np.log(even).mean(axis=0))
    for row, others, left in ((0, [2, 3], 0.2), (1, [0, 3], 0.2), (2, [1, 2], 0.2)):
        np.testing.assert_allclose(np.exp(dense[row, others]), left * means[others] / means[others].sum(), rtol=2e-3)


def test_calibrated_words_that_were_not_kept_are_nearly_equal():
    whole = labels(400, 60)
    cut = SparseLabels.of(whole, 10)
    calibrated = cut.dense().astype(float) - corpus_prior(cut.dense())
    kept = np.zeros(calibrated.shape, dtype=bool)
    np.put_along_axis(kept, cut.words.astype(int), True, axis=1)
    # A word that is never kept has the same calibrated score as any other such word in every document.
    never = ~kept.any(axis=0)
    assert never.sum() > 5
    assert np.ptp(calibrated[:, never], axis=1).max() < 0.02


def test_joined_runs_are_one(tmp_path):
    whole = labels(9, 20)
    joined = SparseLabels.join([SparseLabels.of(whole[:4], 3), SparseLabels.of(whole[4:], 3)])
    np.testing.assert_array_equal(joined.dense(), SparseLabels.of(whole, 3).dense())


def test_places_in_a_large_vocabulary_need_more_bits():
    assert SparseLabels.of(labels(1, 1 << 16), 2).words.dtype == np.uint16
    large = SparseLabels.of(labels(1, (1 << 16) + 1), 2)
    assert large.words.dtype == np.uint32
    assert large.dense()[0, large.words[0, 0]] == large.log_probs[0, 0]


def test_labels_of_which_nothing_is_left_over_stay_finite():
    certain = np.full((2, 5), -60000.0, dtype=np.float16)
    certain[:, 3] = 0
    cut = SparseLabels.of(certain, 1)
    assert cut.rest.max() == 0
    assert np.isfinite(cut.dense()).all()


@pytest.mark.parametrize("k", [0, -1, 20, 21])
def test_a_cut_that_is_none_says_so(k):
    with pytest.raises(InputError, match=f"top_k is {k} for 20 words"):
        SparseLabels.of(labels(3, 20), k)
