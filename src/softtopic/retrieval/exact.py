"""Exact nearest neighbours of many queries among many rows: blocks of a matrix product and a running top k.

The product is computed in float32 and finds candidates; its error is bounded, and all rows that the bound cannot rule
out are ranked by the exact formula. So the result depends neither on the size of the blocks nor on the other queries.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import ThreadpoolController

from softtopic.retrieval.divergences import Metric

# Scores that are in memory at a time in each thread, queries among them, and rows of a product: all fits the caches.
_BLOCK_SCORES = 1 << 20
_BLOCK_QUERIES = 32
_BLOCK_ROWS = 1 << 14
# Pairs of a query and a document whose distances are computed at once.
_BLOCK_PAIRS = 1 << 15
# Rows of which only the largest score is looked at first.
_GROUP = 32

Theta = Float[np.ndarray, "docs topics"]
Queries = Float[np.ndarray, "queries topics"]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of an index.

    Attributes
    ----------
    theta : ndarray of shape (n_rows, n_topics)
        As given, perhaps memory-mapped.
    matrix : ndarray of shape (n_rows, width), float32
        Right factor of the similarity.
    start : int
        Number of the first row.
    """

    theta: Theta
    matrix: Float[np.ndarray, "rows width"]
    start: int


@dataclass(frozen=True, slots=True)
class Task:
    """A search: the rows, the distance, the number of neighbours, and the rows that are left out."""

    parts: Sequence[Part]
    metric: Metric
    k: int
    removed: Int[np.ndarray, " removed"]  # ascending


@dataclass(frozen=True, slots=True)
class Nearest:
    """For each query its nearest rows so far, nearest first, ties by number; -1 and infinity where there are fewer."""

    ids: Int[np.ndarray, "queries k"]
    distances: Float[np.ndarray, "queries k"]

    @classmethod
    def none(cls, n_queries: int, k: int) -> "Nearest":
        """No rows yet."""
        return cls(np.full((n_queries, k), -1), np.full((n_queries, k), np.inf))

    def merged(
        self, queries: Int[np.ndarray, " pairs"], ids: Int[np.ndarray, " pairs"], distances: Float[np.ndarray, " pairs"]
    ) -> "Nearest":
        """The nearest of these and other pairs of query and row."""
        n_queries, k = self.ids.shape
        known = np.nonzero(self.ids >= 0)
        queries = np.concatenate([known[0], queries])
        ids = np.concatenate([self.ids[known], ids])
        distances = np.concatenate([self.distances[known], distances])
        order = np.lexsort((ids, distances, queries))
        queries = queries[order]
        place = np.arange(len(order)) - np.searchsorted(queries, np.arange(n_queries))[queries]
        kept = place < k
        best = Nearest.none(n_queries, k)
        best.ids[queries[kept], place[kept]] = ids[order][kept]
        best.distances[queries[kept], place[kept]] = distances[order][kept]
        return best


def nearest(task: Task, queries: Queries, exclude: Int[np.ndarray, " queries"] | None) -> Nearest:
    """The k nearest rows of each query; `exclude` is one row that is left out for each."""
    if not len(queries):
        return Nearest.none(0, task.k)
    blocks = [slice(start, start + _BLOCK_QUERIES) for start in range(0, len(queries), _BLOCK_QUERIES)]
    n_threads = min(os.cpu_count() or 1, len(blocks))
    found: list[Nearest | None] = [None] * len(blocks)

    def search(first: int) -> None:
        # Memory that is used again: the system clears what is new, which takes as long as the product.
        buffer = np.empty(_BLOCK_SCORES, dtype=np.float32)
        for place in range(first, len(blocks), n_threads):
            rows = blocks[place]
            left_out = None if exclude is None else exclude[rows]
            found[place] = _nearest_of_block(task, queries[rows], left_out, buffer)

    with _BLAS.single_threaded():
        if n_threads == 1:
            search(0)
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                list(pool.map(search, range(n_threads)))
    done = [one for one in found if one is not None]
    return Nearest(np.concatenate([one.ids for one in done]), np.concatenate([one.distances for one in done]))


