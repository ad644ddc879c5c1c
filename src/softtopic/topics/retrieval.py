"""Retrieval by topic mixture: the documents whose mixture is nearest to the query's, exactly."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from softtopic.errors import InputError, check_whole
from softtopic.types import DocTopic

# Shares below this are as good as none; it keeps the logarithm finite.
FLOOR = 1e-12
# Equal documents may come out of a matrix product this far apart, or nearer: it sums in no fixed order.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Hits:
    """For each query its nearest documents, nearest first."""

    ids: Int[np.ndarray, "queries k"]  # positions in the indexed theta
    divergences: Float[np.ndarray, "queries k"]  # KL(query ‖ document) in nats


class RetrievalIndex:
    """Exact nearest-neighbour search by KL(query ‖ document) of topic mixtures.

    KL(p ‖ q) = p·log p - p·log q, where the first term depends only on the query: the nearest document has the largest
    p·log q, a matrix product for many queries. It finds the candidates. They are then ranked by sums that are equal for
    equal documents, so that ties and divergences do not depend on the other queries.

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures of the documents; rows sum to 1.
    """

    def __init__(self, theta: DocTopic) -> None:
        if not len(theta):
            raise InputError("there are no documents to search; give at least one row of theta")
        self._log_theta = _log(theta)

    def __len__(self) -> int:
        return len(self._log_theta)

    def search(self, queries: DocTopic, k: int = 10, *, exclude: Int[np.ndarray, " queries"] | None = None) -> Hits:
        """Find the k nearest documents of each query mixture; ties are in document order.

        `exclude` gives for each query one document to leave out, for example itself. Fewer than k documents are
        returned if there are fewer.
        """
        if queries.ndim != 2 or queries.shape[1] != self._log_theta.shape[1]:
            raise InputError(f"queries have shape {queries.shape}; expected [queries, {self._log_theta.shape[1]}]")
        check_whole("k", k, 1)
        k = min(k, len(self) - (exclude is not None))
        ids = np.empty((len(queries), k), dtype=np.int64)
        divergences = np.empty((len(queries), k))
        # About 256 MB at a time: scores, and two copies of them to find the edge.
        size = max(1, (1 << 25) // (3 * len(self)))
        for start in range(0, len(queries) if k else 0, size):
            part = queries[start : start + size].astype(np.float64)
            scores = part @ self._log_theta.T
            if exclude is not None:
                scores[np.arange(len(part)), exclude[start : start + size]] = -np.inf
            # All that reach the edge are candidates, so that ties are broken by order and not by the partition.
            edge = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
            own = (part * _log(part)).sum(axis=1)
            for row, reach in enumerate(scores >= edge - ROUNDING):
                candidates = np.flatnonzero(reach)
                ranked = own[row] - (self._log_theta[candidates] * part[row]).sum(axis=1)
                best = np.argsort(ranked, kind="stable")[:k]
                ids[start + row] = candidates[best]
                divergences[start + row] = ranked[best]
        return Hits(ids, np.maximum(divergences, 0))


def _log(theta: DocTopic) -> Float[np.ndarray, "docs topics"]:
    return np.log(np.maximum(theta.astype(np.float64), FLOOR))
