"""Top k against brute force, for every metric, size of block and number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from softtopic.errors import InputError
from softtopic.retrieval import exact
from softtopic.retrieval.divergences import FLOOR, METRICS, get_metric
from softtopic.retrieval.index import RetrievalIndex


def brute(metric: str, p: np.ndarray, q: np.ndarray) -> float:
    p, q = p.astype(float), q.astype(float)
    if metric == "reverse-kl":
        p, q = q, p
    if metric == "hellinger":
        return float(np.sqrt(0.5 * ((np.sqrt(p) - np.sqrt(q)) ** 2).sum()))
    if metric == "cosine":
        return float(1 - p @ q / np.linalg.norm(p) / np.linalg.norm(q))
    return float((p * (np.log(np.maximum(p, FLOOR)) - np.log(np.maximum(q, FLOOR)))).sum())


def mixtures(n_rows: int, n_topics: int, seed: int = 0) -> np.ndarray:
    """Mixtures with zeros and repeated rows."""
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(n_topics, 0.2), size=n_rows)
    rows[rows < 1e-4] = 0
    rows[:: n_rows // 5 + 1] = rows[0]
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of a few rows and queries, so that tops are merged many times."""
    for name, value in {
        "_BLOCK_SCORES": 40,
        "_BLOCK_QUERIES": 3,
        "_BLOCK_ROWS": 4,
        "_BLOCK_PAIRS": 5,
        "_GROUP": 2,
    }.items():
        monkeypatch.setattr(exact, name, value)


@settings(deadline=None, max_examples=150)
@given(
    metric=st.sampled_from(sorted(METRICS)),
    n_rows=st.integers(1, 40),
    n_topics=st.integers(1, 12),
    k=st.integers(1, 45),
    seed=st.integers(0, 99),
)
def test_the_nearest_are_those_of_brute_force(metric, n_rows, n_topics, k, seed):
    theta, queries = mixtures(n_rows, n_topics, seed), mixtures(4, n_topics, seed + 1)
    hits = RetrievalIndex(theta, metric=metric).search(queries, k)
    assert hits.ids.shape == (4, min(k, n_rows))
    for query, ids, distances in zip(queries, hits.ids, hits.divergences, strict=True):
        expected = np.array([brute(metric, query, document) for document in theta])
        assert len(set(ids.tolist())) == len(ids)
        np.testing.assert_allclose(expected[ids], distances, atol=1e-7)
        np.testing.assert_allclose(np.sort(expected)[: len(ids)], distances, atol=1e-7)
        assert (np.diff(distances) >= 0).all()
        # Ties, exact ones of equal rows, are in document order.
        for one, other, gap in zip(ids, ids[1:], np.diff(distances), strict=False):
            assert gap > 0 or one < other


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 7, 300])
def test_results_do_not_depend_on_blocks(metric, k, request):
    theta = mixtures(200, 6)
    index = RetrievalIndex(theta, metric=metric)
    whole = index.search(theta[:50], k), index.neighbours(k)
    request.getfixturevalue("small_blocks")
    parts = index.search(theta[:50], k), index.neighbours(k)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_array_equal(one.divergences, other.divergences)


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_leave_out_the_document_itself(metric):
    theta = mixtures(60, 5)
    hits = RetrievalIndex(theta, metric=metric).neighbours(4)
    assert not (hits.ids == np.arange(60)[:, None]).any()
    # Documents equal to the first are its nearest.
    assert hits.ids[0].tolist() == [13, 26, 39, 52]
    np.testing.assert_allclose(hits.divergences[0], 0, atol=1e-12)


def test_many_equal_rows_are_found_in_order(small_blocks):
    hits = RetrievalIndex(np.full((90, 3), 1 / 3)).neighbours(3)
    assert hits.ids[:4].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert hits.ids[50].tolist() == [0, 1, 2]


def test_one_topic_makes_all_equal():
    assert RetrievalIndex(np.ones((5, 1)), metric="reverse-kl").search(np.ones((1, 1)), 3).ids.tolist() == [[0, 1, 2]]


def test_cosine_takes_any_vectors_and_the_others_refuse_what_they_do_not_have():
    vectors = np.random.default_rng(0).normal(size=(30, 8))
    assert (RetrievalIndex(vectors, metric="cosine").search(vectors, 1).ids[:, 0] == np.arange(30)).all()
    with pytest.raises(InputError, match="theta has values that are below 0 or not finite"):
        RetrievalIndex(vectors)
    with pytest.raises(InputError, match="queries has values that are not finite"):
        RetrievalIndex(vectors, metric="cosine").search(np.full((1, 8), np.nan))


def test_an_unknown_metric_is_refused():
    with pytest.raises(InputError, match="metric is 'manhattan'; give one of kl, reverse-kl, hellinger, cosine"):
        get_metric("manhattan")


def test_threads_of_blas_come_back():
    before = [pool["num_threads"] for pool in threadpool_info()]
    RetrievalIndex(mixtures(300, 4)).neighbours(2)
    assert [pool["num_threads"] for pool in threadpool_info()] == before
