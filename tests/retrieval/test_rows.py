"""Rows that are added and removed; approximate search."""

import sys

import numpy as np
import pytest

from softtopic.errors import InputError
from softtopic.retrieval import index as module
from softtopic.retrieval.approximate import GraphConfig
from softtopic.retrieval.index import RetrievalIndex


@pytest.fixture
def theta():
    return np.random.default_rng(0).dirichlet(np.full(6, 0.3), size=400).astype(np.float32)


@pytest.mark.parametrize("part_rows", [10, 1 << 16])
def test_rows_that_were_added_are_found_like_all_others(theta, part_rows, monkeypatch):
    monkeypatch.setattr(module, "_PART_ROWS", part_rows)
    index = RetrievalIndex(theta[:300])
    assert index.add(theta[300:303]).tolist() == [300, 301, 302]
    assert index.add(theta[303:]).tolist() == list(range(303, 400))
    assert len(index) == 400
    whole = RetrievalIndex(theta)
    for found, expected in (
        (index.search(theta[:20], 9), whole.search(theta[:20], 9)),
        (index.neighbours(5), whole.neighbours(5)),
    ):
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.divergences, expected.divergences)


def test_rows_that_were_removed_are_not_found_and_numbers_stay(theta):
    index = RetrievalIndex(theta)
    gone = np.array([0, 7, 8, 399])
    index.remove(gone)
    kept = np.setdiff1d(np.arange(400), gone)
    expected = RetrievalIndex(theta[kept])
    np.testing.assert_array_equal(index.ids, kept)
    np.testing.assert_array_equal(index.search(theta, 400).ids, kept[expected.search(theta, 400).ids])
    np.testing.assert_array_equal(index.neighbours(3).ids, kept[expected.neighbours(3).ids])
    assert index.add(theta[:1]).tolist() == [400]
    assert index.search(theta[:1], 1).ids.tolist() == [[400]]


def test_what_is_not_there_cannot_be_removed(theta):
    index = RetrievalIndex(theta[:5])
    index.remove(np.array([3]))
    with pytest.raises(InputError, match="document 3 is not in the index"):
        index.remove(np.array([1, 3]))
    with pytest.raises(InputError, match="no document would be left"):
        index.remove(index.ids)
    assert len(index) == 4


def test_rows_of_another_width_are_refused(theta):
    with pytest.raises(InputError, match=r"theta has shape \(2, 3\); expected \[documents, 6\]"):
        RetrievalIndex(theta).add(np.full((2, 3), 1 / 3))


@pytest.mark.parametrize("metric", ["kl", "hellinger", "cosine"])
def test_an_approximate_index_finds_nearly_all_and_says_how_many(theta, metric):
    index = RetrievalIndex(theta, metric=metric)
    assert index.recall is None
    recall = index.build_graph()
    assert index.is_approximate
    assert index.recall == recall >= 0.95
    hits, exact = index.search(theta, 5), index.search(theta, 5, exact=True)
    assert (hits.ids == exact.ids).mean() > 0.9
    same = hits.ids == exact.ids
    np.testing.assert_array_equal(hits.divergences[same], exact.divergences[same])


def test_an_approximate_index_grows_and_shrinks(theta):
    index = RetrievalIndex(theta[:300])
    index.build_graph(GraphConfig(expansion_search=64))
    index.add(theta[300:])
    assert (index.search(theta[300:], 1).ids[:, 0] == np.arange(300, 400)).mean() > 0.95
    index.remove(np.arange(300, 350))
    assert not np.isin(index.search(theta, 10).ids, np.arange(300, 350)).any()
    # More are asked for than the graph proposes: the search is exact.
    np.testing.assert_array_equal(index.search(theta, 350).ids, index.search(theta, 350, exact=True).ids)


def test_without_usearch_the_message_says_what_to_install(theta, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch", None)
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(InputError, match=r"pip install 'softtopic\[ann\]'"):
        RetrievalIndex(theta).build_graph()
