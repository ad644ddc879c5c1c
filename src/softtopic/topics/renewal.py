"""Renewal: documents that come after the fit, and the new topics that are among them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree
from sklearn.cluster import AgglomerativeClustering

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, check_number, check_whole
from softtopic.inputs.projection import widen
from softtopic.state import DocumentVectors, FittedState
from softtopic.topics.additions import Add, NewTopic
from softtopic.topics.assignments import class_tf_idf
from softtopic.topics.documents import excerpt, known_vectors, representative_rows, without_content
from softtopic.topics.edits import classifier
from softtopic.topics.novelty import cosine_distances, topic_centers
from softtopic.topics.words import top_indices
from softtopic.types import DocHidden, DocInt, DocTopic


@dataclass(frozen=True, kw_only=True)
class RenewalConfig:
    """When documents that come after the fit are a new topic, and how closely a refit continues an earlier model.

    Parameters
    ----------
    min_topic_size : int, default=10
        Number of documents that a new topic needs.
    min_novelty : float in [0, 1), default=0.8
        Novelty of the documents that a new topic is made of.
    min_density : float in (0, 1], default=0.5
        Least similarity of its documents to each other, relative to that of documents of the same topic.
    n_words : int, default=50
        Number of words of a new topic.
    like_weight : float in [0, 1], default=0.8
        Weight of the mixtures of the earlier model in the target mixtures of a refit; none for new, novel documents.
    like_margin : float in [0, 1], default=0.15
        Share of these mixtures that goes to their largest topic first, since averages are flatter.
    min_overlap : float in [0, 1], default=0.5
        Overlap of their documents (Dice coefficient) from which a topic of a refit continues one of the earlier model.
    """

    min_topic_size: int = 10
    min_novelty: float = 0.8
    min_density: float = 0.5
    n_words: int = 50
    like_weight: float = 0.8
    like_margin: float = 0.15
    min_overlap: float = 0.5

    def __post_init__(self) -> None:
        check_whole("min_topic_size", self.min_topic_size, 2)
        check_whole("n_words", self.n_words, 1)
        check_number("min_novelty", self.min_novelty, 0, 1)
        check_number("min_density", self.min_density, 0, 1, closed="right")
        for name in ("like_weight", "like_margin", "min_overlap"):
            check_number(name, getattr(self, name), 0, 1, closed="both")


def with_ids(state: FittedState, corpus: Corpus, *, count_on: bool = False) -> Corpus:
    """The documents with ids that the state does not have; with `count_on`, numbers that go on where its ids end.

    Raises
    ------
    InputError
        If an id is repeated or one of the state's, or of another type.
    """
    known, n_known = set(state.ids), len(state.ids)
    if count_on:
        first = max(map(int, state.ids)) + 1 if isinstance(state.ids[0], int) else n_known
        numbers = range(first, first + len(corpus))
        corpus = replace(corpus, ids=tuple(numbers if isinstance(state.ids[0], int) else map(str, numbers)))
    if type(corpus.ids[0]) is not type(state.ids[0]):
        kinds = {int: "whole numbers", str: "strings"}
        raise InputError(f"ids of the model are {kinds[type(state.ids[0])]}; give ids like these, as {state.ids[0]!r}")
    if again := [one for one in corpus.ids if one in known]:
        raise InputError(f"{len(again)} ids are in the model already, the first is {again[0]!r}; give new documents")
    if len(set(corpus.ids)) < len(corpus):
        raise InputError("ids of the new documents are repeated; give each document an id of its own")
    return corpus


def count_known(state: FittedState, corpus: Corpus, vectors: DocHidden) -> int:
    """Number of new documents, blank ones aside, that are among those of the state.

    Compared are the beginnings of the texts, or vectors where the state holds no text: those of the same text differ by
    rounding.
    """
    if any(state.excerpts):
        known = set(state.excerpts) - {""}
        return sum(excerpt(text) in known for text in corpus.texts)
    rows = vectors.astype(np.float32)
    tree = KDTree(known_vectors(state).documents.astype(np.float32))
    rounding = 2 * float(np.finfo(np.float16).eps)
    distances, _ = tree.query(rows[rows.any(axis=1)], distance_upper_bound=rounding)
    return int(np.isfinite(distances).sum())


def with_documents(state: FittedState, corpus: Corpus, theta: DocTopic, vectors: DocumentVectors) -> FittedState:
    """The state with more documents at the end; nothing is kept of their texts where nothing is of the others'.

    Parameters
    ----------
    state : FittedState
        As fitted, before edits.
    corpus : Corpus
        New documents with ids, see `with_ids`.
    theta : ndarray of shape (n_documents, n_topics)
        Their mixtures before edits.
    vectors : DocumentVectors
        Of all documents, known and new ones.
    """
    n_known, keeps_texts = len(state.theta), any(state.excerpts)
    times = None
    if state.times is not None or corpus.times is not None:
        times = (*(state.times or ("",) * n_known), *(corpus.times or ("",) * len(corpus)))
    all_theta = np.vstack([state.theta, theta])
    texts: tuple[str, ...] = (*(state.excerpts if keeps_texts else map(str, range(n_known))), *corpus.texts)
    blank = n_known + without_content(corpus, state.vocabulary)
    return replace(
        state,
        theta=all_theta,
        ids=(*state.ids, *corpus.ids),  # type: ignore[arg-type]
        excerpts=(*state.excerpts, *(excerpt(text) if keeps_texts else "" for text in corpus.texts)),
        representatives=_renewed(state, all_theta, texts),
        blank=np.concatenate([state.blank, blank]).astype(np.int64),
        times=times,
        vectors=vectors,
    )


def with_vectors(known: DocumentVectors, documents: DocHidden, norms: Float[np.ndarray, " docs"]) -> DocumentVectors:
    """The vectors with those of more documents at the end."""
    return replace(
        known,
        documents=np.vstack([known.documents, documents]),
        norms=np.append(known.norms, norms),
    )


def widened(known: DocumentVectors, points: np.ndarray, groups: DocInt) -> DocumentVectors:
    """Vectors with a column more for each group of new documents: how much of the group's mean a document has.

    The components of the fit hold little of what sets new topics apart. What known documents have of it is not known,
    and little.
    """
    means = np.stack([points[groups == group].mean(axis=0) for group in range(groups.max() + 1)])
    components = widen(known.components, means)
    n_more = len(components) - len(known.components)
    more: Any = ((0, 0), (0, n_more))
    return replace(
        known, components=components, documents=np.pad(known.documents, more), words=np.pad(known.words, more)
    )


def _renewed(state: FittedState, theta: DocTopic, texts: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Representative documents: the known ones, which were chosen from whole texts, and new ones with larger shares."""
    rows = np.unique(np.concatenate([*state.representatives, np.arange(len(state.theta), len(theta))]))
    found = representative_rows(theta[rows], [texts[int(row)] for row in rows])
    return tuple(rows[one] for one in found)


