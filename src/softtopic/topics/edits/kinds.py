"""The kinds of edits: values that hold all they need, and say what they change."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import final

import numpy as np

from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.topics.documents import known_vectors
from softtopic.topics.edits.parts import Splitter
from softtopic.topics.edits.state import EditedState, distributions, new_numbers, regrouped
from softtopic.topics.table import column_of, topic_names


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
        return regrouped(edited, tuple(groups.values()))


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
        return regrouped(edited, tuple((column,) for column in kept), fallback=fallback)


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
        return regrouped(
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


def _check_distinct(topics: Iterable[int], verb: str) -> None:
    counts: dict[int, int] = {}
    for topic in topics:
        counts[topic] = counts.get(topic, 0) + 1
    if repeated := [topic for topic, count in counts.items() if count > 1]:
        raise InputError(f"topic {repeated[0]} is named twice among the topics to {verb}; give each once")


def _shown(groups: tuple[tuple[int, ...], ...]) -> str:
    return str([list(group) for group in groups])
