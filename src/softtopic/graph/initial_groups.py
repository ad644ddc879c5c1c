"""Initial groups of documents: where topics start, and the mixtures that training is held to.

A topic model that starts from noise finds some topics twice and others not at all. Soft labels propagated over a graph
of documents already fall into groups; k-means finds them, and each group is where one topic starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from softtopic.data.corpus import equidistant
from softtopic.graph.anchors import Anchors, anchored_centers
from softtopic.graph.clustering import kmeans
from softtopic.graph.config import GraphConfig, GroupsConfig
from softtopic.graph.neighbours import View, knn_graph
from softtopic.graph.propagation import propagate_labels
from softtopic.graph.whitening import whiten_within_classes
from softtopic.types import DocTopic, TopicVocab

_EPSILON = 1e-12

Labels = Sequence[Float[np.ndarray, "docs vocab"] | csr_matrix]
Points = Float[np.ndarray, "docs width"]


@dataclass(frozen=True, kw_only=True)
class InitialGroups:
    """Target mixtures of the documents, and the word distributions topics start from.

    Attributes
    ----------
    mixtures : ndarray of shape (n_documents, n_topics), float32
        Rows sum to 1.
    topic_word : ndarray of shape (n_topics, n_words), float32
        Rows sum to 1.
    """

    mixtures: DocTopic
    topic_word: TopicVocab

    def mixed_with(self, earlier: DocTopic, weights: Float[np.ndarray, " docs"], margin: float) -> "InitialGroups":
        """The groups with target mixtures averaged with those of an earlier model, whose topics are the first ones.

        Averages are flatter than what they are of, so a share of the earlier mixtures goes to their largest topic.
        """
        largest = np.eye(earlier.shape[1])[earlier.argmax(axis=1)]
        known = (1 - margin) * earlier + margin * largest
        n_more = self.mixtures.shape[1] - earlier.shape[1]
        weight = weights[:, None]
        mixtures = (1 - weight) * self.mixtures + weight * np.pad(known, ((0, 0), (0, n_more)))
        return replace(self, mixtures=mixtures.astype(np.float32))


def document_graph(views: Sequence[View], n_groups: int, config: GraphConfig) -> csr_matrix:
    """k-NN graph of documents, with no more neighbours than an average group offers.

    With more, small groups would dissolve in large ones.
    """
    count = len(views[0].vectors)
    n_neighbors = max(1, min(config.n_neighbors, count // n_groups - 1))
    return knn_graph(views, n_neighbors, config.inverse_temperature)


def label_points(
    labels: Labels, graph: csr_matrix, n_groups: int, config: GraphConfig, groups: GroupsConfig, seed: int
) -> Points:
    """Propagated labels, square-root (Hellinger) transformed and reduced by a truncated SVD.

    Parameters
    ----------
    labels : sequence of arrays of shape (n_documents, n_words)
        Soft labels, tf-idf vectors or both; rows sum to 1, or to 0 where a document has none.
    graph : csr_matrix
        See `document_graph`.
    n_groups : int
        Groups to be told apart; never fewer dimensions are kept.
    config, groups : GraphConfig, GroupsConfig
    seed : int
        Seed of the randomised SVD.

    Returns
    -------
    ndarray of shape (n_documents, n_dimensions), float32
    """
    edges = np.cumsum([0, *(part.shape[1] for part in labels)])  # type: ignore[index]
    points = np.empty((graph.shape[0], edges[-1]), dtype=np.float32)  # type: ignore[index]
    for part, start, stop in zip(labels, edges, edges[1:], strict=False):
        propagate_labels(part, graph, n_steps=config.n_steps, restart=config.restart, out=points[:, start:stop])
    # Euclidean distances of square roots are Hellinger distances: a few frequent words do not decide.
    np.sqrt(points, out=points)
    width = max(groups.n_components, n_groups)
    if min(points.shape) <= width:
        return points
    # TruncatedSVD does the same and then copies all points for their variance.
    left, sizes, _ = randomized_svd(points, width, n_iter=2, random_state=seed)  # type: ignore[arg-type]
    return left * sizes


def normalize_views(
    labels: Labels, views: Sequence[View], config: GraphConfig, groups: GroupsConfig, seed: int
) -> list[View]:
    """Views after within-class covariance normalisation; the classes are groups found with the views as they are."""
    whitening = config.whitening
    if whitening is None:
        return list(views)
    sample = equidistant(len(views[0].vectors), whitening.max_documents)
    if len(sample) < whitening.min_documents:
        return list(views)
    n_classes = min(whitening.n_classes, len(sample) // whitening.min_class_size)
    graph = document_graph([View(vectors[sample], weight) for vectors, weight in views], n_classes, config)
    points = label_points([part[sample] for part in labels], graph, n_classes, config, groups, seed)
    classes = np.asarray(kmeans(points, n_classes, seed, n_init=groups.n_init).labels_)
    return [View(whiten_within_classes(vectors, sample, classes), weight) for vectors, weight in views]


def initial_groups(
    points: Points, labels: Labels, n_topics: int, config: GroupsConfig, seed: int, anchors: Anchors | None = None
) -> InitialGroups:
    """Cluster documents by their propagated labels; mixtures follow from the cosines to the centres.

    Parameters
    ----------
    points : ndarray of shape (n_documents, n_dimensions)
        See `label_points`.
    labels : sequence of arrays of shape (n_documents, n_words)
        Labels before propagation: the words of a group are those of its documents, not of their neighbours.
    n_topics : int
        Number of groups, at most the number of documents.
    config : GroupsConfig
    seed : int
        Seed of k-means.
    anchors : ndarray of shape (n_anchors, n_dimensions) or None
        Points near which the first groups lie; None for groups without any bounds.
    """
    if anchors is None:
        centers = kmeans(points, n_topics, seed, n_init=config.n_init).cluster_centers_
    else:
        centers = anchored_centers(points, anchors, n_topics, seed, config.guides, config.n_init)
    cosines = np.asarray(normalize(points)) @ np.asarray(normalize(centers)).T
    mixtures = softmax_mixtures(cosines.astype(np.float32), config)
    weights = document_weights(mixtures, config.word_power).T
    words = sum(weights @ part for part in labels)
    topic_word = normalize(words + _EPSILON, norm="l1").astype(np.float32)  # type: ignore[operator]
    return InitialGroups(mixtures=mixtures, topic_word=topic_word)


def document_weights(theta: DocTopic, power: float) -> DocTopic:
    """Weight of each document among those of a topic, theta ** power with columns that sum to 1."""
    # In float64: in float32 columns with small sums are taken for empty.
    return np.asarray(normalize(theta.astype(np.float64) ** power, norm="l1", axis=0), dtype=np.float32)


def softmax_mixtures(cosines: Float[np.ndarray, "docs topics"], config: GroupsConfig) -> DocTopic:
    """softmax(inverse_temperature * cosines), rows without any cosine uniform.

    The inverse temperature is the least within its bounds for which the mean of the largest share reaches
    1/K + mean_max_share * (1 - 1/K).
    """
    nonzero = np.flatnonzero(cosines.any(axis=1))
    if not len(nonzero):
        return softmax(cosines, axis=1)
    sample = cosines[nonzero[equidistant(len(nonzero), config.calibration_size)]]
    uniform = 1 / cosines.shape[1]
    target = uniform + config.mean_max_share * (1 - uniform)

    def gap(inverse_temperature: float) -> float:
        return target - float(softmax(np.float32(inverse_temperature) * sample, axis=1).max(axis=1).mean())

    low, high = config.min_inverse_temperature, config.max_inverse_temperature
    if gap(low) <= 0:
        inverse_temperature = low
    elif gap(high) >= 0:
        inverse_temperature = high
    else:
        inverse_temperature = float(brentq(gap, low, high, xtol=0.01))  # type: ignore[arg-type]
    return softmax(np.float32(inverse_temperature) * cosines, axis=1)
