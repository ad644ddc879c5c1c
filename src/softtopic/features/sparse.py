"""Soft labels truncated to k words of each document, and their reconstruction for all words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer

from softtopic.errors import InputError
from softtopic.types import DocVocab

# Lower bound of the probability of all other words together: its logarithm must be finite.
_MIN_REST = 1e-7

# Mean log probability of every word over documents.
WordMeans = Float[np.ndarray, " vocab"]

# Documents reconstructed at a time.
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class SparseLabels:
    """k words of each document with their log probabilities, and the probability of all others.

    Half of the k are the most probable words. The other half have the largest difference between log probability and
    its mean over documents: calibration subtracts that mean, and of the words it then favours too few are among the
    most probable.

    Parameters
    ----------
    words : ndarray of uint16 or uint32 of shape (n_documents, k)
        Positions in the vocabulary, most probable first.
    log_probs : ndarray of shape (n_documents, k)
        Log probabilities of these words, in nats.
    rest : ndarray of shape (n_documents,)
        Probability of all other words together, in [0, 1].
    means : ndarray of shape (n_words,)
        Mean log probability of every word over documents.
    """

    words: Integer[np.ndarray, "docs kept"]
    log_probs: Float[np.ndarray, "docs kept"]
    rest: Float[np.ndarray, " docs"]
    means: WordMeans

    @classmethod
    def from_dense(cls, log_probs: DocVocab, k: int, means: WordMeans) -> "SparseLabels":
        """Truncate log probabilities that are normalised over the vocabulary; ties go to the word that comes first."""
        n_words = log_probs.shape[1]
        if not 1 <= k < n_words:
            raise InputError(f"top_k is {k} for {n_words} words; give at least 1 and fewer than there are words")
        scores = log_probs.astype(np.float32)
        words = _select_words(scores, means, k)
        kept = np.take_along_axis(scores, words, axis=1)
        np.put_along_axis(scores, words, -np.inf, axis=1)
        kind = np.uint16 if n_words <= 1 << 16 else np.uint32
        return cls(words.astype(kind), kept.astype(np.float16), np.exp(scores).sum(axis=1), means)

    @classmethod
    def concatenate(cls, parts: Sequence["SparseLabels"]) -> "SparseLabels":
        """Labels of consecutive documents, truncated with the same means."""
        return cls(
            np.concatenate([part.words for part in parts]),
            np.concatenate([part.log_probs for part in parts]),
            np.concatenate([part.rest for part in parts]),
            parts[0].means,
        )

    def to_dense(self) -> DocVocab:
        """Log probabilities of all words, float16.

        The remaining probability of a document is divided among its other words in proportion to the geometric means
        of their probabilities, so that calibration leaves them nearly equal: a word that was left out says nothing.
        """
        means = self.means.astype(np.float64)
        weights = np.exp(means)
        dense = np.empty((len(self.words), len(self.means)), dtype=np.float16)
        for start in range(0, len(dense), _BLOCK):
            rows = slice(start, start + _BLOCK)
            words = self.words[rows].astype(np.intp)
            others = np.maximum(weights.sum() - weights[words].sum(axis=1), _MIN_REST * weights.sum())
            dense[rows] = means + np.log(np.maximum(self.rest[rows], _MIN_REST) / others)[:, None]
            np.put_along_axis(dense[rows], words, self.log_probs[rows], axis=1)
        return dense


def _select_words(scores: Float[np.ndarray, "docs vocab"], means: WordMeans, k: int) -> Int[np.ndarray, "docs k"]:
    """Positions of the words to keep, most probable first."""
    by_probability = np.argsort(-scores, axis=1, kind="stable")
    distinctiveness = scores - means
    np.put_along_axis(distinctiveness, by_probability[:, : -(-k // 2)], np.inf, axis=1)
    kept = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(kept, np.argsort(-distinctiveness, axis=1, kind="stable")[:, :k], True, axis=1)
    return by_probability[np.take_along_axis(kept, by_probability, axis=1)].reshape(len(scores), k)
