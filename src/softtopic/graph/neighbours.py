"""A graph of nearest documents, and labels that spread over it.

Documents are compared in several views at once, e.g. sentence vectors, hidden states and their own words. A soft label
says what one document may be about; the mean over its neighbours says it with less noise (label propagation with
restart; Zhou et al., 2004).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix, issparse
from scipy.special import softmax
from sklearn.preprocessing import normalize

from softtopic.errors import InputError

# Cosines are multiplied by this before the softmax that makes them weights: the nearest counts most, none counts all.
SHARPNESS = 10.0
# Documents compared with all others at a time, and columns of labels spread at a time: both bound memory.
_ROWS = 256
_COLUMNS = 256

View = tuple[Float[np.ndarray, "docs _"], float]  # rows, and how much their cosine counts


def nearest(views: Sequence[View], k: int) -> csr_matrix:
    """Each document's k nearest others, exact, as weights: [docs, docs], rows sum to 1.

    Similarity is the mean of the views' cosines by their weights. A neighbour counts in both directions, so that a row
    may have more than k entries; a document that is like no other in any view still has k.
    """
    count = len(views[0][0]) if views else 0
    if not 0 < k < count:
        raise InputError(f"{k} neighbours of {count} documents; give at least 1 and fewer than there are documents")
    total = sum(weight for _, weight in views)
    # One row for all views, so that its scalar products are the mean.
    units = np.hstack([np.float32(np.sqrt(weight / total)) * np.asarray(normalize(rows)) for rows, weight in views])
    found = np.empty((count, k), dtype=np.int32)
    cosines = np.empty((count, k), dtype=np.float32)
    for start in range(0, count, _ROWS):
        block = np.arange(start, min(count, start + _ROWS))
        similar = units[block] @ units.T
        similar[block - start, block] = -np.inf
        found[block] = np.argpartition(-similar, k - 1, axis=1)[:, :k]
        cosines[block] = np.take_along_axis(similar, found[block], axis=1)
    weights = softmax(SHARPNESS * cosines, axis=1)
    graph = csr_matrix((weights.ravel(), found.ravel(), np.arange(0, count * k + 1, k)), shape=(count, count))
    return csr_matrix(normalize(graph.maximum(graph.T), norm="l1"))


def spread(
    labels: Float[np.ndarray, "docs vocab"] | csr_matrix,
    graph: csr_matrix,
    *,
    rounds: int = 3,
    restart: float = 0.1,
    out: Float[np.ndarray, "docs vocab"] | None = None,
) -> Float[np.ndarray, "docs vocab"]:
    """Labels after so many rounds of restart · own + (1 - restart) · mean of the neighbours; rows keep their sum.

    A document without a label (a row of zeros) takes on those of its neighbours. float32, written to `out` if given.
    """
    out = np.empty(labels.shape, dtype=np.float32) if out is None else out  # type: ignore[arg-type]
    step = csr_matrix(graph * np.float32(1 - restart))
    for start in range(0, out.shape[1], _COLUMNS):
        own = labels[:, start : start + _COLUMNS]
        own = own.toarray() if issparse(own) else np.asarray(own)  # type: ignore[union-attr]
        own = now = own.astype(np.float32)
        for _ in range(rounds):
            now = restart * own + step @ now
        out[:, start : start + _COLUMNS] = now
    return out
