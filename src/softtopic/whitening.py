"""A space in which groups of documents are round, so that what tells groups apart decides who is near whom."""

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

_LEAST = 1e-12


def whitened(
    rows: Float[np.ndarray, "docs width"], members: Int[np.ndarray, " members"], groups: Int[np.ndarray, " members"]
) -> Float[np.ndarray, "docs width"]:
    """Rows of length 1, times (W + m I)^(-1/2), columns of mean 0; float32.

    W is the covariance within groups, of some of the rows, m the mean of its eigenvalues (within-class covariance
    normalisation; Hatch, Kajarekar and Stolcke, 2006). Directions in which documents of one group differ most count
    least; m keeps those in which few documents differ from counting without bound.

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
    values, axes = np.linalg.eigh(within)
    scales = 1 / np.sqrt(np.maximum(values, 0) + max(values.mean(), _LEAST))
    found = units @ (axes * scales).astype(np.float32)
    return found - found.mean(axis=0)
