"""Agreement of clusters with known labels, which are used for evaluation only."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from jaxtyping import Int

from softtopic.errors import InputError
from softtopic.metrics.measure import Measure


@dataclass(frozen=True, slots=True)
class ClusteringScores:
    """Agreement of clusters with labels; 1 is perfect.

    Attributes
    ----------
    purity : float in (0, 1]
        Share of documents whose label is the most frequent one of their cluster (Zhao & Karypis, 2004).
    inverse_purity : float in (0, 1]
        The same with labels and clusters exchanged.
    harmonic_purity : float in (0, 1]
        Harmonic mean of the two (Amigó et al., 2009).
    nmi : float in [0, 1]
        Mutual information over the arithmetic mean of the entropies.
    ari : float in [-0.5, 1]
        Rand index adjusted for chance (Hubert & Arabie, 1985).
    homogeneity : float in [0, 1]
        1 where each cluster holds a single label (Rosenberg & Hirschberg, 2007).
    completeness : float in [0, 1]
        1 where each label lies in a single cluster.
    n_documents : int
        Documents compared.
    """

    purity: float
    inverse_purity: float
    harmonic_purity: float
    nmi: float
    ari: float
    homogeneity: float
    completeness: float
    n_documents: int


def clustering_scores(
    clusters: Sequence[object] | Int[np.ndarray, " docs"], labels: Sequence[object]
) -> ClusteringScores:
    """All measures of agreement between a clustering and labels.

    Parameters
    ----------
    clusters, labels : sequence of length n_documents
        Cluster and label of each document.

    Returns
    -------
    ClusteringScores
        All seven measures.

    Raises
    ------
    InputError
        If there are no documents, or the lengths differ.

    Examples
    --------
    >>> clustering_scores([0, 0, 1, 1], ["a", "a", "a", "b"]).purity
    0.75

    References
    ----------
    Amigó, E., Gonzalo, J., Artiles, J., Verdejo, F. (2009). A comparison of extrinsic clustering evaluation metrics
    based on formal constraints. Information Retrieval 12.
    Hubert, L., Arabie, P. (1985). Comparing partitions. Journal of Classification 2.
    Rosenberg, A., Hirschberg, J. (2007). V-measure: a conditional entropy-based external cluster evaluation measure.
    EMNLP.
    Zhao, Y., Karypis, G. (2004). Empirical and theoretical comparisons of selected criterion functions for document
    clustering. Machine Learning 55.
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


def _measure(name: str, title: str, low: float = 0.0) -> Measure:
    return Measure(
        name=name,
        title=title,
        needs=("clusters", "labels"),
        function=clustering_scores,
        select=attrgetter(name),
        low=low,
    )


MEASURES = (
    _measure("purity", "purity"),
    _measure("inverse_purity", "inverse purity"),
    _measure("harmonic_purity", "harmonic purity"),
    _measure("nmi", "NMI"),
    _measure("ari", "ARI", low=-0.5),
    _measure("homogeneity", "homogeneity"),
    _measure("completeness", "completeness"),
)
