"""Tables of topics: words, names, numbers of documents."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from softtopic.errors import InputError, check_whole
from softtopic.state import FittedState
from softtopic.topics.words import Topics


def topics_of(state: FittedState) -> Topics:
    """Word distributions of the topics with their words."""
    return Topics(state.topic_word, state.vocabulary.words, state.relevance, state.topic_ids, state.names)


def topic_names(state: FittedState) -> list[str]:
    """Name of each topic, in the order of the columns."""
    return topics_of(state).names()


def topic_labels(
    state: FittedState, n_words: int = 3, *, prefix: bool = True, word_length: int | None = None, separator: str = "_"
) -> list[str]:
    """A label of each topic from its first words, in the order of the columns.

    Parameters
    ----------
    state : FittedState
    n_words : int, default=3
        Number of words.
    prefix : bool, default=True
        Whether labels begin with the number of the topic.
    word_length : int or None, default=None
        Longer words are cut to so many characters; None: none is.
    separator : str, default="_"
        Between the parts of a label.
    """
    check_whole("n_words", n_words, 1)
    if word_length is not None:
        check_whole("word_length", word_length, 1)
    return [
        separator.join([*([str(topic)] if prefix else []), *(word[:word_length] for word in words)])
        for topic, words in zip(state.topic_ids, topics_of(state).top_words(n_words), strict=True)
    ]


def names_by_topic(state: FittedState, names: Any) -> Mapping[int, str]:
    """Names of some topics by number, or of all by a list in the order of the columns, as a mapping."""
    if isinstance(names, Mapping):
        return names
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InputError(f"names are {names!r}; give a list, or names by topic, as {{3: 'space'}}")
    listed = list(names)
    if len(listed) != state.n_topics:
        raise InputError(f"{len(listed)} names for {state.n_topics} topics; give one for each, or {{3: 'space'}}")
    return dict(zip(state.topic_ids, listed, strict=True))


def get_topic(state: FittedState, topic: int, n_words: int = 10) -> list[tuple[str, float]]:
    """The first words of one topic with their scores, largest first."""
    return topics_of(state).top(column_of(state, topic), n_words)


def get_topics(state: FittedState, n_words: int = 10) -> dict[int, list[tuple[str, float]]]:
    """The first words of every topic with their scores, largest first."""
    topics = topics_of(state)
    return {topic: topics.top(column, n_words) for column, topic in enumerate(state.topic_ids)}


def get_topic_info(state: FittedState, topic: int | None = None) -> pd.DataFrame:
    """One row a topic, largest first: Topic, Count, Name, Representation, Representative_Docs; or the row of one."""
    frame = pd.DataFrame({
        "Topic": state.topic_ids,
        "Count": state.counts,
        "Name": topic_names(state),
        "Representation": topics_of(state).top_words(10),
        "Representative_Docs": state.representative_docs,
    })  # fmt: skip
    if topic is not None:
        return frame.iloc[[column_of(state, topic)]].reset_index(drop=True)
    return frame.sort_values("Count", ascending=False, kind="stable", ignore_index=True)


def get_topic_freq(state: FittedState, topic: int | None = None) -> pd.DataFrame | int:
    """Topic and Count, largest first; the count alone of one topic."""
    if topic is not None:
        return int(state.counts[column_of(state, topic)])
    return pd.DataFrame(get_topic_info(state)[["Topic", "Count"]])


def size_table(state: FittedState, counts: Int[np.ndarray, " topics"]) -> pd.DataFrame:
    """Topic, Count and Name for counts of other documents than those of the model, largest first."""
    frame = pd.DataFrame({"Topic": state.topic_ids, "Count": counts, "Name": topic_names(state)})
    return frame.sort_values("Count", ascending=False, kind="stable", ignore_index=True)


def get_representative_docs(state: FittedState, topic: int | None = None) -> list[str] | dict[int, list[str]]:
    """Excerpts of the documents with the largest share of a topic; of all topics, by number, where none is named."""
    if topic is None:
        return dict(zip(state.topic_ids, state.representative_docs, strict=True))
    return state.representative_docs[column_of(state, topic)]


def column_of(state: FittedState, topic: int) -> int:
    """Column of a topic; raises InputError where there is no such topic."""
    check_whole("topic", topic, 0)
    if topic not in state.topic_ids:
        raise InputError(f"topic {topic} does not exist; topics are {_ranges(state.topic_ids)}")
    return state.topic_ids.index(topic)


def _ranges(ids: tuple[int, ...]) -> str:
    """Numbers in short, as "0 to 5, 7"."""
    starts = [place for place, number in enumerate(ids) if not place or number != ids[place - 1] + 1]
    runs = [ids[start:stop] for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True)]
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return ", ".join(shown[:8]) + (", …" if len(shown) > 8 else "")
