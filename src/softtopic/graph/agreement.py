"""Weights of views without labels: a view counts as much as it agrees with the others."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from sklearn.preprocessing import normalize

from softtopic.data.corpus import equidistant
from softtopic.graph.clustering import kmeans
from softtopic.graph.config import AgreementConfig
from softtopic.graph.neighbours import View


def weigh_by_agreement(views: Sequence[View], n_groups: int, config: AgreementConfig | None, seed: int) -> list[View]:
    """Multiply the weight of each view by (agreement / largest agreement) ** power.

    The agreement of a view is the share of a document's nearest neighbours in this view that lie in the document's
    group, where groups are found by k-means on all other views. A view whose neighbours are random agrees with nothing.

    Parameters
    ----------
    views : sequence of View
    n_groups : int
        Number of topics.
    config : AgreementConfig or None
        None leaves the weights as they are; so does a single view, and so do views none of which agrees with another.
    seed : int
        Seed of k-means.
    """
    if config is None or len(views) < 2:
        return list(views)
    agreements = view_agreements(views, n_groups, config, seed)
    if not agreements.any():  # as where each document is a group of its own
        return list(views)
    factors = (agreements / agreements.max()) ** config.power
    return [View(view.vectors, view.weight * float(factor)) for view, factor in zip(views, factors, strict=True)]


def view_agreements(
    views: Sequence[View], n_groups: int, config: AgreementConfig, seed: int
) -> Float[np.ndarray, " views"]:  # fmt: skip
    """Agreement of each view with the groups of the others, on a sample of the documents."""
    rows = equidistant(len(views[0].vectors), max(n_groups, config.max_documents))
    n_neighbors = max(1, min(config.n_neighbors, len(rows) // n_groups - 1))
    units = [np.asarray(normalize(view.vectors[rows]), dtype=np.float32) for view in views]
    scaled = [np.float32(np.sqrt(view.weight)) * unit for view, unit in zip(views, units, strict=True)]
    agreements = []
    for own, unit in enumerate(units):
        others = np.hstack([part for view, part in enumerate(scaled) if view != own])
        groups = np.asarray(kmeans(others, n_groups, seed, n_init=1).labels_)
        similarity = unit @ unit.T
        np.fill_diagonal(similarity, -np.inf)
        neighbors = np.argpartition(-similarity, n_neighbors - 1, axis=1)[:, :n_neighbors]
        agreements.append(float((groups[neighbors] == groups[:, None]).mean()))
    return np.array(agreements)
