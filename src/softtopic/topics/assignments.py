"""Documents with their topics, and the shares of topics in parts of them: what trends and groups are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from scipy.stats import beta

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.topics.words import top_indices
from softtopic.types import DocInt, DocTopic, TopicVocab

# Coverage of all intervals.
LEVEL = 0.95

# Words of the prior of `log_odds`: as many as this, distributed as in all documents.
_PRIOR_WORDS = 100.0

# Keeps the prior of words that are in no document above 0.
_EPSILON = 1e-3

_MIN_PROBABILITY = 1e-12

# Words with a smaller z-score are not called characteristic: one-sided test at 5 %.
_MIN_Z = 1.645

PartTopic = Int[np.ndarray, "parts topics"]
PartTopicShare = Float[np.ndarray, "parts topics"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Assignments:
    """Documents, old or new, with their topics.

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures; rows sum to 1.
    names : sequence of str
        Name of each topic.
    vocabulary : Vocabulary
    texts : sequence of str, default=()
        Texts or beginnings of the documents; without them no words are listed.
    times : sequence of str or None, default=None
        Times of the documents, where they are known.
    topic_ids : sequence of int or None, default=None
        Number of the topic in each column of theta; None: 0, 1, …
    blank : ndarray of int, default=()
        Rows of blank documents, which count for no topic.

    Raises
    ------
    InputError
        If there is not one text for each document.
    """

    theta: DocTopic
    names: Sequence[str]
    vocabulary: Vocabulary
    texts: Sequence[str] = field(default=(), repr=False)
    times: Sequence[str] | None = field(default=None, repr=False)
    topic_ids: Sequence[int] | None = None
    blank: Int[np.ndarray, " blank"] = field(default_factory=lambda: np.empty(0, dtype=np.int64), repr=False)

    def __post_init__(self) -> None:
        if np.ndim(self.theta) != 2 or np.shape(self.theta)[1] != len(self.names):
            raise InputError(
                f"theta has shape {np.shape(self.theta)}; expected a column for each of {len(self.names)} topics"
            )
        if not np.isfinite(self.theta).all():
            raise InputError("theta has values that are not finite; give mixtures as transform returns them")
        if len(self.texts) not in (0, len(self.theta)):
            raise InputError(f"{len(self.texts)} docs for {len(self.theta)} documents; give one text for each")

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def ids(self) -> list[int]:
        """Numbers of the topics."""
        return list(range(len(self.names)) if self.topic_ids is None else self.topic_ids)

    @cached_property
    def columns(self) -> DocInt:
        """Column of the topic with the largest share of each document."""
        return np.asarray(self.theta).argmax(axis=1)

    @cached_property
    def word_counts(self) -> csr_matrix | None:
        """Word counts of the documents; None where their texts are not known."""
        return self.vocabulary.bag_of_words(self.texts) if any(self.texts) else None

    def counts(self, parts: DocInt, n_parts: int) -> PartTopic:
        """Number of documents of each topic in each part; documents with part -1 are in none."""
        counts = np.zeros((n_parts, len(self.names)), dtype=np.int64)
        kept = parts >= 0
        kept[self.blank] = False
        np.add.at(counts, (parts[kept], self.columns[kept]), 1)
        return counts

    def topic_words(self, part: DocInt | None = None) -> Float[np.ndarray, "topics vocab"] | None:
        """Word counts of each topic over documents `part`, all by default; None without texts."""
        if self.word_counts is None:
            return None
        rows = np.arange(len(self)) if part is None else part
        membership = csr_matrix(
            (np.ones(len(rows)), (self.columns[rows], np.arange(len(rows)))), shape=(len(self.names), len(rows))
        )
        return (membership @ self.word_counts[rows]).toarray()


def share_intervals(counts: PartTopic, totals: Int[np.ndarray, "parts 1"]) -> tuple[PartTopicShare, PartTopicShare]:
    """95 % intervals of shares counts / totals: Jeffreys' interval of a binomial proportion.

    A bootstrap of a proportion gives intervals of width 0 where no document, or every document, has the topic.

    Returns
    -------
    low, high : ndarray of shape (n_parts, n_topics)
        In [0, 1]; 0 and 1 where there are no documents.

    References
    ----------
    Brown, Cai & DasGupta (2001). Interval estimation for a binomial proportion. Statistical Science 16.
    """
    successes, failures = counts + 0.5, totals - counts + 0.5
    low = np.where(counts > 0, beta.ppf((1 - LEVEL) / 2, successes, failures), 0.0)
    high = np.where(counts < totals, beta.ppf((1 + LEVEL) / 2, successes, failures), 1.0)
    return low, high


def class_tf_idf(counts: TopicVocab, document_counts: Float[np.ndarray, " vocab"], mean_length: float) -> TopicVocab:
    """Class-based tf-idf: frequency of a word in a class, times log(1 + mean_length / frequency in all classes).

    Counts, or shares of a whole.

    Parameters
    ----------
    counts : ndarray of shape (n_classes, n_words)
    document_counts : ndarray of shape (n_words,)
        Word counts over all documents.
    mean_length : float
        Mean number of words in a class.

    References
    ----------
    Grootendorst (2022). BERTopic: Neural topic modeling with a class-based TF-IDF procedure.
    """
    frequency = counts / np.maximum(counts.sum(axis=1, keepdims=True), _MIN_PROBABILITY)
    return frequency * np.log1p(mean_length / np.maximum(document_counts, _MIN_PROBABILITY))


def log_odds(counts: TopicVocab, others: TopicVocab) -> TopicVocab:
    """z-scores of log odds ratios between two sets of word counts, with an informative Dirichlet prior.

    Parameters
    ----------
    counts, others : ndarray of shape (n_topics, n_words)
        Word counts of the documents in question and of those they are compared with.

    Returns
    -------
    ndarray of shape (n_topics, n_words)
        Positive where a word is more frequent in `counts`.

    References
    ----------
    Monroe, Colaresi & Quinn (2008). Fightin' words. Political Analysis 16.
    """
    both = counts + others
    prior = _PRIOR_WORDS * (both + _EPSILON) / (both + _EPSILON).sum(axis=1, keepdims=True)

    def log_odds_of(part: TopicVocab) -> TopicVocab:
        total = part.sum(axis=1, keepdims=True) + _PRIOR_WORDS
        return np.log((part + prior) / (total - part - prior))

    return (log_odds_of(counts) - log_odds_of(others)) / np.sqrt(1 / (counts + prior) + 1 / (others + prior))


def characteristic_words(z_scores: TopicVocab, words: Sequence[str], n_words: int) -> list[list[str]]:
    """Words with the largest z-scores of each topic, those that are significant at 5 %."""
    return [
        [words[int(word)] for word in row if z_scores[topic, word] >= _MIN_Z]
        for topic, row in enumerate(top_indices(z_scores, n_words))
    ]


def frequent_words(weights: TopicVocab, words: Sequence[str], n_words: int) -> list[list[str]]:
    """Words with the largest positive weights of each topic."""
    return [
        [words[int(word)] for word in row if weights[topic, word] > 0]
        for topic, row in enumerate(top_indices(weights, n_words))
    ]
