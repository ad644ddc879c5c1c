"""Retrieval by topic mixture: the documents whose mixture is nearest to the query's, exactly."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from softtopic.errors import InputError
from softtopic.types import DocTopic

# Shares below this are as good as none; it keeps the logarithm finite.
FLOOR = 1e-12


@dataclass(frozen=True, slots=True)
class Hits:
    """For each query its nearest documents, nearest first."""

    ids: Int[np.ndarray, "queries k"]  # positions in the indexed theta
    divergences: Float[np.ndarray, "queries k"]  # KL(query ‖ document) in nats


class RetrievalIndex:
    """Ranks documents by KL(query ‖ document) over their topic mixtures.

    KL(p ‖ q) = p·log p - p·log q, and the first term is the query's own: the nearest document has the largest p·log q,
    one matrix product for many queries.
    """

    def __init__(self, theta: DocTopic) -> None:
        if not len(theta):
            raise InputError("there are no documents to search; give at least one row of theta")
        self._log_theta = _log(theta)

    def __len__(self) -> int:
        return len(self._log_theta)

    def search(self, queries: DocTopic, k: int = 10, *, exclude: Int[np.ndarray, " queries"] | None = None) -> Hits:
        """The k nearest documents of each query mixture; ties in document order.

        `exclude` names for each query one document to leave out, itself for instance. Fewer than k documents come
        back where fewer there are.
        """
        if queries.ndim != 2 or queries.shape[1] != self._log_theta.shape[1]:
            raise InputError(f"queries have shape {queries.shape}; expected [queries, {self._log_theta.shape[1]}]")
        if k < 1:
            raise InputError(f"k is {k}; give at least 1")
        k = min(k, len(self) - (exclude is not None))
        ids = np.empty((len(queries), k), dtype=np.int64)
        divergences = np.empty((len(queries), k))
        # About 256 MB of scores at a time.
        size = max(1, (1 << 25) // len(self))
        for start in range(0, len(queries), size):
            part = slice(start, start + size)
            scores = queries[part].astype(np.float64) @ self._log_theta.T
            if exclude is not None:
                scores[np.arange(len(scores)), exclude[part]] = -np.inf
            ids[part] = _largest(scores, k)
            own = (queries[part] * _log(queries[part])).sum(axis=1, keepdims=True)
            divergences[part] = own - np.take_along_axis(scores, ids[part], axis=1)
        return Hits(ids, np.maximum(divergences, 0))


def _log(theta: DocTopic) -> Float[np.ndarray, "docs topics"]:
    return np.log(np.maximum(theta.astype(np.float64), FLOOR))


def _largest(scores: Float[np.ndarray, "queries docs"], k: int) -> Int[np.ndarray, "queries k"]:
    """Columns of the k largest scores of each row, largest first, ties in column order."""
    if k == 0:
        return np.empty((len(scores), 0), dtype=np.int64)
    edge = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    # All that reach the edge are candidates, so that ties are broken by order and not by the partition.
    chosen = np.empty((len(scores), k), dtype=np.int64)
    for row, reach in enumerate(scores >= edge):
        candidates = np.flatnonzero(reach)
        chosen[row] = candidates[np.argsort(-scores[row, candidates], kind="stable")[:k]]
    return chosen
