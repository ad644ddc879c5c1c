"""tf-idf vectors of documents, and latent semantic analysis of them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from softtopic.data.corpus import equidistant

# Components with a smaller share of the largest singular value are rounding errors, which standardising would inflate.
_MIN_SINGULAR_VALUE = 1e-4

# Documents projected at once.
_BLOCK = 8192


def inverse_document_frequency(counts: csr_matrix) -> Float[np.ndarray, " vocab"]:
    """log(n_documents / document frequency) + 1 of each word; words of no document count as in one document."""
    n_documents, frequency = counts.shape[0], counts.getnnz(axis=0)  # type: ignore[index]
    return (np.log(max(n_documents, 1) / np.maximum(frequency, 1)) + 1).astype(np.float32)


def tf_idf(counts: csr_matrix) -> csr_matrix:
    """L1-normalised tf-idf vectors: rows sum to 1, or to 0 for documents without a word of the vocabulary.

    Examples
    --------
    >>> tf_idf(csr_matrix([[1, 0], [0, 2]])).toarray()
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return _l1_tf_idf(counts, inverse_document_frequency(counts))


@dataclass(frozen=True, kw_only=True)
class LSA:
    """Latent semantic analysis of square roots of L1-normalised tf-idf vectors (Deerwester et al., 1990).

    Attributes
    ----------
    idf : ndarray of shape (n_words,), float32
        Inverse document frequencies of the corpus it was fitted on.
    components : ndarray of shape (n_components, n_words), float32
        Leading right singular vectors.
    """

    idf: Float[np.ndarray, " vocab"]
    components: Float[np.ndarray, "width vocab"]

    @classmethod
    def fit(
        cls, counts: csr_matrix, n_components: int, *, seed: int, max_documents: int | None = None
    ) -> "LSA":  # fmt: skip
        """Fit to word counts of shape (n_documents, n_words); components without variance are dropped.

        Of more than `max_documents` documents the components are those of as many at equal distances.
        """
        idf = inverse_document_frequency(counts)
        if max_documents is not None and counts.shape[0] > max_documents:  # type: ignore[index]
            counts = counts[equidistant(counts.shape[0], max_documents)]  # type: ignore[index]
        n_components = min(n_components, *counts.shape)  # type: ignore[misc]
        _, sizes, components = randomized_svd(
            _sqrt_tf_idf(counts, idf),  # type: ignore[arg-type]
            n_components,
            n_iter=2,  # type: ignore[arg-type]
            random_state=seed,
        )
        rank = max(1, np.count_nonzero(sizes > _MIN_SINGULAR_VALUE * sizes[0]))
        return cls(idf=idf, components=components[:rank].astype(np.float32))

    def sqrt_tf_idf(self, counts: csr_matrix) -> csr_matrix:
        """Square roots of L1-normalised tf-idf vectors: rows have L2 norm 1, or 0 without a word of the vocabulary."""
        return _sqrt_tf_idf(counts, self.idf)

    def transform(
        self, counts: csr_matrix, dtype: type[np.floating] = np.float32
    ) -> Float[np.ndarray, "docs width"]:  # fmt: skip
        """Project documents on the components; the norm of a row is at most 1."""
        weights, components = self.sqrt_tf_idf(counts), self.components.T
        projected = np.empty((weights.shape[0], len(self.components)), dtype=dtype)  # type: ignore[index]
        for start in range(0, len(projected), _BLOCK):
            projected[start : start + _BLOCK] = weights[start : start + _BLOCK] @ components
        return projected


def _l1_tf_idf(counts: csr_matrix, idf: Float[np.ndarray, " vocab"]) -> csr_matrix:
    return csr_matrix(normalize(csr_matrix(counts, dtype=np.float32).multiply(idf), norm="l1"), dtype=np.float32)


def _sqrt_tf_idf(counts: csr_matrix, idf: Float[np.ndarray, " vocab"]) -> csr_matrix:
    return csr_matrix(_l1_tf_idf(counts, idf).power(0.5))
