"""Other words for the same topics: phrases, another tokenisation, another vectorizer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from sklearn.preprocessing import normalize

from softtopic.data.language_names import AUTO
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.topics.assignments import class_tf_idf
from softtopic.topics.documents import training_texts
from softtopic.topics.edits import Edit, EditedState
from softtopic.topics.words import top_indices
from softtopic.types import DocTopic, TopicVocab

# Words that each topic keeps of the new vocabulary, and digits of their probabilities: an edit is stored as text.
_N_KEPT = 50
_DIGITS = 4


@final
@dataclass(frozen=True)
class Reword(Edit):
    """Describe all topics by other words; mixtures stay as they are. Made by `reword`.

    Parameters
    ----------
    words : tuple of str
    probabilities : tuple of tuple of float
        Probabilities of the words, a row for each topic.
    """

    words: tuple[str, ...]
    probabilities: tuple[tuple[float, ...], ...]

    def apply(self, edited: EditedState) -> EditedState:
        state = edited.state
        if len(self.probabilities) != state.n_topics or {*map(len, self.probabilities)} != {len(self.words)}:
            raise InputError(f"probabilities of {len(self.probabilities)} topics; expected {state.n_topics} rows")
        topic_word = np.asarray(normalize(np.array(self.probabilities, dtype=np.float32), norm="l1"))
        vectors = state.vectors
        if vectors is not None:
            # Of a word only its topics are known: it has the mean vector of their documents.
            masses = np.maximum(state.theta.sum(axis=0), np.finfo(np.float32).tiny)
            centers = state.theta.T @ vectors.documents.astype(np.float32) / masses[:, None]
            shares = normalize((topic_word * masses[:, None]).T, norm="l1")
            vectors = replace(vectors, words=np.asarray(shares @ centers, dtype=np.float32))
        vocabulary = replace(state.vocabulary, words=self.words)
        scores = _scores(topic_word, state.theta)
        described = replace(
            state, vocabulary=vocabulary, topic_word=topic_word, relevance=scores, prior=None, vectors=vectors
        )
        return replace(edited, state=described)


def reword(state: FittedState, texts: Sequence[str], vocabulary: Any, language: str | Sequence[str] = AUTO) -> Reword:
    """Words of another vocabulary for all topics, by class-based tf-idf of the training documents [1]_.

    Parameters
    ----------
    state : FittedState
    texts : sequence of str
        The training documents in their order. A document counts for its topics by its mixture.
    vocabulary : int, sequence of str, Vocabulary or CountVectorizer
        As the parameter of `TopicModel`.
    language : str or sequence of str, default="auto"
        Languages whose stop words are left out if `vocabulary` is a number; "auto": those of the state.

    Raises
    ------
    InputError
        If these are not the training documents in their order, or none holds a word of the vocabulary.

    References
    ----------
    .. [1] Grootendorst (2022), "BERTopic: Neural topic modeling with a class-based TF-IDF procedure".
    """
    texts = training_texts(state, texts)
    found = Vocabulary.build(vocabulary, texts, state.languages_of(language), state.recipe.vocabulary)
    counts = np.asarray((found.bag_of_words(texts).T @ state.theta.astype(np.float64)).T)
    if not counts.any():
        raise InputError("the texts hold no word of the vocabulary; give the training documents, or other words")
    topic_word = np.asarray(normalize(np.where(counts.any(axis=1, keepdims=True), counts, 1), norm="l1"))
    first = top_indices(_scores(topic_word, state.theta), _N_KEPT)
    kept = np.unique(first)
    rows = [[float(f"{value:.{_DIGITS}g}") for value in row[kept]] for row in topic_word]
    return Reword(tuple(found.words[word] for word in kept), tuple(map(tuple, rows)))


def _scores(topic_word: TopicVocab, theta: DocTopic) -> TopicVocab:
    """Class-based tf-idf from probabilities of words and the topics' shares of the documents, float32."""
    frequency = (normalize(theta.sum(axis=0)[None], norm="l1") @ topic_word)[0]
    return np.asarray(class_tf_idf(topic_word, frequency, 1 / len(topic_word)), dtype=np.float32)
