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
    ids : sequence of int
        Numbers of the topics; 0, 1, … by default.
    given_names : sequence of str
        Names of the topics, "" where none was given; empty for none at all.
    """

    topic_word: TopicVocab
    words: Sequence[str]
    relevance: TopicVocab | None = None
    ids: Sequence[int] = ()
    given_names: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.topic_word)

    def top(self, row: int, n: int = 10) -> list[tuple[str, float]]:
        """The first n words of the topic in a row with the scores they are ranked by; over all words they sum to 1."""
        scores = self._order[row]
        if self.relevance is not None:
            scores = scores / (scores.sum(dtype=np.float64) or 1.0)
        return [(self.words[int(word)], float(scores[word])) for word in top_indices(scores[None], n)[0]]

    def top_words(self, n: int = 10) -> list[list[str]]:
        """The first n words of every topic."""
        return [[self.words[int(word)] for word in row] for row in top_indices(self._order, n)]

    def names(self) -> list[str]:
        """The name that was given to each topic, else its number and its first four words."""
        ids, given = self.ids or range(len(self)), self.given_names or [""] * len(self)
        return [
            name or "_".join([str(topic), *words])
            for topic, words, name in zip(ids, self.top_words(4), given, strict=True)
        ]

    @property
    def _order(self) -> TopicVocab:
        return self.topic_word if self.relevance is None else self.relevance
