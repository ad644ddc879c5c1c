"""Which words tell people what a topic is about: those it is made of, that are alike and that no other topic shows."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

from softtopic.types import DocHidden, TopicVocab

# How much nearness of meaning counts: a word at cosine .1 more is worth a word exp(.8) = 2.2 times as probable.
NEARNESS = 8.0
# A topic means what its first words mean.
_FIRST = 10

_LEAST = 1e-12
_ROWS = 4096

WordVectors = Float[np.ndarray, "vocab _"]


def relevance(topic_word: TopicVocab, own: TopicVocab | None, views: Sequence[WordVectors]) -> TopicVocab:
    """An order of the words of each topic, the largest first; rows need not sum to 1.

    With p(w | topic) as the model has it and as the topic's own documents do, s = √(p_model · p_own) · exp(8 cos(w,
    topic)), rows brought to 1; a word counts as s times the topic's share in the s of all topics. So a word that many
    topics show is shown by none of them first, and one that is merely probable gives way to one that fits the others.

    Args:
        topic_word: of the model, rows sum to 1.
        own: counts or weights of the words in the documents of each topic; None: not known.
        views: vectors of the words, [vocab, width] each, whose cosines are averaged; without any, nearness is left out.

    """
    said = topic_word if own is None else np.sqrt(topic_word * np.asarray(normalize(own, norm="l1")))
    if views:
        first = _distinct(said)
        said = said * np.exp(NEARNESS * np.mean([_cosines(first, vectors) for vectors in views], axis=0))
    # What no document of the topic says comes after what one does, the likelier first.
    return (_distinct(said) + _LEAST * topic_word).astype(np.float32)


def _distinct(said: TopicVocab) -> TopicVocab:
    """Rows of sum 1, each entry times its share in its column."""
    said = np.asarray(normalize(said, norm="l1"))
    return said * said / np.maximum(said.sum(axis=0), _LEAST)


def profiles(labels: Float[np.ndarray, "docs vocab"] | csr_matrix, vectors: DocHidden) -> WordVectors:
    """A vector for each word: the mean of the documents' own, each counting by how much it is about the word."""
    total = np.zeros((labels.shape[1], vectors.shape[1]), dtype=np.float32)  # type: ignore[index]
    mass = np.zeros((len(total), 1), dtype=np.float32)
    # A part at a time: as float32 the labels of a large corpus are larger than all else.
    for rows in np.split(np.arange(len(vectors)), range(_ROWS, len(vectors), _ROWS)):
        part = labels[rows].astype(np.float32)
        total += part.T @ np.asarray(normalize(vectors[rows]))
        mass += np.asarray(part.sum(axis=0), dtype=np.float32).reshape(-1, 1)
    return total / np.where(mass > 0, mass, 1)


def _cosines(weights: TopicVocab, vectors: WordVectors) -> TopicVocab:
    """Of each word's vector to the mean of those of the topic's first words."""
    vectors = np.asarray(normalize(vectors))
    first = np.argsort(-weights, axis=1, kind="stable")[:, :_FIRST]
    share = np.take_along_axis(weights, first, axis=1)
    centres = np.einsum("kn,knw->kw", share, vectors[first])
    return np.asarray(normalize(centres)) @ vectors.T
