"""Edits from what users write: lists of topics and words, names by topic."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from softtopic.errors import InputError, check_whole
from softtopic.graph.clustering import kmeans
from softtopic.state import FittedState
from softtopic.topics.documents import known_vectors
from softtopic.topics.edits.kinds import Drop, Edit, Exclude, Merge, Rename, Split
from softtopic.topics.edits.parts import as_tuples, classifier
from softtopic.topics.table import column_of

# Starts of k-means.
_N_INIT = 4


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


def _topics(topics: Any, what: str, example: str) -> tuple[int, ...]:
    listed = _listed(topics, what, example)
    for topic in listed:
        check_whole("topic", topic, 0)
    return tuple(map(int, listed))


def _listed(values: Any, what: str, example: str) -> list[Any]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InputError(f"{what} are {values!r}; give a list, as {example}")
    return list(values)
