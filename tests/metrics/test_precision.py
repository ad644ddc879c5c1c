from pathlib import Path

import numpy as np
import pytest

from softtopic.errors import InputError
from softtopic.metrics.retrieval import precision_at

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "clustering_retrieval.npz")


@pytest.mark.parametrize("k", [1, 5, 10])
def test_precision_is_that_of_the_reference(k):
    found = precision_at(GOLDEN["theta"], GOLDEN["labels"].tolist())
    assert found[k] == pytest.approx(float(GOLDEN[f"precision_at_{k}"]), abs=1e-12)


def test_a_small_case_by_hand():
    theta = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    # Nearest first: 0 → 1 2 3, 1 → 0 2 3, 2 → 1 0 3, 3 → 2 1 0.
    assert precision_at(theta, ["a", "a", "b", "b"], ks=(1, 2)) == {1: 3 / 4, 2: 3 / 8}


def test_a_document_is_not_found_by_itself():
    assert precision_at(np.eye(4), ["a", "b", "c", "d"], ks=(1,)) == {1: 0.0}


def test_fewer_others_than_k_all_count():
    theta = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    found = precision_at(theta, [0, 0, 1], ks=(2, 99))
    assert found[2] == found[99] == pytest.approx(2 / 6)


@pytest.mark.parametrize(("rows", "labels"), [(2, ["a"]), (1, ["a"]), (0, [])])
def test_labels_of_two_documents_or_more_are_needed(rows, labels):
    with pytest.raises(InputError, match=f"{rows} mixtures and {len(labels)} labels; give one label each"):
        precision_at(np.full((rows, 2), 0.5), labels)
