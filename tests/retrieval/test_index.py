import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.errors import InputError
from softtopic.retrieval.divergences import FLOOR
from softtopic.retrieval.index import RetrievalIndex


@st.composite
def simplices(draw, topics: int, most: int) -> np.ndarray:
    """Mixtures of a few exact values, with repeated rows and empty topics: ties everywhere."""
    rows = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.1, 1e-13]), min_size=topics, max_size=topics).filter(any)
    drawn = np.array(draw(st.lists(rows, min_size=1, max_size=most)), dtype=draw(st.sampled_from([np.float32, float])))
    return drawn / drawn.sum(axis=1, keepdims=True)


@st.composite
def searches(draw) -> tuple[np.ndarray, np.ndarray]:
    topics = draw(st.integers(1, 25))
    return draw(simplices(topics, 9)), draw(simplices(topics, 4))


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p ‖ q) in nats, summed in one fixed order."""
    p, q = p.astype(float), q.astype(float)
    return float((p * np.log(np.maximum(p, FLOOR))).sum() - (np.log(np.maximum(q, FLOOR)) * p).sum())


@settings(deadline=None, max_examples=200)
@given(searches(), st.integers(1, 12))
def test_search_is_the_exact_ranking_with_ties_in_document_order(pair, k):
    theta, queries = pair
    hits = RetrievalIndex(theta).search(queries, k)
    for query, ids, divergences in zip(queries, hits.ids, hits.divergences, strict=True):
        brute = [kl(query, document) for document in theta]
        expected = sorted(range(len(theta)), key=lambda i: (brute[i], i))[:k]
        assert ids.tolist() == expected
        np.testing.assert_allclose(divergences, np.maximum([brute[i] for i in expected], 0), rtol=1e-12, atol=1e-13)


@settings(deadline=None)
@given(searches(), st.data())
def test_what_is_excluded_is_not_found_and_nothing_else_changes(pair, data):
    theta, queries = pair
    exclude = np.array([data.draw(st.integers(0, len(theta) - 1)) for _ in queries])
    index = RetrievalIndex(theta)
    everything, rest = index.search(queries, len(theta)), index.search(queries, len(theta), exclude=exclude)
    for all_ids, ids, out in zip(everything.ids, rest.ids, exclude, strict=True):
        assert ids.tolist() == [i for i in all_ids if i != out]


@pytest.mark.parametrize("queries", [1, 3])
def test_equal_documents_stay_in_order_in_every_size_of_product(queries):
    chance = np.random.default_rng(0)
    for topics in (5, 20, 21):
        theta = chance.dirichlet(np.full(topics, 0.3), size=2)
        for size in range(2, 40):
            documents = theta[np.arange(size) % 2]
            expected = [*range(0, size, 2), *range(1, size, 2)]
            for k in (1, size // 4 + 1, size):
                ids = RetrievalIndex(documents).search(np.repeat(theta[:1], queries, axis=0), k).ids
                assert ids.tolist() == [expected[:k]] * queries


def test_a_document_is_nearest_to_itself_at_no_distance():
    theta = np.random.default_rng(1).dirichlet(np.full(6, 0.2), size=50)
    hits = RetrievalIndex(theta).search(theta, 1)
    np.testing.assert_array_equal(hits.ids[:, 0], np.arange(50))
    np.testing.assert_allclose(hits.divergences, 0, atol=1e-12)


def test_divergence_is_from_query_to_document():
    theta = np.array([[0.5, 0.5], [0.9, 0.1]])
    hits = RetrievalIndex(theta).search(np.array([[0.9, 0.1]]), 2)
    assert hits.ids.tolist() == [[1, 0]]
    expected = 0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)
    np.testing.assert_allclose(hits.divergences, [[0, expected]], rtol=1e-12, atol=1e-15)


def test_queries_are_independent_of_each_other():
    theta = np.random.default_rng(2).dirichlet(np.full(9, 0.3), size=200)
    index = RetrievalIndex(theta)
    together = index.search(theta, 5)
    alone = [index.search(theta[i : i + 1], 5) for i in range(0, 200, 17)]
    np.testing.assert_array_equal(together.ids[::17], np.concatenate([hits.ids for hits in alone]))
    np.testing.assert_array_equal(together.divergences[::17], np.concatenate([hits.divergences for hits in alone]))


def test_a_lone_document_that_is_excluded_leaves_nothing():
    hits = RetrievalIndex(np.array([[0.4, 0.6]])).search(np.array([[0.4, 0.6]]), 3, exclude=np.array([0]))
    assert hits.ids.shape == hits.divergences.shape == (1, 0)


def test_no_queries_find_nothing():
    assert RetrievalIndex(np.array([[0.4, 0.6]])).search(np.empty((0, 2)), 3).ids.shape == (0, 1)


def test_an_index_needs_documents():
    with pytest.raises(InputError, match="no documents to search"):
        RetrievalIndex(np.empty((0, 3)))


def test_queries_of_another_width_are_refused():
    with pytest.raises(InputError, match=r"queries have shape \(1, 2\); expected \[queries, 3\]"):
        RetrievalIndex(np.full((4, 3), 1 / 3)).search(np.array([[0.5, 0.5]]))


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k):
    with pytest.raises(InputError, match=f"k is {k}; give a whole number of at least 1"):
        RetrievalIndex(np.full((4, 3), 1 / 3)).search(np.full((1, 3), 1 / 3), k)


def test_an_excluded_document_that_is_not_there_costs_no_place():
    index = RetrievalIndex(np.eye(4) * 0.8 + 0.05)
    index.remove([0])
    assert index.search(np.full((1, 4), 0.25), k=3, exclude=np.array([0])).ids.shape == (1, 3)


@pytest.mark.parametrize("ids", [[1.7], ["a"], [[1, 2]], [None]])
def test_numbers_of_documents_are_whole(ids):
    index = RetrievalIndex(np.eye(3))
    with pytest.raises(InputError, match="give whole numbers"):
        index.remove(ids)
    assert len(index) == 3


@pytest.mark.parametrize("theta", [np.ones(3), np.ones((2, 2, 2)), np.array([["a", "b"]]), np.array([[None, 1]])])
def test_theta_is_a_matrix_of_numbers(theta):
    with pytest.raises(InputError, match="give a matrix of numbers"):
        RetrievalIndex(theta)
