"""Where training begins and what it is held to: clusters of documents whose soft labels agree.

A topic model that starts from noise finds some of the topics twice and others not at all. Soft labels spread over a
graph of neighbours already fall into groups; the mixtures that follow from these guide the encoder, and the words of
each group are where its topic begins.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from softtopic.data.corpus import equidistant
from softtopic.graph.neighbours import View, nearest, spread
from softtopic.graph.whitening import whitened
from softtopic.types import DocTopic, TopicVocab

# Cosines to the clusters' centres times a sharpness make a mixture of them: the least sharpness within these bounds for
# which the largest share of a document is, in the mean, so much of the way from an even mixture to a single topic;
# where none is enough it is the greatest.
_LARGEST = 0.6
_SHARPNESS = (15.0, 200.0)
_DIMENSIONS = 100
# The sharpness, and the groups that views are whitened within, are found on at most so many documents.
_SEEN = 5000
# Views are whitened within so many groups, each of so many documents in the mean or more. How groups of fewer than 500
# documents spread is not known well enough: there whitening costs precision.
_GROUPS = 100
_WHITENED_FROM = 500
_MEMBERS = 15
# A topic's words come from documents in proportion to this power of its share in them: mostly from its own.
_OWN = 2.5

_LEAST = 1e-12

Labels = Sequence[Float[np.ndarray, "docs vocab"] | csr_matrix]


@dataclass(frozen=True, kw_only=True)
class Guide:
    """What each document should be about, and the words of each topic to begin with."""

    theta: DocTopic  # float32
    topic_word: TopicVocab  # float32


@dataclass(frozen=True, kw_only=True)
class GuideConfig:
    """How labels are spread before they are grouped; the defaults are those of recipe "default"."""

    neighbours: int = 15  # of each document; fewer where a topic has fewer documents
    rounds: int = 3
    restart: float = 0.1


def guide(
    labels: Labels,
    views: Sequence[View],
    n_topics: int,
    config: GuideConfig,
    seed: int,
) -> Guide:
    """Mixtures and words of `n_topics` groups of documents.

    Args:
        labels: what documents are about, [documents, vocab], one or more views of it (a soft label, their own words);
            rows sum to 1, or to 0 where one is silent.
        views: what documents are compared by, see `nearest`; of 500 documents or more each is `whitened` within groups.
        n_topics: number of groups, at most the number of documents.
        config: how labels are spread.
        seed: of the clustering.

    """
    points = _points(labels, _whitened(labels, views, config, seed), n_topics, config, seed)
    found = _group(points, n_topics, seed)
    cosines = np.asarray(normalize(points)) @ np.asarray(normalize(found.cluster_centers_)).T
    theta = _mixtures(cosines.astype(np.float32))
    own = own_share(theta).T
    words = sum(own @ part for part in labels)
    return Guide(theta=theta, topic_word=normalize(words + _LEAST, norm="l1").astype(np.float32))  # type: ignore[operator]


def own_share(theta: DocTopic) -> DocTopic:
    """How much each document counts where a topic's own words are looked for: columns sum to 1."""
    # In float64: columns of small sums are taken for empty in float32.
    return np.asarray(normalize(theta.astype(np.float64) ** _OWN, norm="l1", axis=0), dtype=np.float32)


def _mixtures(cosines: Float[np.ndarray, "docs topics"]) -> DocTopic:
    """Each document's share in the groups, by its cosines to their centres; even where all of these are 0."""
    says = np.flatnonzero(cosines.any(axis=1))
    if not len(says):
        return softmax(cosines, axis=1)
    seen = cosines[says[equidistant(len(says), _SEEN)]]
    even = 1 / cosines.shape[1]
    wanted = even + _LARGEST * (1 - even)

    def missing(sharpness: float) -> float:
        return wanted - float(softmax(np.float32(sharpness) * seen, axis=1).max(axis=1).mean())

    least, most = _SHARPNESS
    if missing(least) <= 0:
        sharpness = least
    elif missing(most) >= 0:
        sharpness = most
    else:
        sharpness = float(brentq(missing, least, most, xtol=0.01))  # type: ignore[arg-type]
    return softmax(np.float32(sharpness) * cosines, axis=1)


def _whitened(labels: Labels, views: Sequence[View], config: GuideConfig, seed: int) -> list[View]:
    """Views in which groups of documents are round; the groups are those found by the views as they are."""
    some = equidistant(len(views[0][0]), _SEEN)
    if len(some) < _WHITENED_FROM:
        return list(views)
    n_groups = min(_GROUPS, len(some) // _MEMBERS)
    seen = [(rows[some], weight) for rows, weight in views]
    points = _points([part[some] for part in labels], seen, n_groups, config, seed)
    groups = np.asarray(_group(points, n_groups, seed).labels_)
    return [(whitened(rows, some, groups), weight) for rows, weight in views]


def _points(
    labels: Labels, views: Sequence[View], n_groups: int, config: GuideConfig, seed: int
) -> Float[np.ndarray, "docs width"]:
    """Labels after they have spread, in few dimensions."""
    count = len(views[0][0])
    # No more neighbours than an average group offers, else small ones dissolve in large ones.
    graph = nearest(views, max(1, min(config.neighbours, count // n_groups - 1)))
    edges = np.cumsum([0, *(part.shape[1] for part in labels)])  # type: ignore[index]
    points = np.empty((count, edges[-1]), dtype=np.float32)
    for part, start, stop in zip(labels, edges, edges[1:], strict=False):
        spread(part, graph, rounds=config.rounds, restart=config.restart, out=points[:, start:stop])
    # The distance of square roots is Hellinger's: it does not let a few frequent words decide.
    np.sqrt(points, out=points)
    width = max(_DIMENSIONS, n_groups)
    if min(points.shape) <= width:
        return points
    # TruncatedSVD does the same and then copies all points for their variance.
    left, sizes, _ = randomized_svd(points, width, n_iter=2, random_state=seed)  # type: ignore[arg-type]
    return left * sizes


def _group(points: Float[np.ndarray, "docs width"], n_groups: int, seed: int) -> KMeans:
    # Threads would add in any order, and equal inputs must give equal models.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different documents than topics
        return KMeans(n_groups, n_init=3, random_state=seed).fit(points)  # type: ignore[arg-type]
