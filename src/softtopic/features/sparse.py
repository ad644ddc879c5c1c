"""Soft labels cut to k words of each document, and the way back to all words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer

from softtopic.errors import InputError
from softtopic.types import DocVocab

# The least mass all other words of a document have together: its logarithm must be a number.
_LEAST = 1e-7

# Mean log probability of every word over documents that stand for all.
WordMeans = Float[np.ndarray, " vocab"]

# Documents rebuilt at a time.
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class SparseLabels:
    """k words of each document with their log probabilities, and what is known of all others.

    Half of the k are the most probable words. The other half are those that stand out most, by log probability less
    its mean: calibration takes that mean off, and of the most probable words alone too few would be left of what it
    brings out.
    """

    words: Integer[np.ndarray, "docs kept"]  # places in the vocabulary, most probable first
    log_probs: Float[np.ndarray, "docs kept"]  # of these words, in nats
    rest: Float[np.ndarray, " docs"]  # probability of all other words together, in [0, 1]
    means: WordMeans

    @classmethod
    def of(cls, log_probs: DocVocab, k: int, means: WordMeans) -> "SparseLabels":
        """Cut rows normalised over the vocabulary; ties go to the word that comes first in it."""
        n_words = log_probs.shape[1]
        if not 1 <= k < n_words:
            raise InputError(f"top_k is {k} for {n_words} words; give at least 1 and fewer than there are words")
        scores = log_probs.astype(np.float32)
        words = _chosen(scores, means, k)
        kept = np.take_along_axis(scores, words, axis=1)
        np.put_along_axis(scores, words, -np.inf, axis=1)
        kind = np.uint16 if n_words <= 1 << 16 else np.uint32
        return cls(words.astype(kind), kept.astype(np.float16), np.exp(scores).sum(axis=1), means)

    @classmethod
    def join(cls, parts: Sequence["SparseLabels"]) -> "SparseLabels":
        """Labels of several runs of documents with the same means, in order."""
        return cls(
            np.concatenate([part.words for part in parts]),
            np.concatenate([part.log_probs for part in parts]),
            np.concatenate([part.rest for part in parts]),
            parts[0].means,
        )

    def dense(self) -> DocVocab:
        """Log probabilities of all words, float16.

        What is left over goes to a document's other words in the shares these words have on average (by their
        geometric means), so that calibration leaves them nearly equal: a word that was not kept says nothing.
        """
        usual = self.means.astype(np.float64)
        weights = np.exp(usual)
        found = np.empty((len(self.words), len(self.means)), dtype=np.float16)
        for start in range(0, len(found), _ROWS):
            rows = slice(start, start + _ROWS)
            words = self.words[rows].astype(np.intp)
            others = np.maximum(weights.sum() - weights[words].sum(axis=1), _LEAST * weights.sum())
            found[rows] = usual + np.log(np.maximum(self.rest[rows], _LEAST) / others)[:, None]
            np.put_along_axis(found[rows], words, self.log_probs[rows], axis=1)
        return found


def _chosen(scores: Float[np.ndarray, "docs vocab"], means: WordMeans, k: int) -> Int[np.ndarray, "docs k"]:
    """Places of the words to keep, most probable first."""
    likely = np.argsort(-scores, axis=1, kind="stable")
    above = scores - means
    np.put_along_axis(above, likely[:, : -(-k // 2)], np.inf, axis=1)
    kept = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(kept, np.argsort(-above, axis=1, kind="stable")[:, :k], True, axis=1)
    return likely[np.take_along_axis(kept, likely, axis=1)].reshape(len(scores), k)
