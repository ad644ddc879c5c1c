"""Soft labels cut to the k most probable words of each document, and the way back to all words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from softtopic.errors import InputError
from softtopic.types import DocVocab

# The least mass all other words of a document have together: its logarithm must be a number.
_LEAST = 1e-7

# Documents rebuilt at a time.
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class SparseLabels:
    """The k most probable words of each document, and what all others have together."""

    words: Integer[np.ndarray, "docs kept"]  # places in the vocabulary, most probable first
    log_probs: Float[np.ndarray, "docs kept"]  # of these words, in nats
    rest: Float[np.ndarray, " docs"]  # probability of all other words together, in [0, 1]
    n_words: int

    @classmethod
    def of(cls, log_probs: DocVocab, k: int) -> "SparseLabels":
        """Cut rows normalised over the vocabulary; ties go to the word that comes first in it."""
        n_words = log_probs.shape[1]
        if not 1 <= k < n_words:
            raise InputError(f"top_k is {k} for {n_words} words; give at least 1 and fewer than there are words")
        order = np.argsort(-log_probs, axis=1, kind="stable")
        left = np.take_along_axis(log_probs, order[:, k:], axis=1)
        words = order[:, :k].astype(np.uint16 if n_words <= 1 << 16 else np.uint32)
        kept = np.take_along_axis(log_probs, order[:, :k], axis=1).astype(np.float16)
        return cls(words, kept, np.exp(left.astype(np.float32)).sum(axis=1), n_words)

    @classmethod
    def join(cls, parts: Sequence["SparseLabels"]) -> "SparseLabels":
        """Labels of several runs of documents over one vocabulary, in order."""
        columns = ([getattr(part, name) for part in parts] for name in ("words", "log_probs", "rest"))
        return cls(*map(np.concatenate, columns), parts[0].n_words)

    def dense(self) -> DocVocab:
        """Log probabilities of all words, float16.

        The mass that is left over goes to a document's other words in proportion to exp(mean log probability) of each
        word over all these documents, so that calibration leaves them equal: what was not kept says nothing.
        """
        usual = self._means()
        weights = np.exp(usual)
        total = weights.sum()
        found = np.empty((len(self.words), self.n_words), dtype=np.float16)
        for start in range(0, len(found), _ROWS):
            rows = slice(start, start + _ROWS)
            words = self.words[rows].astype(np.intp)
            others = np.maximum(total - weights[words].sum(axis=1), _LEAST * total)
            found[rows] = usual + np.log(self._left[rows] / others)[:, None]
            np.put_along_axis(found[rows], words, self.log_probs[rows], axis=1)
        return found

    @property
    def _left(self) -> Float[np.ndarray, " docs"]:
        return np.maximum(self.rest.astype(np.float64), _LEAST)

    def _means(self) -> Float[np.ndarray, " vocab"]:
        """Mean log probability of each word where what is left over is shared evenly."""
        even = np.log(self._left / (self.n_words - self.words.shape[1]))
        above = self.log_probs.astype(np.float64) - even[:, None]
        sums = np.bincount(self.words.ravel(), weights=above.ravel(), minlength=self.n_words)
        return (sums + even.sum()) / len(self.words)
