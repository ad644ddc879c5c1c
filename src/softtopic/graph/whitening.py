"""Within-class covariance normalisation: what differs within groups of documents counts less."""

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

_EPSILON = 1e-12


def whiten_within_classes(
    vectors: Float[np.ndarray, "docs width"],
    members: Int[np.ndarray, " members"],
    classes: Int[np.ndarray, " members"],
) -> Float[np.ndarray, "docs width"]:
    """Transform vectors so that their regularised covariance within classes is the identity.

    With W the within-class covariance of the L2-normalised members and m the mean of its non-zero eigenvalues, vectors
    are multiplied by a root of (W + m I)^-1 and centred. Directions in which documents of one class differ most count
    least; m bounds the weight of directions in which hardly any documents differ.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, width)
        L2-normalised here. Zero vectors stay zero.
    members : ndarray of shape (n_members,)
        Rows whose class is known.
    classes : ndarray of shape (n_members,)
        Class of each of them, from 0.

    Returns
    -------
    ndarray of shape (n_documents, width), float32

    References
    ----------
    Hatch, Kajarekar & Stolcke (2006). Within-class covariance normalization for SVM-based speaker recognition.
    Interspeech.
    """
    unit = np.asarray(normalize(vectors), dtype=np.float32)
    part = unit[members]
    membership = csr_matrix((np.ones(len(classes), dtype=np.float32), (classes, np.arange(len(classes)))))
    residual = part - np.asarray(csr_matrix(normalize(membership, norm="l1")) @ part)[classes]
    within = (residual.T @ residual).astype(np.float64) / len(part)
    rank = max(1, min(np.count_nonzero(within.diagonal()), len(part) - len(np.unique(classes))))
    within[np.diag_indices_from(within)] += max(np.trace(within) / rank, _EPSILON)
    # Any root of the inverse gives the same scalar products; the Cholesky factor is the cheapest.
    factor = cholesky(within, lower=True).astype(np.float32)
    whitened = np.ascontiguousarray(solve_triangular(factor, unit.T, lower=True).T)
    nonzero = unit.any(axis=1)
    whitened[nonzero] -= whitened[nonzero].mean(axis=0) if nonzero.any() else 0
    return whitened
