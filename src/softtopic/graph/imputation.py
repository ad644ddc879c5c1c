"""What the language model would have said of documents it did not read, predicted from those it did."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix, issparse
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize

from softtopic.types import DocHidden

# Strength of the penalty; inputs are of length 1, outputs of deviation 1. On four corpora .3 and 1 did equally well,
# 3 and 10 less.
_PENALTY = 0.3
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
    """Soft labels and hidden states of all documents, float16, by ridge regression from what is known of all.

    Documents that were read keep their own. The regression is linear in the views, rows of length 1: it says of a
    document what documents like it in some direction were said to be, where a mean over its neighbours would say what
    all of them have in common.

    Args:
        soft: rows sum to 1.
        hidden: standardised, columns of mean 0 and deviation 1, as the result is over the documents read.
        read: which documents were read, [read].
        views: what is known of all documents, sentence vectors and words, and how much each counts.

    """
    wanted = np.hstack([_ROOTS * np.sqrt(soft, dtype=np.float32), hidden])
    inputs: list[Any] = [(normalize(rows), np.float32(np.sqrt(weight))) for rows, weight in views]
    model = Ridge(alpha=_PENALTY).fit(_dense(inputs, read), wanted)
    count, words = views[0][0].shape[0], soft.shape[1]  # type: ignore[index]
    labels = np.empty((count, words), dtype=np.float16)
    states = np.empty((count, hidden.shape[1]), dtype=np.float16)
    for rows in np.split(np.arange(count), range(_ROWS, count, _ROWS)):
        found = model.predict(_dense(inputs, rows))
        labels[rows] = np.asarray(normalize(np.maximum(found[:, :words], 0) ** 2, norm="l1"))
        states[rows] = found[:, words:]
    labels[read], states[read] = soft, hidden
    return labels, states


def _dense(inputs: Sequence[tuple[Any, np.float32]], rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows width"]:
    parts = [(part[rows].toarray() if issparse(part) else part[rows], scale) for part, scale in inputs]
    return np.hstack([scale * part for part, scale in parts]).astype(np.float32)
