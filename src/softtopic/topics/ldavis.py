"""What pyLDAvis shows of a topic model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.topics.documents import training_texts


def ldavis_data(state: FittedState, texts: Sequence[str] | None = None) -> dict[str, Any]:
    """Arguments of `pyLDAvis.prepare`.

    Words that stand in none of the texts are left out, and so are documents without any word of the vocabulary:
    pyLDAvis takes neither.

    Parameters
    ----------
    state : FittedState
    texts : sequence of str or None, default=None
        The training documents in their order; None: their beginnings, which the model holds.

    Returns
    -------
    dict
        topic_term_dists of shape (n_topics, n_words) and doc_topic_dists of shape (n_documents, n_topics), float64,
        whose rows sum to 1; doc_lengths, vocab and term_frequency.

    Raises
    ------
    InputError
        If these are not the training documents in their order, or none holds a word of the vocabulary.
    """
    counts = state.vocabulary.bag_of_words(training_texts(state, texts))
    lengths, frequency = (np.asarray(counts.sum(axis=axis)).ravel() for axis in (1, 0))
    documents, words = np.flatnonzero(lengths), np.flatnonzero(frequency)
    if not len(documents):
        raise InputError("the texts hold no word of the vocabulary; give the training documents")
    return {
        "topic_term_dists": _normalized(state.topic_word[:, words]),
        "doc_topic_dists": _normalized(state.theta[documents]),
        "doc_lengths": lengths[documents],
        "vocab": [state.vocabulary.words[word] for word in words],
        "term_frequency": frequency[words],
    }


def prepare_ldavis(state: FittedState, texts: Sequence[str] | None = None) -> Any:
    """`pyLDAvis.PreparedData` with the topics in the order of their numbers; raises InputError without that package."""
    data = ldavis_data(state, texts)
    try:
        import pyLDAvis  # type: ignore[import-not-found]
    except ImportError:
        raise InputError("pyLDAvis is not installed; pip install pyLDAvis, or leave out prepare=True") from None
    return pyLDAvis.prepare(**data, sort_topics=False, start_index=0)


def _normalized(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    # A topic all of whose words are left out has no distribution of its own.
    rows[rows.sum(axis=1) == 0] = 1
    return rows / rows.sum(axis=1, keepdims=True)
