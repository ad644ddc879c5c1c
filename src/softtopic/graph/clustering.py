"""K-means as it is used throughout: equal inputs give equal clusters."""

import warnings
from typing import Any

from jaxtyping import Float
from numpy import ndarray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits


def kmeans(
    points: Float[ndarray, "docs width"],
    n_clusters: int,
    seed: int,
    *,
    sample_weight: Float[ndarray, " docs"] | None = None,
    **options: Any,
) -> KMeans:
    """Fit k-means on one thread: several would add in any order, and results would differ in their last bits.

    Parameters
    ----------
    points : ndarray of shape (n_documents, width)
    n_clusters, seed : int
    sample_weight : ndarray of shape (n_documents,) or None
        None: all points weigh the same.
    **options
        Other parameters of `sklearn.cluster.KMeans`, such as `n_init`.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters
        return KMeans(n_clusters, random_state=seed, **options).fit(points, sample_weight=sample_weight)
