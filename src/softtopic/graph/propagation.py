"""Label propagation over a graph of documents, with restart."""

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix, issparse

# Columns of labels propagated at a time: bounds memory, and more do not stay in the cache of a processor.
_COLUMNS = 128


def propagate_labels(
    labels: Float[np.ndarray, "docs vocab"] | csr_matrix,
    graph: csr_matrix,
    *,
    n_steps: int,
    restart: float,
    out: Float[np.ndarray, "docs vocab"] | None = None,
) -> Float[np.ndarray, "docs vocab"]:
    """Spread soft labels over a graph of nearest neighbours (Zhou et al., 2004).

    Each step computes ``restart * labels + (1 - restart) * graph @ current``.

    Parameters
    ----------
    labels : ndarray or csr_matrix of shape (n_documents, n_words)
        Soft labels. A document without a label (a row of zeros) takes on those of its neighbours.
    graph : csr_matrix of shape (n_documents, n_documents)
        Row-normalised edge weights.
    n_steps : int
        Number of steps; 0 returns the labels themselves.
    restart : float in [0, 1]
        Weight of a document's own label at each step.
    out : ndarray of shape (n_documents, n_words), optional
        Where to write the result.

    Returns
    -------
    ndarray of shape (n_documents, n_words), float32
        Propagated labels. Rows keep their sum where all labels sum to the same.

    References
    ----------
    Zhou, Bousquet, Lal, Weston & Schölkopf (2004). Learning with local and global consistency. NeurIPS 16.

    Examples
    --------
    >>> graph = csr_matrix(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> propagate_labels(np.eye(2, dtype=np.float32), graph, n_steps=1, restart=0.25)
    array([[0.25, 0.75],
           [0.75, 0.25]], dtype=float32)
    """
    out = np.empty(labels.shape, dtype=np.float32) if out is None else out  # type: ignore[arg-type]
    step = csr_matrix(graph * np.float32(1 - restart), dtype=np.float32)
    for start in range(0, out.shape[1], _COLUMNS):
        own = labels[:, start : start + _COLUMNS]
        own = own.toarray() if issparse(own) else np.asarray(own)  # type: ignore[union-attr]
        own = current = own.astype(np.float32)
        for _ in range(n_steps):
            current = restart * own + step @ current
        out[:, start : start + _COLUMNS] = current
    return out
