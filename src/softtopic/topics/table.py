"""Tables of a fitted model: topics with their words, documents with their topics."""

import numpy as np
import pandas as pd

from softtopic.errors import InputError, check_whole
from softtopic.state import FittedState
from softtopic.topics.words import Topics


def topics_of(state: FittedState) -> Topics:
    """Word distributions of the topics with their words."""
    return Topics(state.topic_word, state.vocabulary.words, state.relevance)


def get_topic(state: FittedState, topic: int, n_words: int = 10) -> list[tuple[str, float]]:
    """The first words of one topic with their probabilities."""
    return topics_of(state).top(check_topic(state, topic), n_words)


def get_topics(state: FittedState, n_words: int = 10) -> dict[int, list[tuple[str, float]]]:
    """The first words of every topic with their probabilities."""
    topics = topics_of(state)
    return {topic: topics.top(topic, n_words) for topic in range(len(topics))}


def get_topic_info(state: FittedState) -> pd.DataFrame:
    """One row a topic, largest first: Topic, Count, Name, Representation, Representative_Docs."""
    topics = topics_of(state)
    frame = pd.DataFrame({
        "Topic": range(state.n_topics),
        "Count": np.bincount(state.topics, minlength=state.n_topics),
        "Name": topics.names(),
        "Representation": topics.top_words(10),
        "Representative_Docs": state.representative_docs,
    })  # fmt: skip
    return frame.sort_values("Count", ascending=False, kind="stable", ignore_index=True)


def get_document_info(state: FittedState) -> pd.DataFrame:
    """One row a training document, in order: Id, Document (its beginning), Topic, Name, Probability."""
    names = topics_of(state).names()
    return pd.DataFrame({
        "Id": state.ids,
        "Document": state.excerpts,
        "Topic": state.topics,
        "Name": [names[topic] for topic in state.topics],
        "Probability": state.theta.max(axis=1),
    })  # fmt: skip


def get_representative_docs(state: FittedState, topic: int) -> list[str]:
    """Excerpts of the documents with the largest share of a topic."""
    return state.representative_docs[check_topic(state, topic)]


def check_topic(state: FittedState, topic: int) -> int:
    """The number of a topic; raises InputError where there is no such topic."""
    check_whole("topic", topic, 0)
    if topic >= state.n_topics:
        raise InputError(f"topic {topic} does not exist; topics are 0 to {state.n_topics - 1}")
    return int(topic)
