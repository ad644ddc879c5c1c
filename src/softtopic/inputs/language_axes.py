"""Removal of what sentence vectors say of the language a text is written in.

Vectors of a multilingual encoder form a group for each language; clustered as they are, topics would be languages. The
means of the groups span a few directions, and vectors are projected onto what is orthogonal to them. The projection is
linear and the same for all texts: the language of a new document need not be known.

References
----------
Yang, Yang, Cer & Darve (2021), A simple and effective method to eliminate the self language bias in multilingual
representations. EMNLP.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from sklearn.preprocessing import normalize

from softtopic.types import DocHidden

Axes = Float[np.ndarray, "axes width"]

# Documents of a language below which its mean is too noisy.
MIN_DOCUMENTS = 20


def language_axes(vectors: DocHidden, languages: Sequence[str]) -> Axes | None:
    """Orthonormal axes along which the mean vectors of languages differ.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, width)
        Sentence vectors.
    languages : sequence of str of length n_documents
        Language of each document.

    Returns
    -------
    float32 ndarray of shape (n_languages - 1, width) or None
        None where fewer than two languages have `MIN_DOCUMENTS` documents.

    Examples
    --------
    >>> vectors = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
    >>> language_axes(vectors, ["de"] * 20 + ["en"] * 20 + ["fr"] * 20).shape
    (2, 3)
    """
    _, rows, counts = np.unique(np.asarray(languages), return_inverse=True, return_counts=True)
    kept = np.flatnonzero(counts >= MIN_DOCUMENTS)
    if len(kept) < 2:
        return None
    means = np.stack([vectors[rows == one].mean(axis=0, dtype=np.float64) for one in kept])
    _, _, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    return axes[: len(kept) - 1].astype(np.float32)


def without_language(vectors: DocHidden, axes: Axes | None) -> DocHidden:
    """Vectors without their part along the axes, L2-normalised; unchanged where there are no axes.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, width)
    axes : ndarray of shape (n_axes, width) or None
    """
    if axes is None:
        return vectors
    vectors = np.asarray(vectors, dtype=np.float32)
    return np.asarray(normalize(vectors - (vectors @ axes.T) @ axes))
