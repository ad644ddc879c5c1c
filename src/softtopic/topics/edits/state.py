"""The state after edits: topics as groups of columns of theta, which holds for new documents, too."""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from sklearn.preprocessing import normalize

from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.topics.documents import representative_rows
from softtopic.topics.edits.parts import Splitter
from softtopic.types import DocHidden, DocTopic, TopicVocab


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


def new_numbers(edited: EditedState, numbers: tuple[int, ...], n: int) -> tuple[int, ...]:
    """Numbers of n new topics: the given ones, else those that count on; raises InputError where one is in use."""
    numbers = numbers or tuple(range(edited.next_id, edited.next_id + n))
    if len(set(numbers)) != n or len(numbers) != n or min(numbers) < 0 or set(numbers) & set(edited.state.topic_ids):
        raise InputError(f"numbers of {n} new topics are {list(numbers)}; give as many, none of them in use")
    return numbers


def regrouped(
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
