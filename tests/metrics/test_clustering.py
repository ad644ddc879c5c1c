from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.errors import InputError
from softtopic.metrics.clustering import clustering_scores

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "clustering_retrieval.npz")
PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20)


@pytest.mark.parametrize("name", ["purity", "inverse_purity", "harmonic_purity", "nmi", "ari"])
def test_scores_are_those_of_the_reference(name):
    scores = clustering_scores(GOLDEN["theta"].argmax(axis=1).tolist(), GOLDEN["labels"].tolist())
    assert getattr(scores, name) == pytest.approx(float(GOLDEN[name]), abs=1e-12)
    assert scores.n_documents == 200


def test_homogeneity_and_completeness_by_hand():
    # Each label has two clusters of its own: a cluster tells the label, a label leaves one bit of the cluster open.
    scores = clustering_scores([0, 1, 2, 3], ["a", "a", "b", "b"])
    assert (scores.homogeneity, scores.completeness) == pytest.approx((1, 0.5))


def test_a_small_case_by_hand():
    scores = clustering_scores([0, 0, 0, 1, 1, 1], ["a", "a", "b", "b", "b", "b"])
    assert scores.purity == pytest.approx(5 / 6)
    assert scores.inverse_purity == pytest.approx(5 / 6)
    one = clustering_scores([0, 0, 0, 0], ["a", "a", "a", "b"])
    assert (one.homogeneity, one.completeness) == (0, 1)
    assert (one.purity, one.inverse_purity, one.nmi, one.ari) == (0.75, 1.0, 0.0, 0.0)
    assert one.harmonic_purity == pytest.approx(2 * 0.75 / 1.75)


@settings(deadline=None)
@given(PAIRS)
def test_names_of_clusters_and_labels_do_not_matter(pairs):
    clusters, labels = zip(*pairs, strict=True)
    named = clustering_scores([f"cluster {3 - c}" for c in clusters], [f"{9 - label}" for label in labels])
    assert asdict(named) == pytest.approx(asdict(clustering_scores(clusters, labels)))


@settings(deadline=None)
@given(PAIRS)
def test_exchanging_clusters_and_labels_exchanges_the_purities(pairs):
    clusters, labels = zip(*pairs, strict=True)
    there, back = clustering_scores(clusters, labels), clustering_scores(labels, clusters)
    assert (there.purity, there.inverse_purity) == (back.inverse_purity, back.purity)
    assert (there.homogeneity, there.completeness) == pytest.approx((back.completeness, back.homogeneity))
    assert there.harmonic_purity == pytest.approx(back.harmonic_purity)
    assert there.nmi == pytest.approx(back.nmi)
    assert there.ari == pytest.approx(back.ari)


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), min_size=1, max_size=20))
def test_equal_partitions_agree_perfectly(labels):
    scores = clustering_scores(labels, labels)
    assert (scores.purity, scores.inverse_purity, scores.harmonic_purity, scores.ari) == (1, 1, 1, 1)
    assert scores.nmi == pytest.approx(1)


@pytest.mark.parametrize(("clusters", "labels"), [([], []), ([1], []), ([1, 2], ["a"])])
def test_every_document_needs_a_cluster_and_a_label(clusters, labels):
    with pytest.raises(InputError, match=f"{len(clusters)} clusters and {len(labels)} labels; give one label for each"):
        clustering_scores(clusters, labels)
