import numpy as np
import pytest

from softtopic.errors import InputError
from softtopic.selection import Candidate, Selection, SelectionConfig, candidate_numbers, select_n_topics

QUICK = SelectionConfig(n_runs=1)


def clusters(n_clusters, n_documents=600, noise=0.15, seed=0):
    """Points around centres, and other vectors of the same clusters."""
    rng = np.random.default_rng(seed)
    of = rng.integers(0, n_clusters, n_documents)
    return tuple(
        (rng.normal(size=(n_clusters, 20))[of] + noise * rng.normal(size=(n_documents, 20))).astype(np.float32)
        for _ in range(2)
    )


@pytest.mark.parametrize("n_clusters", [5, 12, 25])
def test_the_number_of_separate_clusters_is_chosen(n_clusters):
    points, vectors = clusters(n_clusters)
    selection = select_n_topics(points, vectors, 0)
    table = selection.table
    nearest = table["Topics"][(table["Topics"] - n_clusters).abs().argmin()]
    assert abs(np.log(selection.n_topics / nearest)) <= np.log(1.35)
    assert table["Chosen"].sum() == 1
    assert table["Topics"].tolist() == candidate_numbers(600)
    assert str(selection.n_topics) in str(selection)


def test_the_choice_is_reproducible():
    points, vectors = clusters(5)
    assert select_n_topics(points, vectors, 3, QUICK) == select_n_topics(points, vectors, 3, QUICK)


@pytest.mark.parametrize("n_documents", [20, 50, 100, 1000, 100_000])
def test_numbers_ascend_and_leave_documents_for_each_group(n_documents):
    numbers = candidate_numbers(n_documents)
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 4
    assert len(numbers) >= 2
    assert numbers[-1] <= max(6, min(n_documents, 2000) // 15)


def test_too_few_documents_are_one_line():
    with pytest.raises(InputError, match="'auto' needs 20 distinct documents, there are 19; give a number"):
        select_n_topics(np.ones((19, 2), np.float32), np.ones((19, 2), np.float32), 0)


def test_a_selection_chooses_one_of_its_candidates():
    candidates = (Candidate(n_topics=4, agreement=0.5, stability=0.5),)
    with pytest.raises(InputError, match="5 topics are none of the candidates"):
        Selection(n_topics=5, candidates=candidates)
