"""New topics of documents that came after the fit: an edit, like a split, that holds for later documents too."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from softtopic.errors import InputError, check_whole
from softtopic.state import DocumentVectors, FittedState
from softtopic.topics.documents import known_vectors
from softtopic.topics.edits import ColumnMap, Edit, EditedState, narrowed, new_numbers, representatives_of
from softtopic.topics.ranking import distinctive
from softtopic.types import DocHidden, DocTopic, TopicVocab


@dataclass(frozen=True)
class NewTopic:
    """A topic that none of the others is.

    Parameters
    ----------
    words : tuple of str
        Its first words, of the vocabulary or not.
    probabilities : tuple of float
        Their probabilities; they are scaled to sum to 1.
    weights : tuple of float
        Weights of the vector of a document in the log odds of this topic against all topics there were.
    bias : float
    """

    words: tuple[str, ...]
    probabilities: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        if not self.words or len(set(self.words)) < len(self.words) or not all(word.strip() for word in self.words):
            raise InputError("words of a new topic are missing, blank or repeated; give distinct ones")
        if len(self.probabilities) != len(self.words) or min(self.probabilities) <= 0:
            raise InputError("words and probabilities of a new topic do not go together; give one above 0 for each")


@dataclass(frozen=True, eq=False)
class Adder:
    """Multinomial logistic regression of new topics, against all topics there were.

    Attributes
    ----------
    weights : ndarray of shape (n_new_topics, width)
    biases : ndarray of shape (n_new_topics,)
    """

    weights: Float[np.ndarray, "parts width"]
    biases: Float[np.ndarray, " parts"]

    def shares(self, vectors: DocHidden) -> Float[np.ndarray, "docs parts"]:
        """Probability of all topics there were, and of each new one."""
        known = narrowed(vectors.astype(np.float32), self.weights.shape[1])
        scores = np.einsum("dw,pw->dp", known, self.weights) + self.biases
        return softmax(np.hstack([np.zeros_like(scores[:, :1]), scores]), axis=1)

    def divide(self, columns: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Mixtures of the topics there were, scaled down, and the shares of the new ones."""
        return np.hstack([columns * shares[:, :1], shares[:, 1:]])


@final
@dataclass(frozen=True)
class Add(Edit):
    """Add topics of documents that came after the fit; made by `TopicModel.update`.

    Parameters
    ----------
    topics : tuple of NewTopic
    since : int, default=0
        Number of documents that were known before; they keep their mixtures.
    numbers : tuple of int, default=()
        Numbers of the new topics; () to count on.
    """

    topics: tuple[NewTopic, ...]
    since: int = 0
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.topics or len({len(topic.weights) for topic in self.topics}) != 1:
            raise InputError("there are no topics to add, or their weights differ in length; give one or more")
        check_whole("since", self.since, 0)

    def apply(self, edited: EditedState) -> EditedState:
        state, n_new = edited.state, len(self.topics)
        vectors = known_vectors(state).documents
        adder = self._adder(vectors.shape[1])
        groups = tuple((column,) for column in range(state.n_topics + n_new))
        step, numbers = ColumnMap(groups, None, adder), new_numbers(edited, self.numbers, n_new)
        theta = step.mixtures(state.theta, vectors)
        theta[: self.since] = np.pad(state.theta[: self.since], ((0, 0), (0, n_new)))
        blank = np.zeros((1, vectors.shape[1]), dtype=np.float32)
        grown = replace(
            state,
            theta=theta,
            mean_theta=step.mixtures(state.mean_theta[None], blank)[0],
            topic_ids=(*state.topic_ids, *numbers),
            names=(*state.names, *[""] * n_new),
            representatives=representatives_of(state, theta, groups),
            **_with_words(state, self.topics, theta[:, state.n_topics :]),
        )
        return EditedState(grown, (*edited.maps, step), max(edited.next_id, max(numbers) + 1))

    def _adder(self, width: int) -> Adder:
        weights = np.array([topic.weights for topic in self.topics], dtype=np.float32)
        if weights.shape[1] > width:
            raise InputError(f"weights of new topics have {weights.shape[1]} columns, not {width}")
        return Adder(weights, np.array([topic.bias for topic in self.topics], dtype=np.float32))


def _with_words(state: FittedState, topics: Sequence[NewTopic], shares: DocTopic) -> dict[str, Any]:
    """Parts of the state with the words of new topics; words of the others have no share in them."""
    words = list(dict.fromkeys([*state.vocabulary.words, *(word for topic in topics for word in topic.words)]))
    place = {word: column for column, word in enumerate(words)}
    n_more = len(words) - len(state.vocabulary)
    new = np.zeros((len(topics), len(words)), dtype=np.float32)
    for row, topic in zip(new, topics, strict=True):
        row[[place[word] for word in topic.words]] = np.array(topic.probabilities) / sum(topic.probabilities)
    topic_word = np.vstack([_padded(state.topic_word, n_more), new])
    relevance = None
    if state.relevance is not None:
        relevance = np.vstack([_padded(state.relevance, n_more), distinctive(topic_word)[state.n_topics :]])
    vectors = known_vectors(state)
    more = _vectors_of_words(vectors, new, shares)
    return {
        "vocabulary": replace(state.vocabulary, words=tuple(words)),
        "topic_word": topic_word,
        "relevance": relevance,
        "prior": None if state.prior is None else np.pad(state.prior, (0, n_more)),
        "vectors": replace(vectors, words=np.vstack([vectors.words, more])),
    }


def _vectors_of_words(vectors: DocumentVectors, new: TopicVocab, shares: DocTopic) -> Float[np.ndarray, "more width"]:
    """Vectors of words outside the vocabulary: the mean vectors of the new topics that use them."""
    means = shares.T @ vectors.documents.astype(np.float32) / np.maximum(shares.sum(axis=0), 1e-12)[:, None]
    use = new[:, len(vectors.words) :]
    return ((use / use.sum(axis=0)).T @ means).astype(np.float32)


def _padded(rows: TopicVocab, n_more: int) -> np.ndarray:
    return np.pad(rows, ((0, 0), (0, n_more)))
