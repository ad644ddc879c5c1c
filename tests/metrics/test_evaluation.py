import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.metrics.evaluation import check_labels, describe, evaluate

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "clustering_retrieval.npz")
THETA = GOLDEN["theta"]
LABELS = [str(label) for label in GOLDEN["labels"]]


def corpus(texts: list[str], labels: list[str] | None) -> Corpus:
    return Corpus.from_texts(texts, labels=labels)


def test_all_scores_are_those_of_the_reference():
    found = evaluate(THETA, corpus([f"text {i}" for i in range(200)], LABELS)).to_dict()
    counts = {"n_documents": 200, "n_labels": len(set(LABELS)), "n_empty": 0, "n_unlabelled": 0}
    assert {name: found.pop(name) for name in counts} == counts
    homogeneity, completeness = found.pop("homogeneity"), found.pop("completeness")
    assert 2 * homogeneity * completeness / (homogeneity + completeness) == pytest.approx(float(GOLDEN["nmi"]))
    assert found == pytest.approx({name: float(GOLDEN[name]) for name in found}, abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["whole", "blank", "unlabelled", "neither"]), min_size=12, max_size=40))
def test_documents_without_text_or_label_are_counted_and_change_nothing(kinds):
    # Two of different labels are always there.
    kinds = ["whole"] * 20 + kinds
    whole = [i for i, kind in enumerate(kinds) if kind == "whole"]
    texts = [f"text {i}" if kind in ("whole", "unlabelled") else " \n" for i, kind in enumerate(kinds)]
    labels = [LABELS[i] if kind in ("whole", "blank") else "" for i, kind in enumerate(kinds)]
    found = evaluate(THETA[: len(kinds)], corpus(texts, labels)).to_dict()
    rest = evaluate(THETA[whole], corpus([texts[i] for i in whole], [labels[i] for i in whole])).to_dict()
    assert found == rest | {
        "n_empty": kinds.count("blank") + kinds.count("neither"),
        "n_unlabelled": kinds.count("unlabelled"),
    }
    assert found["n_documents"] == len(whole)
    assert found["n_labels"] == len({labels[i] for i in whole})


def test_repeated_documents_count_each_time():
    texts = ["same", "same", "other"]
    assert evaluate(THETA[:3], corpus(texts, ["a", "a", "b"])).n_documents == 3


def test_labels_must_be_there():
    with pytest.raises(InputError, match="no labels; name their column with --label"):
        evaluate(THETA[:2], corpus(["a", "b"], None))


@pytest.mark.parametrize(
    ("labels", "found"), [(["a", "a"], "the single value 'a'"), (["", ""], "no value"), (["a", ""], "the single value")]
)
def test_labels_must_differ(labels, found):
    for use in (lambda: check_labels(labels), lambda: evaluate(THETA[:2], corpus(["x", "y"], labels))):
        with pytest.raises(InputError, match=f"holds {found}.*; expected two or more different labels"):
            use()


def test_labels_of_empty_documents_do_not_make_a_difference():
    with pytest.raises(InputError, match="the single value 'a'"):
        evaluate(THETA[:3], corpus(["x", "y", ""], ["a", "a", "b"]))


def test_measures_and_counts_are_attributes_too():
    found = evaluate(THETA, corpus([f"text {i}" for i in range(200)], LABELS))
    assert (found.purity, found.n_documents) == (found.values["purity"], found.counts["n_documents"])
    assert found == copy.deepcopy(found) == pickle.loads(pickle.dumps(found))
    with pytest.raises(AttributeError, match="there is no measure 'purty'"):
        _ = found.purty


def test_topics_and_mixtures_are_described_without_labels():
    theta = np.array([[0.9, 0.1], [0.6, 0.4], [0.1, 0.9]], dtype=np.float32)
    found = describe([["a", "b"], ["b", "c"]], theta, corpus(["x", "", "y"], None), top_n=2)
    assert found.to_dict() == pytest.approx(
        {"topic_diversity": 0.75, "inverted_rbo": found.inverted_rbo, "dominant_share": 1.0, "n_topics": 2, "top_n": 2,
         "n_texts": 2}
    )  # fmt: skip
    with pytest.raises(InputError, match="3 mixtures for 1 documents"):
        describe([["a"], ["b"]], theta, corpus(["x"], None))
