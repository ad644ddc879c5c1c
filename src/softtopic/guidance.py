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
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from softtopic.neighbours import View, nearest, spread
from softtopic.types import DocTopic, TopicVocab

# Cosines to the clusters' centres are multiplied by this to make a mixture of them: about half goes to the nearest.
SHARPNESS = 20.0
_DIMENSIONS = 100
# A topic's words come from documents in proportion to the square of its share in them: mostly from its own.
_OWN = 2.0

_LEAST = 1e-12


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
    labels: Sequence[Float[np.ndarray, "docs vocab"] | csr_matrix],
    views: Sequence[View],
    n_topics: int,
    config: GuideConfig,
    seed: int,
) -> Guide:
    """Mixtures and words of `n_topics` groups of documents.

    Args:
        labels: what documents are about, [documents, vocab], one or more views of it (a soft label, their own words);
            rows sum to 1, or to 0 where one is silent.
        views: what documents are compared by, see `nearest`.
        n_topics: number of groups, at most the number of documents.
        config: how labels are spread.
        seed: of the clustering.

    """
    count = labels[0].shape[0]  # type: ignore[index]
    # No more neighbours than an average topic offers, else small topics dissolve in large ones.
    k = max(1, min(config.neighbours, count // n_topics - 1))
    graph = nearest(views, k)
    edges = np.cumsum([0, *(part.shape[1] for part in labels)])  # type: ignore[index]
    points = np.empty((count, edges[-1]), dtype=np.float32)
    for part, start, stop in zip(labels, edges, edges[1:], strict=False):
        spread(part, graph, rounds=config.rounds, restart=config.restart, out=points[:, start:stop])
    # The distance of square roots is Hellinger's: it does not let a few frequent words decide.
    theta = _cluster(np.sqrt(points, out=points), n_topics, seed)
    del points
    own = own_share(theta).T
    words = sum(own @ part for part in labels)
    return Guide(theta=theta, topic_word=normalize(words + _LEAST, norm="l1").astype(np.float32))  # type: ignore[operator]


def own_share(theta: DocTopic) -> DocTopic:
    """How much each document counts where a topic's own words are looked for: columns sum to 1."""
    return np.asarray(normalize(theta**_OWN, norm="l1", axis=0))


def _cluster(points: Float[np.ndarray, "docs width"], n_topics: int, seed: int) -> DocTopic:
    """Mixtures over the groups that k-means finds."""
    width = min(_DIMENSIONS, min(points.shape) - 1)
    if width > n_topics:
        # TruncatedSVD does the same and then copies all points for their variance.
        left, sizes, _ = randomized_svd(points, width, n_iter=2, random_state=seed)  # type: ignore[arg-type]
        points = left * sizes
    # Threads would add in any order, and equal inputs must give equal models.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different documents than topics
        found = KMeans(n_topics, n_init=3, random_state=seed).fit(points)  # type: ignore[arg-type]
    cosines = np.asarray(normalize(points)) @ np.asarray(normalize(found.cluster_centers_)).T
    return softmax(SHARPNESS * cosines.astype(np.float32), axis=1)
