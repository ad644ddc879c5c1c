"""How many windows of a reference corpus hold two words.

The windows that hold a word are runs of consecutive ones, so no window is ever looked at: between two neighbouring
ends of runs the words present do not change, and the length of the stretch counts its windows at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from softtopic.errors import InputError
from softtopic.metrics.reference import Reference

_CHUNK = 1 << 16  # ends of runs handled together; bounds the memory


@dataclass(frozen=True)
class Counts:
    """Windows that hold both words of a pair; on the diagonal, windows that hold the word."""

    joint: Int[np.ndarray, "words words"]
    n_windows: int


@dataclass(frozen=True, eq=False)
class Windows:
    """All stretches of `size` words of a reference, each inside one document; a shorter document is one window.

    They are numbered through all documents. Build them with `Windows.over`.
    """

    reference: Reference
    size: int
    first: Int[np.ndarray, " edges"]  # [documents + 1] number of each document's first window, and of all windows

    @classmethod
    def over(cls, reference: Reference, size: int | None) -> "Windows":
        """Windows of so many words; without a size every document is one."""
        lengths = np.diff(reference.documents)
        if size is None:
            size = int(lengths.max())
        if size < 1:
            raise InputError(f"the window is {size} words; give at least 1, or None for whole documents")
        return cls(reference, size, np.concatenate([[0], np.cumsum(np.maximum(lengths - size, 0) + 1)]))

    def __len__(self) -> int:
        return int(self.first[-1])

    def runs(self, word: str) -> tuple[Int[np.ndarray, " runs"], Int[np.ndarray, " runs"]]:
        """The windows that hold a word, as runs: number of the first, and of the one after the last; with gaps."""
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
        """In how many windows words and pairs of them stand."""
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
