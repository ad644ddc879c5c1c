"""Anchors: places where some topics have to start, from documents that are known to be about them."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from sklearn.preprocessing import normalize

from softtopic.graph.clustering import kmeans
from softtopic.graph.config import GuidesConfig
from softtopic.types import DocTopic

Points = Float[np.ndarray, "docs width"]
Anchors = Float[np.ndarray, "anchors width"]
Scores = Float[np.ndarray, "docs guides"]


def seed_documents(scores: Scores, n_topics: int, config: GuidesConfig) -> list[np.ndarray]:
    """Rows of the documents that stand for each guide.

    Parameters
    ----------
    scores : ndarray of shape (n_documents, n_guides)
        How well a document fits a guide; a document stands only for the guide it fits best.
    n_topics : int
        Number of topics: it says how many documents an average topic has.
    config : GuidesConfig

    Returns
    -------
    list of ndarray of int
        Best first; at least one document for each guide.
    """
    count, n_guides = scores.shape
    size = max(1, round(config.seed_share * count / n_topics))
    best = scores.argmax(axis=1)
    rows = []
    for guide in range(n_guides):
        order = np.argsort(-scores[:, guide], kind="stable")
        own = order[best[order] == guide]
        rows.append((own if len(own) else order)[:size])
    return rows


def mean_points(points: Points, mixtures: DocTopic) -> Anchors:
    """Mean point of the documents in which a topic has the largest share, weighted by it; each topic has some."""
    weights = np.where(mixtures == mixtures.max(axis=1, keepdims=True), mixtures, 0)
    weights = np.where(weights.any(axis=0), weights, mixtures)
    return np.asarray(weights.T @ points / weights.sum(axis=0)[:, None])


def anchored_centers(
    points: Points, anchors: Anchors, n_clusters: int, seed: int, config: GuidesConfig, n_init: int
) -> Float[np.ndarray, "clusters width"]:
    """Centres of k-means of which the first stay near the anchors (seeded k-means; Basu et al., 2002).

    Clusters are found without anchors first, so that the rest of the topics are what they would be. Each anchor then
    takes the place of a centre near it, and counts as a point of the weight of some documents: its centre can follow
    the documents around it but not leave them.

    Parameters
    ----------
    points : ndarray of shape (n_documents, width)
    anchors : ndarray of shape (n_anchors, width)
    n_clusters : int
        Number of centres, at least that of anchors.
    seed : int
    config : GuidesConfig
    n_init : int
        Starts of the k-means without anchors.

    Returns
    -------
    ndarray of shape (n_clusters, width)
        Those of the anchors first, in their order.

    References
    ----------
    Basu, S., Banerjee, A., & Mooney, R. (2002). Semi-supervised clustering by seeding. ICML.
    """
    free = np.asarray(kmeans(points, n_clusters, seed, n_init=n_init).cluster_centers_)
    cosines = np.asarray(normalize(anchors)) @ np.asarray(normalize(free)).T
    _, replaced = linear_sum_assignment(-cosines)
    init = np.vstack([anchors, np.delete(free, replaced, axis=0)])
    weight = config.anchor_weight * len(points) / n_clusters
    weights = np.r_[np.ones(len(points)), np.full(len(anchors), weight)]
    every = np.vstack([points, anchors])
    return np.asarray(kmeans(every, n_clusters, seed, n_init=1, init=init, sample_weight=weights).cluster_centers_)
