"""Co-occurrence of words in the sliding windows of a reference corpus.

The windows that hold a word are runs of consecutive windows. Between two neighbouring ends of runs the words present do
not change, so all windows in between are counted at once, and none is visited.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from softtopic.errors import InputError
from softtopic.metrics.reference import Reference

# Ends of runs that are counted together; bounds the memory.
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Counts:
    """Co-occurrence counts.

    Attributes
    ----------
    joint : ndarray of shape (n_words, n_words)
        Windows that hold both words of a pair; on the diagonal, windows that hold the word.
    n_windows : int
        All windows.
    """

    joint: Int[np.ndarray, "words words"]
    n_windows: int


@dataclass(frozen=True, eq=False)
class Windows:
    """All sliding windows of a reference, numbered through all documents. Build them with `Windows.over`.

    Each lies inside one document; a document shorter than the window is one window.

    Attributes
    ----------
    reference : Reference
        The corpus.
    size : int
        Words of a window.
    first : ndarray of shape (n_documents + 1,)
        Number of each document's first window, and in the end the number of windows.
    """

    reference: Reference
    size: int
    first: Int[np.ndarray, " edges"]

    @classmethod
    def over(cls, reference: Reference, size: int | None) -> "Windows":
        """Windows of `size` words; None: every document is one window. Raises InputError for a size below 1."""
        lengths = np.diff(reference.documents)
        if size is None:
            size = int(lengths.max())
        if size < 1:
            raise InputError(f"the window is {size} words; give at least 1, or None for whole documents")
        return cls(reference, size, np.concatenate([[0], np.cumsum(np.maximum(lengths - size, 0) + 1)]))

    def __len__(self) -> int:
        return int(self.first[-1])

    def runs(self, word: str) -> tuple[Int[np.ndarray, " runs"], Int[np.ndarray, " runs"]]:
        """Disjoint runs of windows that hold a word: numbers of the first window, and of the one after the last."""
        begins = self.reference.occurrences(word)
        if not len(begins):
            return begins, begins
        document = self.reference.document_of(begins)
        place = begins - self.reference.documents[document]
        start = self.first[document] + np.maximum(place - self.size + 1, 0)
        end = np.minimum(self.first[document] + place + 1, self.first[document + 1])
        apart = start[1:] > end[:-1]
        return start[np.append(True, apart)], end[np.append(apart, True)]

    def count(self, words: Sequence[str]) -> Counts:
        """Number of windows that hold each word and each pair of words."""
        runs = [self.runs(word) for word in words]
        edges = np.concatenate([np.concatenate(run) for run in runs])
        column = np.repeat(np.arange(len(words)), [2 * len(start) for start, _ in runs])
        change = np.concatenate([np.repeat([1.0, -1.0], len(start)) for start, _ in runs])
        order = np.argsort(edges, kind="stable")
        lengths = np.diff(edges[order], append=edges.max(initial=0))
        present, joint = np.zeros(len(words)), np.zeros((len(words), len(words)))
        for begin in range(0, len(order), _CHUNK):
            chunk = order[begin : begin + _CHUNK]
            steps = np.zeros((len(chunk), len(words)))
            steps[np.arange(len(chunk)), column[chunk]] = change[chunk]
            state = present + np.cumsum(steps, axis=0)
            # Sums of whole numbers below 2^53: exact in floating point.
            joint += (state * lengths[begin : begin + _CHUNK, None]).T @ state
            present = state[-1]
        return Counts(joint.astype(np.int64), len(self))