def _nearest_of_block(
    task: Task, queries: Queries, exclude: Int[np.ndarray, " queries"] | None, buffer: Float[np.ndarray, " scores"]
) -> Nearest:
    metric, k = task.metric, task.k
    queries = queries.astype(np.float64)
    left, offset = metric.left(queries).astype(np.float32), metric.offset(queries)
    best, edge = Nearest.none(len(queries), k), np.full(len(queries), -np.inf)
    for start, theta, matrix in _blocks(task.parts, _BLOCK_SCORES // len(queries)):
        scores = _product(left, matrix, buffer)
        _leave_out(scores, start, task.removed, exclude)
        edge = np.maximum(edge, _bound(scores, k))
        cutoff = np.nextafter((edge - _slack(edge, matrix.shape[1])).astype(np.float32), np.float32(-np.inf))
        # Rows that are left out have -infinity, and reach no finite cutoff.
        chosen = np.flatnonzero(scores >= np.maximum(cutoff, np.finfo(np.float32).min)[:, None])
        rows, columns = np.divmod(chosen, len(matrix))
        best = best.merged(rows, start + columns, pair_distances(metric, queries, rows, theta, columns))
        edge = np.maximum(edge, offset - metric.cost(best.distances[:, -1]))
    return best


def _blocks(parts: Sequence[Part], size: int) -> Iterator[tuple[int, Theta, np.ndarray]]:
    for part in parts:
        for start in range(0, len(part.theta), size):
            rows = slice(start, start + size)
            yield part.start + start, part.theta[rows], part.matrix[rows]


def _product(left: np.ndarray, matrix: np.ndarray, buffer: np.ndarray) -> Float[np.ndarray, "queries rows"]:
    scores = buffer[: len(left) * len(matrix)].reshape(len(left), len(matrix))
    for start in range(0, len(matrix), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        np.matmul(left, matrix[rows].T, out=scores[:, rows])
    return scores


def _leave_out(scores: np.ndarray, start: int, removed: np.ndarray, exclude: np.ndarray | None) -> None:
    """Set the scores of rows that must not be found to -infinity."""
    stop = start + scores.shape[1]
    first, last = np.searchsorted(removed, (start, stop))
    scores[:, removed[first:last] - start] = -np.inf
    if exclude is not None:
        inside = np.flatnonzero((exclude >= start) & (exclude < stop))
        scores[inside, exclude[inside] - start] = -np.inf


def _bound(scores: np.ndarray, k: int) -> Float[np.ndarray, " queries"]:
    """A score that at least k rows of the block reach, for each query; -infinity where it has fewer rows."""
    groups = scores.shape[1] // _GROUP
    if groups >= 2 * k:
        scores = scores[:, : groups * _GROUP].reshape(len(scores), _GROUP, groups).max(axis=1)
    if scores.shape[1] < k:
        return np.full(len(scores), -np.inf)
    place = scores.shape[1] - k
    return np.partition(scores, place, axis=1)[:, place].astype(np.float64)


def _slack(edge: np.ndarray, width: int) -> np.ndarray:
    """Bound of the error of a float32 score near the edge, there and back (Higham, 2002, section 3.1)."""
    relative = 3 * (width + 8) * np.finfo(np.float32).eps
    return relative * (np.where(np.isfinite(edge), np.abs(edge), 0) + 1 + 2 * np.log(width))


def candidates_of(
    left: Float[np.ndarray, " width"], matrix: Float[np.ndarray, "rows width"], k: int
) -> Int[np.ndarray, " candidates"]:
    """Places of the rows that may be among the k nearest of these rows to one query."""
    scores = (matrix * left).sum(axis=1)[None]
    edge = _bound(scores, k)
    return np.flatnonzero(scores[0] >= edge - _slack(edge, len(left)))


def pair_distances(
    metric: Metric, queries: Queries, rows: Int[np.ndarray, " pairs"], theta: Theta, columns: Int[np.ndarray, " pairs"]
) -> Float[np.ndarray, " pairs"]:
    """Exact distances of pairs of a query and a document."""
    distances = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK_PAIRS):
        pairs = slice(start, start + _BLOCK_PAIRS)
        documents = np.asarray(theta[columns[pairs]], dtype=np.float64)
        distances[pairs] = metric.distances(queries[rows[pairs]], documents)
    return distances


@dataclass(slots=True)
class _Blas:
    """Threads of the BLAS of NumPy."""

    users: int = 0
    lock: Any = field(default_factory=Lock)
    limit: ExitStack = field(default_factory=ExitStack)
    pools: ThreadpoolController | None = None  # takes milliseconds to find

    @contextmanager
    def single_threaded(self) -> Iterator[None]:
        """One thread for each product: those of BLAS wait for each other at every one, for long on a busy machine.

        The limit is of the whole process: the first search sets it and the last one takes it back.
        """
        with self.lock:
            self.users += 1
            if self.users == 1:
                self.pools = self.pools or ThreadpoolController()
                self.limit.enter_context(self.pools.limit(limits=1, user_api="blas"))
        try:
            yield
        finally:
            with self.lock:
                self.users -= 1
                if not self.users:
                    self.limit.close()


_BLAS = _Blas()
