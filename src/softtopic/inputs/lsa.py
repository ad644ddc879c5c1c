"""A document's own words: weighed by how rare they are, and in few dimensions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

_EMPTY = 1e-4


def rarity(counts: csr_matrix) -> Float[np.ndarray, " vocab"]:
    """log(documents / documents with the word) + 1 of each word; one of no document counts as one of a single one."""
    documents, found = counts.shape[0], counts.getnnz(axis=0)  # type: ignore[index]
    return (np.log(max(documents, 1) / np.maximum(found, 1)) + 1).astype(np.float32)


def tf_idf(counts: csr_matrix) -> csr_matrix:
    """Each document's words by count · rarity, rows sum to 1 or 0."""
    return _shares(counts, rarity(counts))


@dataclass(frozen=True, kw_only=True)
class WordSpace:
    """Words in few dimensions, which bring words together that stand in the same documents; of old and new documents.

    The square roots of tf-idf shares, projected on their first right singular vectors (latent semantic analysis;
    Deerwester et al., 1990).
    """

    rarity: Float[np.ndarray, " vocab"]
    axes: Float[np.ndarray, "width vocab"]

    @classmethod
    def fit(cls, counts: csr_matrix, width: int = 300, *, seed: int) -> "WordSpace":
        """The space of counts [documents, vocab], of `width` dimensions, fewer where documents fill fewer."""
        weights = rarity(counts)
        width = min(width, *counts.shape)  # type: ignore[misc]
        _, sizes, axes = randomized_svd(_roots(counts, weights), width, n_iter=2, random_state=seed)  # type: ignore[arg-type]
        # Along an axis of size 0 documents differ by rounding alone, which standardising would blow up.
        filled = max(1, np.count_nonzero(sizes > _EMPTY * sizes[0]))
        return cls(rarity=weights, axes=axes[:filled].astype(np.float32))

    def roots(self, counts: csr_matrix) -> csr_matrix:
        """Documents word by word, [docs, vocab]: square roots of tf-idf shares."""
        return _roots(counts, self.rarity)

    def of(self, counts: csr_matrix) -> Float[np.ndarray, "docs width"]:
        """Documents by their counts, float32: at most of length 1, of length 0 where they hold no word."""
        return np.asarray(self.roots(counts) @ self.axes.T, dtype=np.float32)


def _shares(counts: csr_matrix, weights: Float[np.ndarray, " vocab"]) -> csr_matrix:
    return csr_matrix(normalize(csr_matrix(counts, dtype=np.float32).multiply(weights), norm="l1"), dtype=np.float32)


def _roots(counts: csr_matrix, weights: Float[np.ndarray, " vocab"]) -> csr_matrix:
    return csr_matrix(_shares(counts, weights).power(0.5))
