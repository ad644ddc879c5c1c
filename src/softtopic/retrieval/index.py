"""RetrievalIndex: the documents whose topic mixtures are nearest to a query's."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from softtopic.errors import InputError, check_whole
from softtopic.retrieval.approximate import CANDIDATES, Graph, GraphConfig
from softtopic.retrieval.divergences import Metric, get_metric
from softtopic.retrieval.exact import Nearest, Part, Task, candidates_of, nearest, pair_distances
from softtopic.types import DocTopic

# Rows whose factors are computed at once, and rows that a part has before another one begins.
_BLOCK = 1 << 14
_PART_ROWS = 1 << 16

# Queries by which the recall of an approximate index is measured, and neighbours of each.
_RECALL_QUERIES = 200
RECALL_AT = 10

# Distances that differ by less are a tie where recall is measured.
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Hits:
    """For each query its nearest documents, nearest first.

    Attributes
    ----------
    ids : ndarray of shape (n_queries, k)
        Numbers of the documents: their positions in the indexed theta.
    divergences : ndarray of shape (n_queries, k)
        Their distances, by the metric of the index; of "kl" in nats.
    """

    ids: Int[np.ndarray, "queries k"]
    divergences: Float[np.ndarray, "queries k"]


class RetrievalIndex:
    """Nearest-neighbour search by topic mixtures, exact unless `build_graph` was called.

    For "kl", KL(p ‖ q) = p·log p - p·log q, where the first term depends only on the query: the nearest document has
    the largest p·log q, a matrix product for many queries. The other metrics have such a product, too. It finds
    candidates in float32; they are ranked by their exact distances, and ties are in document order. So results depend
    neither on the other queries nor on how the rows are divided.

    Besides theta, which is not copied and must not change, the index takes as much memory as theta in float32.

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures of the documents; rows sum to 1. For "cosine" any vectors.
    metric : {"kl", "reverse-kl", "hellinger", "cosine"}, default="kl"
        KL(query ‖ document), as published; KL(document ‖ query); Hellinger distance; cosine distance.

    Attributes
    ----------
    recall : float or None
        Share of the ten exact nearest neighbours that the graph finds, over `_RECALL_QUERIES` documents of the index,
        measured by `build_graph`; None for an exact index.

    Examples
    --------
    >>> index = RetrievalIndex(np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]))
    >>> index.search(np.array([[0.8, 0.2]]), k=2).ids
    array([[0, 1]])
    >>> index.neighbours(k=1).ids.ravel()
    array([1, 2, 1])
    """

    def __init__(self, theta: ArrayLike, *, metric: str = "kl") -> None:
        theta = _matrix("theta", theta)
        if not len(theta):
            raise InputError("there are no documents to search; give at least one row of theta")
        self._metric = get_metric(metric)
        self._removed = np.empty(0, dtype=np.int64)
        self._graph: Graph | None = None
        self.recall: float | None = None
        self._parts = [self._part(theta, 0)]

    @classmethod
    def from_parts(
        cls, metric: Metric, parts: list[Part], removed: np.ndarray, graph: Graph | None, recall: float | None
    ) -> "RetrievalIndex":
        """An index of parts that were computed before; see `softtopic.retrieval.folder`."""
        index = cls.__new__(cls)
        index._metric, index._parts, index._removed = metric, parts, removed
        index._graph, index.recall = graph, recall
        return index

    def __len__(self) -> int:
        return self._next_id - len(self._removed)

    @property
    def metric(self) -> str:
        """Name of the metric."""
        return self._metric.name

    @property
    def title(self) -> str:
        """What tables call its distances."""
        return self._metric.title

    @property
    def n_topics(self) -> int:
        """Number of columns of theta."""
        return self._parts[0].theta.shape[1]

    @property
    def is_approximate(self) -> bool:
        """Whether a graph proposes the candidates."""
        return self._graph is not None

    @property
    def contents(self) -> tuple[list[Part], Int[np.ndarray, " removed"], Graph | None]:
        """What `softtopic.retrieval.folder` writes: parts, removed documents, graph."""
        return self._parts, self._removed, self._graph

    @property
    def ids(self) -> Int[np.ndarray, " documents"]:
        """Numbers of the documents that can be found, ascending."""
        return np.setdiff1d(np.arange(self._next_id), self._removed, assume_unique=True)

    @property
    def _next_id(self) -> int:
        return self._parts[-1].start + len(self._parts[-1].theta)

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        *,
        exclude: ArrayLike | None = None,
        exact: bool = False,
    ) -> Hits:
        """Find the k nearest documents of each query mixture; ties are in document order.

        Parameters
        ----------
        queries : ndarray of shape (n_queries, n_topics)
        k : int, default=10
            Fewer are returned if there are fewer.
        exclude : ndarray of int of shape (n_queries,) or None, default=None
            For each query the number of one document to leave out, for example itself.
        exact : bool, default=False
            Search exactly in an approximate index, too.

        Returns
        -------
        Hits
        """
        queries = _matrix("queries", queries)
        if queries.shape[1] != self.n_topics:
            raise InputError(f"queries have shape {queries.shape}; expected [queries, {self.n_topics}]")
        check_whole("k", k, 1)
        queries = self._metric.checked("queries", queries)
        exclude = None if exclude is None else _numbers(exclude)
        left_out = exclude is not None and bool(np.isin(exclude, self.ids).any())
        k = min(k, len(self) - left_out)
        if k < 1:
            return Hits(np.empty((len(queries), 0), dtype=np.int64), np.empty((len(queries), 0)))
        found = None if exact or self._graph is None else self._proposed(self._graph, queries, k, exclude)
        if found is None:
            found = nearest(self._task(k), queries, exclude)
        return Hits(found.ids, np.maximum(found.distances, 0))

    def neighbours(self, k: int = 10) -> Hits:
        """Find the k nearest other documents of each document, in the order of `ids`; exact."""
        ids = self.ids
        theta = self._rows("theta", ids) if len(self._parts) > 1 or len(ids) < self._next_id else self._parts[0].theta
        return self.search(theta, k, exclude=ids, exact=True)

    def add(self, theta: ArrayLike) -> Int[np.ndarray, " added"]:
        """Add documents; returns their numbers, which count on from the last one."""
        theta = _matrix("theta", theta)
        if theta.shape[1] != self.n_topics:
            raise InputError(f"theta has shape {theta.shape}; expected [documents, {self.n_topics}]")
        ids = np.arange(self._next_id, self._next_id + len(theta))
        added, last = self._part(theta, self._next_id), self._parts[-1]
        if len(last.theta) + len(theta) <= _PART_ROWS:
            # Many small parts would be as many products.
            joined = (np.concatenate([last.theta, added.theta]), np.concatenate([last.matrix, added.matrix]))
            self._parts[-1] = Part(*joined, last.start)
        else:
            self._parts.append(added)
        if self._graph is not None:
            self._graph.add(ids, self._metric.unit(theta))
        return ids

    def remove(self, ids: ArrayLike) -> None:
        """Remove documents by their numbers; the other numbers stay as they are.

        Raises
        ------
        InputError
            If one is not in the index, or none would be left; nothing is removed then.
        """
        ids = np.unique(_numbers(ids))
        if (unknown := ids[~np.isin(ids, self.ids)]).size:
            raise InputError(f"document {unknown[0]} is not in the index; give numbers of `ids`")
        if len(ids) == len(self):
            raise InputError("no document would be left; keep at least one")
        self._removed = np.union1d(self._removed, ids)

    def build_graph(self, config: GraphConfig = GraphConfig()) -> float:
        """Make the index approximate; returns the recall at 10, see `recall`. Needs the extra `ann`.

        Documents that are removed later stay in the graph: build it again where they are many.
        """
        graph = Graph(self.n_topics, config)
        for part in self._parts:
            for start in range(0, len(part.theta), _BLOCK):
                theta = part.theta[start : start + _BLOCK]
                ids = np.arange(part.start + start, part.start + start + len(theta))
                kept = ~np.isin(ids, self._removed)
                graph.add(ids[kept], self._metric.unit(theta[kept]))
        self._graph, self.recall = self._measured(graph)
        return self.recall

    def _measured(self, graph: Graph) -> tuple[Graph, float]:
        """The graph with a number of candidates, and its recall: what is as near as the last neighbour is found."""
        rng = np.random.default_rng(0)
        ids = np.sort(rng.choice(self.ids, min(_RECALL_QUERIES, len(self)), replace=False))
        theta = self._rows("theta", ids)
        exact = self.search(theta, RECALL_AT, exclude=ids, exact=True).divergences
        recall = 1.0
        for candidates in CANDIDATES if graph.config.candidates is None else (graph.config.candidates,):
            graph = graph.with_candidates(candidates)
            found = self._proposed(graph, theta, exact.shape[1], ids) if exact.size else None
            # None: too few were proposed, and the search would be exact.
            recall = 1.0 if found is None else float((found.distances <= exact[:, -1:] + _TIE).mean())
            if recall >= graph.config.target_recall:
                break
        return graph, recall

    def _proposed(
        self, graph: Graph, queries: DocTopic, k: int, exclude: Int[np.ndarray, " queries"] | None
    ) -> Nearest | None:
        """The nearest among the candidates of the graph; None where they are fewer than k."""
        wanted = k * (graph.config.candidates or CANDIDATES[-1])
        candidates = graph.search(self._metric.unit(queries), min(len(graph), wanted + len(self._removed[:k]) + 1))
        queries = queries.astype(np.float64)
        left = self._metric.left(queries).astype(np.float32)
        rows, chosen = [], []
        for row, ids in enumerate(candidates):
            left_out = self._removed if exclude is None else np.append(self._removed, exclude[row])
            ids = ids[~np.isin(ids, left_out)]
            best = candidates_of(left[row], self._rows("matrix", ids), k)
            rows.append(np.full(len(best), row))
            chosen.append(ids[best])
        row, ids = np.concatenate(rows), np.concatenate(chosen)
        distances = pair_distances(self._metric, queries, row, self._rows("theta", ids), np.arange(len(ids)))
        found = Nearest.none(len(queries), k).merged(row, ids, distances)
        return None if (found.ids < 0).any() else found

    def _task(self, k: int) -> Task:
        return Task(self._parts, self._metric, k, self._removed)

    def _rows(self, name: str, ids: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows width"]:
        """Rows of "theta" or "matrix" by number."""
        arrays = [getattr(part, name) for part in self._parts]
        if len(arrays) == 1:
            return arrays[0][ids]
        place = np.searchsorted([part.start for part in self._parts], ids, side="right") - 1
        rows = np.empty((len(ids), arrays[0].shape[1]), dtype=np.result_type(*arrays))
        for number in np.unique(place).tolist():
            chosen = place == number
            rows[chosen] = arrays[number][ids[chosen] - self._parts[number].start]
        return rows

    def _part(self, theta: DocTopic, start: int) -> Part:
        theta = self._metric.checked("theta", theta)
        width = self._metric.right(theta[:1].astype(np.float64)).shape[1]
        matrix = np.empty((len(theta), width), dtype=np.float32)
        for first in range(0, len(theta), _BLOCK):
            rows = slice(first, first + _BLOCK)
            matrix[rows] = self._metric.right(theta[rows].astype(np.float64))
        return Part(theta, matrix, start)

    def save(self, path: str | Path, *, source: str = "") -> None:
        """Write the index to a folder, whole or not at all; see `softtopic.retrieval.folder.save_index`."""
        from softtopic.retrieval.folder import save_index

        save_index(self, Path(path), source=source)

    @classmethod
    def open(cls, path: str | Path, *, source: str | None = None) -> "RetrievalIndex":
        """Open a folder written by `save`, memory-mapped; see `softtopic.retrieval.folder.open_index`."""
        from softtopic.retrieval.folder import open_index

        return open_index(Path(path), source=source)


def _matrix(name: str, values: object) -> np.ndarray:
    """A matrix of numbers; raises InputError for anything else."""
    matrix = np.asarray(values)
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise InputError(f"{name} have shape {matrix.shape} and type {matrix.dtype}; give a matrix of numbers")
    return matrix


def _numbers(ids: object) -> Int[np.ndarray, " ids"]:
    """Whole numbers; raises InputError for anything else."""
    numbers = np.atleast_1d(np.asarray(ids))
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise InputError(f"numbers of documents are {str(ids)[:60]}; give whole numbers")
    return numbers.astype(np.int64)
