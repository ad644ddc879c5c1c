from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.spatial.distance import jensenshannon

from softtopic.errors import InputError
from softtopic.metrics.stability import dominant_share, match_top_words, match_topics, reconstruction, stability


def topics(seed: int, n_topics: int = 4, n_words: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(n_words, 0.3), n_topics)


@settings(deadline=None)
@given(st.integers(0, 1000), st.permutations(range(4)))
def test_a_run_matches_itself_in_any_order(seed, order):
    one = topics(seed)
    found = match_topics(one, one[order])
    assert [order[partner] for partner in found.partner.tolist()] == list(range(4))
    assert found.similarity == pytest.approx(np.ones(4))
    assert stability([one, one[order]]).topic_similarity == pytest.approx(1)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000))
def test_no_other_matching_is_better(seed):
    one, other = topics(seed), topics(seed + 1)
    # scipy's distance is the square root of the divergence.
    likeness = np.array([[1 - jensenshannon(a, b, base=2) ** 2 for b in other] for a in one])
    best = max(np.mean([likeness[i, j] for i, j in enumerate(order)]) for order in permutations(range(4)))
    assert match_topics(one, other).mean == pytest.approx(best)


def test_ends_of_the_likeness():
    apart = match_topics(np.array([[0.5, 0.5, 0, 0]]), np.array([[0, 0, 0.2, 0.8]]))
    assert apart.mean == pytest.approx(0)
    assert match_top_words([["a", "b"]], [["c", "d"]]).mean == 0


def test_top_words_are_matched_by_the_words_both_have():
    found = match_top_words([["a", "b"], ["c", "d"]], [["d", "e"], ["b", "a"]])
    assert found.partner.tolist() == [1, 0]
    assert found.similarity.tolist() == pytest.approx([1, 1 / 3])


def test_a_topic_too_many_is_left_alone_and_lowers_the_mean():
    one = topics(0)
    more = match_topics(one, one[:3])
    assert more.partner.tolist() == [0, 1, 2, -1]
    assert more.mean == pytest.approx(3 / 4)


def test_stability_is_over_all_pairs_of_runs():
    runs = [topics(seed) for seed in range(3)]
    pairs = [match_topics(runs[a], runs[b]).mean for a, b in ((0, 1), (0, 2), (1, 2))]
    found = stability(runs, [[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]])
    assert (found.topic_similarity, found.topic_similarity_std) == pytest.approx((np.mean(pairs), np.std(pairs)))
    # One pair is the same but for the names; the adjusted Rand index of the two others is -0.5.
    assert (found.assignment_ari, found.assignment_ari_std) == pytest.approx((0, np.std([1, -0.5, -0.5])))
    assert (found.n_runs, found.n_topics) == (3, 4)
    assert stability(runs).assignment_ari is None
    assert stability([[["a", "b"]], [["b", "c"]]]).topic_similarity == pytest.approx(1 / 3)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 100), st.integers(1, 5))
def test_reconstruction_of_counts_is_that_of_word_after_word(seed, n_docs):
    rng = np.random.default_rng(seed)
    word_dist, counts = rng.dirichlet(np.ones(6), n_docs), rng.integers(0, 4, (n_docs, 6))
    counts[0, 0] = 1
    words = [(row, word) for row in range(n_docs) for word in range(6) for _ in range(counts[row, word])]
    expected = -np.mean([np.log(word_dist[row, word]) for row, word in words])
    for target in (counts, csr_matrix(counts), counts.astype(np.float32)):
        found = reconstruction(word_dist, target)
        assert found.cross_entropy == pytest.approx(expected)
        assert found.perplexity == pytest.approx(np.exp(expected))
        assert found.n_documents + found.n_empty == n_docs
        assert found.n_empty == int((counts.sum(axis=1) == 0).sum())


def test_nothing_is_left_out_where_documents_come_in_pieces():
    rng = np.random.default_rng(0)
    word_dist, labels = rng.dirichlet(np.ones(3), 3000), rng.dirichlet(np.ones(3), 3000)
    assert reconstruction(word_dist, labels).cross_entropy == pytest.approx(
        -np.mean((labels * np.log(word_dist)).sum(axis=1))
    )


def test_the_best_distribution_of_a_label_is_itself():
    label = topics(3)
    assert reconstruction(label, label).cross_entropy < reconstruction(np.full_like(label, 1 / 9), label).cross_entropy
    assert reconstruction(np.full_like(label, 1 / 9), label).perplexity == pytest.approx(9)


def test_dominant_share():
    theta = np.array([[0.5, 0.3, 0.2], [0.4, 0.3, 0.3], [1, 0, 0], [0.2, 0.7, 0.1]])
    assert dominant_share(theta) == 3 / 4
    assert dominant_share(theta, threshold=0.7) == 2 / 4


EVEN = np.full((2, 2), 0.5)


@pytest.mark.parametrize(
    ("call", "said"),
    [(lambda: match_topics(topics(0), topics(0, n_words=5)), "over 9 and over 5 words"),
     (lambda: match_top_words([["a"]], []), "no topic at all"),
     (lambda: stability([topics(0)]), "1 runs and no assignments"),
     (lambda: stability([topics(0), topics(0)[:3]]), "runs of 3 and 4 topics"),
     (lambda: stability([topics(0), topics(1)], [[0]]), "2 runs and 1 assignments"),
     (lambda: stability([topics(0), topics(1)], [[0], [0, 1]]), "assignments of 1 and of 2 documents"),
     (lambda: reconstruction(EVEN, np.ones((1, 2))), r"\(2, 2\), the target is \(1, 2\)"),
     (lambda: reconstruction(EVEN, np.zeros((2, 2))), "holds no words"),
     (lambda: reconstruction(EVEN, np.log(EVEN)), "negative or infinite"),
     (lambda: reconstruction(np.log(EVEN), EVEN), "word distribution 0 sums to -1.39"),
     (lambda: reconstruction(np.eye(2), np.array([[1, 0], [1, 1]])), "document 1 has word 0"),
     (lambda: dominant_share(np.empty((0, 2))), "no mixtures")],
)  # fmt: skip
def test_what_cannot_be_measured(call, said):
    with pytest.raises(InputError, match=said):
        call()
