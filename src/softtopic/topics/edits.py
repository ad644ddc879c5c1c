"""Edits of topics: frozen values in order. The fitted state never changes; every view is that of `apply`.

A topic keeps its number: merged topics take the lowest one, the largest part of a split topic keeps it, numbers of
dropped topics are not used again and new ones count on, until `Renumber` makes them dense. On theta an edit is a
`ColumnMap`, which holds for new documents, too.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from softtopic.errors import InputError, check_whole
from softtopic.graph.clustering import kmeans
from softtopic.state import FittedState
from softtopic.topics.documents import known_vectors, representative_rows
from softtopic.topics.table import column_of, topic_names
from softtopic.types import DocHidden, DocTopic, TopicVocab

# Inverse strength of the L2 penalty of the classifier of a split: its mixtures are soft between the parts.
_C = 10.0
_N_INIT = 4


@runtime_checkable
class Divider(Protocol):
    """Classifier by which an edit makes new topics of the mixtures of documents."""

    def shares(self, vectors: DocHidden) -> Float[np.ndarray, "docs parts"]:
        """Probabilities from vectors of documents."""
        ...

    def divide(self, columns: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Mixtures with columns for the new topics."""
        ...


@dataclass(frozen=True, eq=False)
class Splitter:
    """Multinomial logistic regression of the parts of one topic.

    Attributes
    ----------
    column : int
        Column of the topic; its first part stays there, the others become the last columns.
    weights : ndarray of shape (n_parts, width)
    biases : ndarray of shape (n_parts,)
    """

    column: int
    weights: Float[np.ndarray, "parts width"]
    biases: Float[np.ndarray, " parts"]

    def shares(self, vectors: DocHidden) -> Float[np.ndarray, "docs parts"]:
        """Probability of each part."""
        # einsum: a product of matrices may sum in an order that depends on the number of rows.
        known = narrowed(vectors.astype(np.float32), self.weights.shape[1])
        return softmax(np.einsum("dw,pw->dp", known, self.weights) + self.biases, axis=1)

    def divide(self, columns: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Columns with that of the topic multiplied by the shares of its parts."""
        parts = columns[:, self.column, None] * shares
        divided = np.concatenate([columns, parts[:, 1:]], axis=1)
        divided[:, self.column] = parts[:, 0]
        return divided


def narrowed(vectors: DocHidden, width: int) -> Float[np.ndarray, "docs narrow"]:
    """The first columns of L2-normalised vectors, normalised again: those that there were before new topics."""
    rest = np.any(vectors[:, width:], axis=1, keepdims=True)
    return np.where(rest, np.asarray(normalize(vectors[:, :width])), vectors[:, :width])


@dataclass(frozen=True, eq=False)
class ColumnMap:
    """What an edit does to topic mixtures.

    Attributes
    ----------
    groups : tuple of tuple of int
        For each new column the old ones that it is the sum of.
    fallback : ndarray of shape (n_topics,) or None
        Mixture of documents of which nothing is left; None where no column is left out.
    divider : Divider or None
        What is done first.
    """

    groups: tuple[tuple[int, ...], ...]
    fallback: Float[np.ndarray, " topics"] | None = None
    divider: Divider | None = None

    def mixtures(self, theta: DocTopic, vectors: DocHidden | None) -> Float[np.ndarray, "docs new_topics"]:
        """Mixtures after the edit; `vectors` are needed where it makes new topics. Rows sum to 1."""
        if self.divider is not None:
            theta = self.divider.divide(theta, self.divider.shares(vectors))  # type: ignore[arg-type]
        starts = np.cumsum([0, *map(len, self.groups)])[:-1]
        theta = np.add.reduceat(theta[:, np.concatenate(self.groups)], starts, axis=1)
        if self.fallback is None:
            return theta.astype(np.float32)
        total = theta.sum(axis=1, keepdims=True)
        return np.where(total > 0, theta / np.where(total > 0, total, 1), self.fallback).astype(np.float32)


@dataclass(frozen=True, eq=False)
class EditedState:
    """A fitted state after edits.

    Attributes
    ----------
    state : FittedState
        As fitted but for topics, words, mixtures and representative documents. Weights are those of the fit.
    maps : tuple of ColumnMap
        What the edits do to the mixtures of new documents, in order.
    next_id : int
        Number of the next new topic.
    """

    state: FittedState
    maps: tuple[ColumnMap, ...]
    next_id: int

    @property
    def needs_vectors(self) -> bool:
        """Whether there are new topics, so that mixtures of new documents depend on their vectors."""
        return any(step.divider is not None for step in self.maps)

    def mixtures(self, theta: DocTopic, vectors: DocHidden | None = None) -> Float[np.ndarray, "docs new_topics"]:
        """Mixtures of documents after the edits, from those before."""
        return reduce(lambda mixtures, step: step.mixtures(mixtures, vectors), self.maps, theta)


class Edit(ABC):
    """A change of topics or words."""

    @abstractmethod
    def apply(self, edited: EditedState) -> EditedState:
        """The state after this edit; raises InputError where it does not fit the state."""


@final
@dataclass(frozen=True)
class Merge(Edit):
    """Make one topic of each group of topics.

    Parameters
    ----------
    groups : tuple of tuple of int
        Numbers of the topics of each group, two or more.

    Examples
    --------
    >>> Merge(((3, 17), (5, 8, 9)))
    Merge(groups=((3, 17), (5, 8, 9)))
    """

    groups: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not self.groups or any(len(group) < 2 for group in self.groups):
            raise InputError(f"groups of topics to merge are {_shown(self.groups)}; give two or more topics in each")
        _check_distinct([topic for group in self.groups for topic in group], "merge")

    def apply(self, edited: EditedState) -> EditedState:
        state = edited.state
        groups: dict[int, tuple[int, ...]] = {column: (column,) for column in range(state.n_topics)}
        for topics in self.groups:
            first, *others = columns = sorted(column_of(state, topic) for topic in topics)
            groups[first] = tuple(columns)
            for column in others:
                del groups[column]
        return _regrouped(edited, tuple(groups.values()))


@final
@dataclass(frozen=True)
class Drop(Edit):
    """Remove topics; the shares of the others are renormalised, so that documents go to their next topics.

    Parameters
    ----------
    topics : tuple of int
        Numbers of the topics.
    """

    topics: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.topics:
            raise InputError("there are no topics to drop; give one or more")
        _check_distinct(self.topics, "drop")

    def apply(self, edited: EditedState) -> EditedState:
        state = edited.state
        dropped = {column_of(state, topic) for topic in self.topics}
        kept = [column for column in range(state.n_topics) if column not in dropped]
        if not kept:
            raise InputError(f"all {state.n_topics} topics would be dropped; keep at least one")
        mean = state.mean_theta[kept]
        fallback = mean / mean.sum() if mean.sum() > 0 else np.full_like(mean, 1 / len(mean))
        return _regrouped(edited, tuple((column,) for column in kept), fallback=fallback)


@final
@dataclass(frozen=True)
class Split(Edit):
    """Divide a topic into parts; made by `split`.

    Parameters
    ----------
    topic : int
    weights : tuple of tuple of float
        Weights of a logistic regression of the parts from vectors of documents, a row for each part.
    biases : tuple of float
    numbers : tuple of int, default=()
        Numbers of all parts but the first; () to count on.
    """

    topic: int
    weights: tuple[tuple[float, ...], ...]
    biases: tuple[float, ...]
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.weights}
        if len(self.biases) < 2 or len(self.weights) != len(self.biases) or len(widths) != 1:
            raise InputError(f"weights and biases of the parts of topic {self.topic} do not go together")

    def apply(self, edited: EditedState) -> EditedState:
        state = edited.state
        column, vectors = column_of(state, self.topic), known_vectors(state).documents
        if len(self.weights[0]) > vectors.shape[1]:
            raise InputError(
                f"weights of topic {self.topic} have {len(self.weights[0])} columns, not {vectors.shape[1]}"
            )
        splitter = Splitter(column, np.array(self.weights, np.float32), np.array(self.biases, np.float32))
        groups = tuple((each,) for each in range(state.n_topics + len(self.biases) - 1))
        return _regrouped(
            edited, groups, splitter=splitter, numbers=new_numbers(edited, self.numbers, len(self.biases) - 1)
        )


@final
@dataclass(frozen=True)
class Rename(Edit):
    """Give names to topics.

    Parameters
    ----------
    names : tuple of (int, str)
        Numbers of topics with their names.
    """

    names: tuple[tuple[int, str], ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise InputError("there are no names; give one for each topic to rename, as {3: 'space'}")
        _check_distinct([topic for topic, _ in self.names], "rename")
        for topic, name in self.names:
            if not name.strip() or not name.isprintable():
                raise InputError(f"the name of topic {topic} is {name!r}; give one line with letters")

    def apply(self, edited: EditedState) -> EditedState:
        state = edited.state
        names = list(state.names)
        for topic, name in self.names:
            names[column_of(state, topic)] = name
        renamed = replace(state, names=tuple(names))
        shown = topic_names(renamed)
        for topic, name in self.names:
            if shown.count(name) > 1:
                raise InputError(f"topic {topic} would be named {name!r} like another one; give distinct names")
        return replace(edited, state=renamed)


@final
@dataclass(frozen=True)
class Exclude(Edit):
    """Remove words from the vocabulary of the topics; mixtures stay as they are.

    Parameters
    ----------
    words : tuple of str
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.words:
            raise InputError("there are no words to exclude; give one or more")

    def apply(self, edited: EditedState) -> EditedState:
        state = edited.state
        known = state.vocabulary.words
        if unknown := sorted(set(self.words) - set(known)):
            raise InputError(f"the vocabulary has no {', '.join(map(repr, unknown[:5]))}; give words of the topics")
        kept = np.flatnonzero([word not in self.words for word in known])
        if len(kept) < 2:
            raise InputError(f"{len(kept)} of {len(known)} words would remain; keep at least two")
        vectors = state.vectors and replace(state.vectors, words=state.vectors.words[kept])
        return replace(
            edited,
            state=replace(
                state,
                vocabulary=replace(state.vocabulary, words=tuple(known[word] for word in kept)),
                topic_word=distributions(state.topic_word[:, kept]),
                relevance=None if state.relevance is None else state.relevance[:, kept],
                prior=None if state.prior is None else state.prior[kept],
                vectors=vectors,
            ),
        )


@final
@dataclass(frozen=True)
class Renumber(Edit):
    """Number the topics 0, 1, … without gaps, in their order."""

    def apply(self, edited: EditedState) -> EditedState:
        n_topics = edited.state.n_topics
        return replace(edited, state=replace(edited.state, topic_ids=tuple(range(n_topics))), next_id=n_topics)


def apply(state: FittedState, edits: Iterable[Edit]) -> EditedState:
    """Apply edits in order; without edits the state is as fitted.

    Parameters
    ----------
    state : FittedState
    edits : iterable of Edit

    Returns
    -------
    EditedState

    Raises
    ------
    InputError
        If an edit names a topic or word that is not there, or leaves nothing.

    Examples
    --------
    >>> apply(state, [Merge(((3, 17),)), Drop((34,))]).state.topic_ids  # doctest: +SKIP
    """
    return reduce(lambda edited, edit: edit.apply(edited), edits, EditedState(state, (), max(state.topic_ids) + 1))


def merge(groups: Any) -> Merge:
    """A merge of lists of topics, or of one list."""
    groups = _listed(groups, "topics to merge", "[[3, 17]]")
    nested = groups if groups and all(not np.isscalar(group) for group in groups) else [groups]
    return Merge(tuple(_topics(group, "topics to merge", "[[3, 17]]") for group in nested))


def drop(topics: Any) -> Drop:
    """A drop of a list of topics."""
    return Drop(_topics(topics, "topics to drop", "[34]"))


def rename(names: Any) -> Rename:
    """A renaming by a mapping from topics to names; blanks of names are single."""
    if not isinstance(names, Mapping):
        raise InputError(f"names are {type(names).__name__}; give names by topic, as {{3: 'space'}}")
    for topic, name in names.items():
        check_whole("topic", topic, 0)
        if not isinstance(name, str):
            raise InputError(f"the name of topic {topic} is {type(name).__name__}; give a string")
    return Rename(tuple((int(topic), " ".join(name.split())) for topic, name in names.items()))


def exclude(words: Any) -> Exclude:
    """An exclusion of a list of words."""
    words = _listed(words, "words to exclude", "['username']")
    if other := [word for word in words if not isinstance(word, str)]:
        raise InputError(f"words to exclude hold {other[0]!r}; give strings")
    return Exclude(tuple(dict.fromkeys(words)))


def without_last(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """All edits but the last; raises InputError where there is none."""
    if not edits:
        raise InputError("there is no edit to undo; the topics are as they were fitted")
    return edits[:-1]


def split(state: FittedState, topic: int, n: int = 2) -> Split:
    """Divide the documents of a topic by k-means and train a classifier of the parts, the largest part first.

    Parameters
    ----------
    state : FittedState
    topic : int
    n : int, default=2
        Number of parts, at least 2.

    Returns
    -------
    Split

    Raises
    ------
    InputError
        If there is no such topic, fewer distinct documents than parts, or no vectors of documents.
    """
    column, vectors = column_of(state, topic), known_vectors(state).documents
    check_whole("n", n, 2)
    points = vectors[(state.columns == column) & vectors.any(axis=1)].astype(np.float64)
    if (n_distinct := len(np.unique(points, axis=0))) < n:
        raise InputError(
            f"topic {topic} has {n_distinct} distinct documents; give n, the number of parts, of at most that"
        )
    clusters = np.asarray(kmeans(points, int(n), state.seed, n_init=_N_INIT).labels_)
    order = np.argsort(-np.bincount(clusters, minlength=n), kind="stable")
    weights, biases = classifier(points, np.argsort(order)[clusters])
    return Split(int(topic), as_tuples(weights), tuple(biases.tolist()))


def classifier(
    points: DocHidden, classes: np.ndarray
) -> tuple[Float[np.ndarray, "classes width"], Float[np.ndarray, " classes"]]:
    """Weights and biases of a multinomial logistic regression, a row for each of the classes 0, 1, …"""
    model = LogisticRegression(C=_C, max_iter=1000).fit(points, classes)
    weights, biases = model.coef_, model.intercept_
    if len(weights) == 1:  # scikit-learn has one row for two classes
        weights, biases = np.vstack([-weights, weights]) / 2, np.concatenate([-biases, biases]) / 2
    return weights.astype(np.float32), biases.astype(np.float32)


def as_tuples(rows: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """A matrix as an edit holds it."""
    return tuple(map(tuple, rows.tolist()))


def new_numbers(edited: EditedState, numbers: tuple[int, ...], n: int) -> tuple[int, ...]:
    """Numbers of n new topics: the given ones, else those that count on; raises InputError where one is in use."""
    numbers = numbers or tuple(range(edited.next_id, edited.next_id + n))
    if len(set(numbers)) != n or len(numbers) != n or min(numbers) < 0 or set(numbers) & set(edited.state.topic_ids):
        raise InputError(f"numbers of {n} new topics are {list(numbers)}; give as many, none of them in use")
    return numbers


def _regrouped(
    edited: EditedState,
    groups: tuple[tuple[int, ...], ...],
    *,
    fallback: Float[np.ndarray, " topics"] | None = None,
    splitter: Splitter | None = None,
    numbers: tuple[int, ...] = (),
) -> EditedState:
    """The state with new topics, each of a group of the topics there were; a new number where there are more."""
    state, step = edited.state, ColumnMap(groups, fallback, splitter)
    documents = None if state.vectors is None else state.vectors.documents
    theta = step.mixtures(state.theta, documents)
    # Blank documents have the vector 0, so that their mixture is the same here and in `transform`.
    blank = None if documents is None else np.zeros((1, documents.shape[1]), dtype=np.float32)
    topic_word, relevance, ids, names = state.topic_word, state.relevance, state.topic_ids, state.names
    masses = state.theta.sum(axis=0, dtype=np.float64) + 1e-12
    next_id = edited.next_id
    if splitter is not None and state.vectors is not None:
        word_shares = splitter.shares(state.vectors.words)
        topic_word = distributions(splitter.divide(topic_word.T, word_shares).T)
        # As in `ranking.relevance`: scores times their share in those of all parts.
        relevance = None if relevance is None else splitter.divide(relevance.T, word_shares**2).T
        masses = np.append(masses, np.ones(len(numbers)))
        ids = (*ids, *numbers)
        names = (*("" if column == splitter.column else one for column, one in enumerate(names)), *[""] * len(numbers))
        next_id = max(next_id, *(number + 1 for number in numbers))
    new = replace(
        state,
        theta=theta,
        mean_theta=step.mixtures(state.mean_theta[None], blank)[0],
        topic_word=_averages(topic_word, groups, masses),
        relevance=None if relevance is None else _averages(relevance, groups, masses),
        topic_ids=tuple(min(ids[column] for column in group) for group in groups),
        names=tuple(next((names[column] for column in group if names[column]), "") for group in groups),
        representatives=representatives_of(state, theta, groups),
    )
    return EditedState(new, (*edited.maps, step), next_id)


def _averages(
    rows: TopicVocab, groups: tuple[tuple[int, ...], ...], masses: np.ndarray
) -> Float[np.ndarray, "new_topics vocab"]:
    """Means over groups, weighted by the topics' shares in the documents."""
    means = [
        rows[group[0]] if len(group) == 1 else np.average(rows[list(group)], axis=0, weights=masses[list(group)])
        for group in groups
    ]
    return np.stack(means).astype(np.float32)


def representatives_of(
    state: FittedState, theta: DocTopic, groups: tuple[tuple[int, ...], ...]
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Those of unchanged topics stay: they were chosen from whole texts."""
    texts = state.excerpts if any(state.excerpts) else [str(row) for row in range(len(theta))]
    return tuple(
        state.representatives[group[0]]
        if len(group) == 1 and group[0] < state.n_topics and np.array_equal(theta[:, column], state.theta[:, group[0]])
        else representative_rows(theta[:, [column]], texts)[0]
        for column, group in enumerate(groups)
    )


def distributions(rows: TopicVocab) -> TopicVocab:
    """Rows that sum to 1; uniform where nothing is left."""
    rows = np.where(rows.sum(axis=1, keepdims=True) > 0, rows, 1)
    return np.asarray(normalize(rows, norm="l1"), dtype=np.float32)


def _check_distinct(topics: Iterable[int], verb: str) -> None:
    counts: dict[int, int] = {}
    for topic in topics:
        counts[topic] = counts.get(topic, 0) + 1
    if repeated := [topic for topic, count in counts.items() if count > 1]:
        raise InputError(f"topic {repeated[0]} is named twice among the topics to {verb}; give each once")


def _topics(topics: Any, what: str, example: str) -> tuple[int, ...]:
    listed = _listed(topics, what, example)
    for topic in listed:
        check_whole("topic", topic, 0)
    return tuple(map(int, listed))


def _listed(values: Any, what: str, example: str) -> list[Any]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InputError(f"{what} are {values!r}; give a list, as {example}")
    return list(values)


def _shown(groups: tuple[tuple[int, ...], ...]) -> str:
    return str([list(group) for group in groups])
