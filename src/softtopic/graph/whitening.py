"""A space in which groups of documents are round, so that what tells groups apart decides who is near whom."""

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

_LEAST = 1e-12


def whitened(
    rows: Float[np.ndarray, "docs width"], members: Int[np.ndarray, " members"], groups: Int[np.ndarray, " members"]
) -> Float[np.ndarray, "docs width"]:
    """Rows of length 1 in a space where W + m I is the unit matrix, their mean at 0; float32. Empty rows stay empty.

    W is the covariance within groups, of some of the rows, m the mean of its eigenvalues but for those that must be 0
    (within-class covariance normalisation; Hatch, Kajarekar and Stolcke, 2006). Directions in which documents of one
    group differ most count least; m keeps those in which few documents differ from counting without bound.

    Args:
        rows: any vectors.
        members: rows the groups are known of.
        groups: the group of each of these, 0 and up.

    """
    units = np.asarray(normalize(rows), dtype=np.float32)
    part = units[members]
    belongs = csr_matrix((np.ones(len(groups), dtype=np.float32), (groups, np.arange(len(groups)))))
    inside = part - np.asarray(csr_matrix(normalize(belongs, norm="l1")) @ part)[groups]
    within = (inside.T @ inside).astype(np.float64) / len(part)
    rank = max(1, min(np.count_nonzero(within.diagonal()), len(part) - len(np.unique(groups))))
    within[np.diag_indices_from(within)] += max(np.trace(within) / rank, _LEAST)
    # Any root of the inverse gives the same scalar products; this one takes a fraction of the symmetric one's time.
    root = cholesky(within, lower=True).astype(np.float32)
    found = np.ascontiguousarray(solve_triangular(root, units.T, lower=True).T)
    says = units.any(axis=1)
    found[says] -= found[says].mean(axis=0) if says.any() else 0
    return found
