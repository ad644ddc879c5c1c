"""Topics as ranked words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from softtopic.types import TopicVocab


def top_indices(weights: TopicVocab, k: int) -> Int[np.ndarray, "topics k"]:
    """Columns of the k largest entries of each row, ties in column order.

    Examples
    --------
    >>> top_indices(np.array([[0.2, 0.5, 0.3]]), 2)
    array([[1, 2]])
    """
    k = min(k, weights.shape[1])
    if not 0 < k < weights.shape[1]:
        return np.argsort(-weights, axis=1, kind="stable")[:, :k]
    # Entries that tie with the k-th are all candidates, so that ties are broken by column and not by the partition.
    rows = np.empty((len(weights), k), dtype=np.int64)
    edges = np.partition(weights, -k, axis=1)[:, -k]
    for row, (values, edge) in enumerate(zip(weights, edges, strict=True)):
        candidates = np.flatnonzero(values >= edge)
        rows[row] = candidates[np.argsort(-values[candidates], kind="stable")[:k]]
    return rows


@dataclass(frozen=True)
class Topics:
    """Word distributions of topics, with the words they are over.

    Attributes
    ----------
    topic_word : ndarray of shape (n_topics, n_words)
        Rows sum to 1.
    words : sequence of str
    relevance : ndarray of shape (n_topics, n_words) or None
        Order of the words of a topic; None for their probability.
    """

    topic_word: TopicVocab
    words: Sequence[str]
    relevance: TopicVocab | None = None

    def __len__(self) -> int:
        return len(self.topic_word)

    def top(self, topic: int, n: int = 10) -> list[tuple[str, float]]:
        """The first n words of a topic with their probabilities."""
        best = top_indices(self._order[topic : topic + 1], n)[0]
        return [(self.words[int(word)], float(self.topic_word[topic, word])) for word in best]

    def top_words(self, n: int = 10) -> list[list[str]]:
        """The first n words of every topic."""
        return [[self.words[int(word)] for word in row] for row in top_indices(self._order, n)]

    def names(self) -> list[str]:
        """A name for each topic: its number and its first four words."""
        return ["_".join([str(topic), *words]) for topic, words in enumerate(self.top_words(4))]

    @property
    def _order(self) -> TopicVocab:
        return self.topic_word if self.relevance is None else self.relevance
