"""What the language model would have said of documents it did not read, predicted from those it did."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix, issparse
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import normalize

from softtopic.types import DocHidden

# Strength of the penalty on kernels of 1 for equal documents; outputs have a deviation near 1.
_PENALTY = 0.1
# Square roots of soft labels are as small as 1/sqrt(words); this brings them near the deviation of hidden states.
_ROOTS = 10.0
_ROWS = 4096

Known = tuple[Float[np.ndarray, "docs _"] | csr_matrix, float]  # rows, and how much they count


def carry(
    soft: Float[np.ndarray, "read vocab"],
    hidden: Float[np.ndarray, "read width"],
    read: Int[np.ndarray, " read"],
    views: Sequence[Known],
) -> tuple[Float[np.ndarray, "docs vocab"], DocHidden]:
    """Soft labels and hidden states of all documents, float16, by kernel ridge regression from what is known of all.

    Documents that were read keep their own. The kernel is exp(2 (s - 1)), s the mean of the views' cosines by their
    weights: Gaussian in rows of length 1. So documents near to one count most, and unlike a mean over neighbours the
    regression says in what a document differs from them.

    Args:
        soft: rows sum to 1.
        hidden: standardised, columns of mean 0 and deviation 1, as the result is over the documents read.
        read: which documents were read, [read].
        views: what is known of all documents, sentence vectors and words, and how much each counts.

    """
    wanted = np.hstack([_ROOTS * np.sqrt(soft, dtype=np.float32), hidden])
    mean = wanted.mean(axis=0)
    total = sum(weight for _, weight in views)
    inputs: list[Any] = [(normalize(rows), np.float32(np.sqrt(weight / total))) for rows, weight in views]
    known = _dense(inputs, read)
    model = KernelRidge(alpha=_PENALTY, kernel="precomputed").fit(_kernel(known, known), wanted - mean)  # type: ignore[arg-type]
    count, words = views[0][0].shape[0], soft.shape[1]  # type: ignore[index]
    labels = np.empty((count, words), dtype=np.float16)
    states = np.empty((count, hidden.shape[1]), dtype=np.float16)
    for rows in np.split(np.arange(count), range(_ROWS, count, _ROWS)):
        found = model.predict(_kernel(_dense(inputs, rows), known)) + mean
        labels[rows] = np.asarray(normalize(np.maximum(found[:, :words], 0) ** 2, norm="l1"))
        states[rows] = found[:, words:]
    labels[read], states[read] = soft, hidden
    return labels, states


def _kernel(
    one: Float[np.ndarray, "docs width"], other: Float[np.ndarray, "read width"]
) -> Float[np.ndarray, "docs read"]:
    return np.exp(2 * (one @ other.T - 1))


def _dense(inputs: Sequence[tuple[Any, np.float32]], rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows width"]:
    parts = [(part[rows].toarray() if issparse(part) else part[rows], scale) for part, scale in inputs]
    return np.hstack([scale * part for part, scale in parts]).astype(np.float32)
