"""Topics as people read them: words with weights, names, sizes, examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from softtopic.types import DocTopic, TopicVocab

# How words of a topic are ordered when shown; see `softtopic.topics.ranking`.
ORDERS = ("probability", "relevance")


def top_indices(topic_word: TopicVocab, k: int) -> Int[np.ndarray, "topics k"]:
    """Columns of the k largest entries of each topic, ties in vocabulary order."""
    return np.argsort(-topic_word, axis=1, kind="stable")[:, :k]


@dataclass(frozen=True)
class Topics:
    """Word distributions with their words."""

    topic_word: TopicVocab  # rows sum to 1
    words: Sequence[str]
    relevance: TopicVocab | None = None  # orders the words of a topic; None: their probability does

    def __len__(self) -> int:
        return len(self.topic_word)

    def top(self, topic: int, n: int = 10) -> list[tuple[str, float]]:
        """The first n words of a topic with their probabilities."""
        best = map(int, self._best(n)[topic])
        return [(self.words[i], float(self.topic_word[topic, i])) for i in best]

    def top_words(self, n: int = 10) -> list[list[str]]:
        """The first n words of every topic."""
        return [[self.words[int(i)] for i in row] for row in self._best(n)]

    def names(self) -> list[str]:
        """A name for each topic: its number and its first four words."""
        return ["_".join([str(topic), *words]) for topic, words in enumerate(self.top_words(4))]

    def _best(self, n: int) -> Int[np.ndarray, "topics n"]:
        return top_indices(self.topic_word if self.relevance is None else self.relevance, n)


def representative_documents(theta: DocTopic, texts: Sequence[str], n: int = 3) -> list[list[str]]:
    """For each topic the n distinct texts in which its share is largest; blank texts represent nothing."""
    found: list[list[str]] = []
    for topic in range(theta.shape[1]):
        chosen: dict[str, None] = {}
        for document in map(int, np.argsort(-theta[:, topic], kind="stable")):
            if len(chosen) == n:
                break
            if texts[document].strip():
                chosen.setdefault(texts[document])
        found.append(list(chosen))
    return found


def excerpt(text: str, length: int = 300) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: 2 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"