def novel_groups(
    state: FittedState, points: np.ndarray, novelty: Float[np.ndarray, " docs"], config: RenewalConfig
) -> DocInt:
    """Group documents that fit no topic.

    Documents above `min_novelty` are clustered by average linkage of their cosines. A cluster of at least
    `min_topic_size` documents is a new topic if its documents are at least `min_density` times as similar to each other
    as documents of the same topic are (the median over topics), and if their similarity to the nearest topic explains
    less than that share of their similarity to each other.

    Parameters
    ----------
    state : FittedState
        After edits, without the new documents.
    points : ndarray of shape (n_documents, n_inputs)
        Inputs of distinct new documents, L2-normalised; see `softtopic.inputs.projection.points_of`.
    novelty : ndarray of shape (n_documents,)
    config : RenewalConfig

    Returns
    -------
    ndarray of int of shape (n_documents,)
        Group of each document, largest group 0; -1 for documents of none.

    Notes
    -----
    Similarities of known documents are those of their projections, which leave little out.
    """
    groups = np.full(len(points), -1)
    rows = np.flatnonzero((novelty >= config.min_novelty) & points.any(axis=1))
    if len(rows) < config.min_topic_size:
        return groups
    chosen = points[rows].astype(np.float64)
    least = config.min_density * _density_of_topics(state)
    linkage = AgglomerativeClustering(
        n_clusters=None,  # type: ignore[arg-type]
        metric="cosine",
        linkage="average",
        distance_threshold=1 - least,
    )
    clusters = np.asarray(linkage.fit(chosen).labels_)
    sizes = np.bincount(clusters)
    near = 1 - cosine_distances(chosen @ known_vectors(state).components.T.astype(np.float64), topic_centers(state))
    found = 0
    for cluster in np.argsort(-sizes, kind="stable").tolist():
        own = clusters == cluster
        # Documents with cosines a to a common center have cosines a² to each other.
        explained = near[own].mean(axis=0).max() ** 2
        if sizes[cluster] >= config.min_topic_size and explained < config.min_density * _density(chosen[own]):
            groups[rows[own]] = found
            found += 1
    return groups


