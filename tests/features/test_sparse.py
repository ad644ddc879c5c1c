import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.errors import InputError
from softtopic.features.sparse import SparseLabels
from softtopic.teacher.calibration import mean_log_probs


def labels(docs: int, n_words: int, seed: int = 0) -> np.ndarray:
    """Rows normalised over the vocabulary, words of very different frequency, as the store holds them."""
    chance = np.random.default_rng(seed)
    scores = chance.normal(size=(docs, n_words)) * 2 + chance.normal(size=n_words) * 3
    return (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float16)


def truncated(log_probs: np.ndarray, k: int) -> SparseLabels:
    return SparseLabels.from_dense(log_probs, k, mean_log_probs(log_probs))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 8), st.integers(2, 40), st.integers(1, 39), st.integers(0, 99))
def test_kept_words_stay_and_rows_still_sum_to_one(docs, n_words, k, seed):
    k = min(k, n_words - 1)
    whole = labels(docs, n_words, seed)
    cut = truncated(whole, k)
    dense = cut.to_dense()
    for before, after, words in zip(whole, dense, cut.words, strict=True):
        np.testing.assert_array_equal(before[words], after[words])
        assert len(set(words)) == k
        assert (np.diff(before[words].astype(float)) <= 0).all()
    np.testing.assert_allclose(np.exp(dense.astype(float)).sum(axis=1), 1, atol=0.02)


def test_half_are_the_most_probable_words_and_half_those_that_stand_out():
    """Worked out by hand: the first two words are likely everywhere, the others stand out in one document each."""
    probabilities = np.array([[0.5, 0.38, 0.1, 0.01, 0.01], [0.5, 0.38, 0.01, 0.1, 0.01], [0.5, 0.38, 0.01, 0.01, 0.1]])
    cut = truncated(np.log(probabilities).astype(np.float32), 2)
    assert cut.words.tolist() == [[0, 2], [0, 3], [0, 4]]
    np.testing.assert_allclose(cut.rest, 0.4, atol=1e-6)


def test_what_is_left_over_is_shared_as_the_words_are_used_on_average():
    probabilities = np.array([[0.6, 0.2, 0.15, 0.05], [0.1, 0.5, 0.3, 0.1], [0.5, 0.1, 0.1, 0.3]])
    cut = truncated(np.log(probabilities).astype(np.float32), 2)
    means = np.exp(np.log(probabilities).mean(axis=0))
    for before, after, words in zip(probabilities, cut.to_dense().astype(float), cut.words, strict=True):
        others = np.setdiff1d(np.arange(4), words)
        shares = before[others].sum() * means[others] / means[others].sum()
        np.testing.assert_allclose(np.exp(after[others]), shares, rtol=2e-3)


def test_calibrated_words_that_were_not_kept_are_equal():
    whole = labels(400, 60)
    cut = truncated(whole, 10)
    calibrated = cut.to_dense().astype(float) - cut.means
    np.put_along_axis(calibrated, cut.words.astype(int), np.nan, axis=1)
    assert (np.nanmax(calibrated, axis=1) - np.nanmin(calibrated, axis=1)).max() < 0.02
    # And calibration of the rebuilt labels is that of the whole ones, nearly.
    gap = mean_log_probs(cut.to_dense()) - mean_log_probs(whole)
    assert np.ptp(gap) < 0.6


def test_joined_runs_are_one():
    whole = labels(9, 20)
    means = mean_log_probs(whole)
    joined = SparseLabels.concatenate([SparseLabels.from_dense(part, 3, means) for part in (whole[:4], whole[4:])])
    np.testing.assert_array_equal(joined.to_dense(), SparseLabels.from_dense(whole, 3, means).to_dense())


def test_places_in_a_large_vocabulary_need_more_bits():
    assert truncated(labels(1, 1 << 16), 2).words.dtype == np.uint16
    large = truncated(labels(1, (1 << 16) + 1), 2)
    assert large.words.dtype == np.uint32
    assert large.to_dense()[0, large.words[0, 0]] == large.log_probs[0, 0]


def test_labels_of_which_nothing_is_left_over_stay_finite():
    certain = np.full((2, 5), -60000.0, dtype=np.float16)
    certain[:, 3] = 0
    cut = truncated(certain, 1)
    assert cut.rest.max() == 0
    assert np.isfinite(cut.to_dense()).all()


@pytest.mark.parametrize("k", [0, -1, 20, 21])
def test_a_cut_that_is_none_says_so(k):
    with pytest.raises(InputError, match=f"top_k is {k} for 20 words"):
        truncated(labels(3, 20), k)
