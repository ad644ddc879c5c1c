"""Similarity graph of documents: exact k nearest neighbours by a weighted mean of cosines over several views."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.preprocessing import normalize

from softtopic.errors import InputError
from softtopic.lm.fused import transposed_product

# Documents compared with all others at a time: bounds memory.
_BLOCK = 512


class View(NamedTuple):
    """One representation of all documents, and the weight of its cosine."""

    vectors: Float[np.ndarray, "docs _"]
    weight: float


def knn_graph(views: Sequence[View], n_neighbors: int, inverse_temperature: float) -> csr_matrix:
    """Symmetrised graph of each document's nearest neighbours, with row-normalised weights.

    Parameters
    ----------
    views : sequence of View
        Representations of the same documents. Similarity is the weighted mean of their cosines.
    n_neighbors : int
        Neighbours of each document; after symmetrisation a row may have more. A document whose vectors are all zero
        still gets neighbours.
    inverse_temperature : float
        Edge weights are softmax(inverse_temperature * cosine) over the neighbours of a document.

    Returns
    -------
    csr_matrix of shape (n_documents, n_documents)
        Rows sum to 1, the diagonal is empty.

    Raises
    ------
    InputError
        If there are not more documents than neighbours.

    Examples
    --------
    >>> view = View(np.array([[1.0, 0.1], [1.0, 0.0], [0.0, 1.0]], dtype=np.float32), 1.0)
    >>> knn_graph([view], n_neighbors=1, inverse_temperature=10.0).toarray().argmax(axis=1)
    array([1, 0, 0])
    """
    count = len(views[0].vectors) if views else 0
    if not 0 < n_neighbors < count:
        raise InputError(
            f"n_neighbors is {n_neighbors} for {count} documents; give at least 1 and fewer than there are documents"
        )
    total = sum(view.weight for view in views)
    # Concatenated and scaled, one scalar product is the weighted mean of the cosines.
    unit = np.hstack(
        [np.float32(np.sqrt(weight / total)) * np.asarray(normalize(vectors)) for vectors, weight in views]
    )
    similarities = transposed_product(torch.from_numpy(unit))
    columns = np.empty((count, n_neighbors), dtype=np.int32)
    cosines = np.empty((count, n_neighbors), dtype=np.float32)
    for start in range(0, count, _BLOCK):
        block = np.arange(start, min(count, start + _BLOCK))
        similarity = similarities(torch.from_numpy(unit[block]))
        similarity[block - start, block] = -torch.inf
        # On several threads, and a quarter of the time of np.argpartition on one.
        cosines[block], columns[block] = torch.topk(similarity, n_neighbors, dim=1)
    weights = softmax(inverse_temperature * cosines, axis=1)
    indptr = np.arange(0, count * n_neighbors + 1, n_neighbors)
    graph = csr_matrix((weights.ravel(), columns.ravel(), indptr), shape=(count, count))
    return csr_matrix(normalize(graph.maximum(graph.T), norm="l1"))