def _density_of_topics(state: FittedState) -> float:
    """Median over topics of the mean similarity of two documents of a topic."""
    points = known_vectors(state).projections.astype(np.float64)
    own = [points[(state.columns == column) & points.any(axis=1)] for column in range(state.n_topics)]
    return float(np.median([_density(part) for part in own if len(part) > 1] or [1.0]))


def _density(points: Float[np.ndarray, "docs width"]) -> float:
    """Mean scalar product of two of the points."""
    n = len(points)
    return float((np.square(points.sum(axis=0)).sum() - np.square(points).sum()) / (n * (n - 1)))


def addition(state: FittedState, corpus: Corpus, groups: DocInt, words: Vocabulary, config: RenewalConfig) -> Add:
    """The edit that makes topics of groups of new documents.

    Parameters
    ----------
    state : FittedState
        After edits, with the new documents at the end.
    corpus : Corpus
        The new documents.
    groups : ndarray of int of shape (n_documents,)
        See `novel_groups`.
    words : Vocabulary
        Words that the new topics may have.
    config : RenewalConfig
    """
    points = known_vectors(state).documents.astype(np.float64)
    n_known = len(points) - len(corpus)
    weights, biases = classifier(points, np.concatenate([np.zeros(n_known, dtype=int), groups + 1]))
    topics = []
    for group, row in enumerate(_word_weights(state, corpus, groups, words)):
        chosen = [place for place in top_indices(row[None], config.n_words)[0].tolist() if row[place] > 0]
        topics.append(
            NewTopic(
                words=tuple(words.words[place] for place in chosen),
                probabilities=tuple(float(row[place]) for place in chosen),
                weights=tuple((weights[group + 1] - weights[0]).tolist()),
                bias=float(biases[group + 1] - biases[0]),
            )
        )
    return Add(tuple(topics), since=n_known)


def _word_weights(
    state: FittedState, corpus: Corpus, groups: DocInt, words: Vocabulary
) -> Float[np.ndarray, "groups vocab"]:
    """Class-based tf-idf of the words of each group; counts of the model's documents are those that it expects."""
    counts = words.bag_of_words(corpus.texts)
    own = np.stack([np.asarray(counts[groups == group].sum(axis=0))[0] for group in range(groups.max() + 1)])
    new = np.asarray(counts.sum(axis=0), dtype=np.float64)[0]
    place = {word: column for column, word in enumerate(state.vocabulary.words)}
    shares = state.mean_theta.astype(np.float64) @ state.topic_word
    expected = np.array([shares[place[word]] if word in place else 0.0 for word in words.words])
    total = new + expected * new.sum() * (len(state.theta) / len(corpus) - 1)
    return class_tf_idf(own.astype(np.float64), total, float(total.sum()) / (state.n_topics + len(own)))
