"""Agreement of clusters with known labels. Labels are for evaluation alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from softtopic.errors import InputError


@dataclass(frozen=True, slots=True)
class ClusteringScores:
    """All in [0, 1] but ARI, which is in [-0.5, 1]; 1 is perfect agreement."""

    purity: float  # share of documents whose label is the commonest of their cluster
    inverse_purity: float  # the same with labels and clusters exchanged
    harmonic_purity: float  # harmonic mean of the two
    nmi: float  # mutual information over the arithmetic mean of the entropies
    ari: float  # adjusted Rand index (Hubert & Arabie, 1985)
    homogeneity: float  # 1: each cluster holds one label only (Rosenberg & Hirschberg, 2007)
    completeness: float  # 1: each label lies in one cluster only
    n_documents: int


def clustering_scores(clusters: Sequence[object], labels: Sequence[object]) -> ClusteringScores:
    """Purity (Zhao & Karypis, 2004), inverse purity, their harmonic mean (Amigó et al., 2009), NMI, ARI, homogeneity,
    completeness.
    """
    if len(clusters) != len(labels) or not len(labels):
        raise InputError(f"{len(clusters)} clusters and {len(labels)} labels; give one label for each document")
    from sklearn.metrics import adjusted_rand_score, homogeneity_completeness_v_measure
    from sklearn.metrics.cluster import contingency_matrix

    _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    _, label = np.unique(np.asarray(labels), return_inverse=True)
    table = np.asarray(contingency_matrix(label, cluster))
    purity = float(table.max(axis=0).sum() / len(label))
    inverse = float(table.max(axis=1).sum() / len(label))
    # NMI with arithmetic means is the V-measure, the harmonic mean of the other two.
    homogeneity, completeness, nmi = map(float, homogeneity_completeness_v_measure(label, cluster))
    return ClusteringScores(
        purity=purity,
        inverse_purity=inverse,
        harmonic_purity=2 * purity * inverse / (purity + inverse),
        nmi=nmi,
        ari=float(adjusted_rand_score(label, cluster)),
        homogeneity=homogeneity,
        completeness=completeness,
        n_documents=len(label),
    )
