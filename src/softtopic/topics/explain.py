"""Which topics the sentences of a document support, and by which words."""

import re

import numpy as np
import pandas as pd

from softtopic.errors import InputError, check_whole
from softtopic.state import FittedState
from softtopic.topics.table import topic_names
from softtopic.types import DocTopic

# The end of a sentence: a mark of its end and blanks, or a line break; marks of scripts without blanks end it alone.
_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n+")

_N_WORDS = 5


def sentences(text: object) -> list[str]:
    """Sentences of a text, without blank ones.

    Raises
    ------
    InputError
        Unless the text is one non-blank string.

    Examples
    --------
    >>> sentences("It flew. It landed!")
    ['It flew.', 'It landed!']
    """
    if not isinstance(text, str):
        raise InputError(f"text is {type(text).__name__}; give one string")
    found = [part.strip() for part in _END.split(text) if part.strip()]
    if not found:
        raise InputError("text is empty; give a text with words")
    return found


def explain(state: FittedState, parts: list[str], theta: DocTopic, n_topics: int = 1) -> pd.DataFrame:
    """Topics of each sentence and the words that support them.

    Parameters
    ----------
    state : FittedState
    parts : list of str
        Sentences.
    theta : ndarray of shape (n_sentences, n_topics)
        Their topic mixtures.
    n_topics : int, default=1
        Number of topics of each sentence.

    Returns
    -------
    DataFrame
        Sentence, Topic, Name, Share and Words: up to five words of the sentence, by p(topic | word) under the model.
    """
    check_whole("n_topics", n_topics, 1)
    names = topic_names(state)
    joint = state.topic_word * state.theta.mean(axis=0)[:, None]
    posterior = joint / np.maximum(joint.sum(axis=0), 1e-12)
    counts = state.vocabulary.bag_of_words(parts)
    rows = []
    for row, sentence in enumerate(parts):
        words = counts[row].indices
        for column in np.argsort(-theta[row], kind="stable")[:n_topics]:
            best = words[np.argsort(-posterior[column, words], kind="stable")[:_N_WORDS]]
            best = best[posterior[column, best] > 1 / state.n_topics]
            rows.append({
                "Sentence": sentence,
                "Topic": state.topic_ids[column],
                "Name": names[column],
                "Share": float(theta[row, column]),
                "Words": [state.vocabulary.words[word] for word in best],
            })  # fmt: skip
    return pd.DataFrame(rows)
