"""Approximate nearest neighbours: a navigable small-world graph (Malkov & Yashunin, 2020) proposes, formulas rank.

The only module that imports usearch, of the extra `ann`.
"""

from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from softtopic.errors import InputError

# The graph is of distances that are near those of the index, not equal: farther ones need more candidates.
CANDIDATES = (10, 20, 50, 100)


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """Settings of an approximate index.

    Parameters
    ----------
    connectivity : int, default=12
        Edges of a node.
    expansion_add, expansion_search : int, default=40 and 128
        Nodes that are kept in view while one is added, or looked for: more are slower and more accurate.
    candidates : int or None, default=None
        Candidates for each neighbour; the nearest by the exact distance are returned. None: the fewest of
        `CANDIDATES` with which the recall is at least `target_recall`, or the most.
    target_recall : float, default=0.95
    """

    connectivity: int = 12
    expansion_add: int = 40
    expansion_search: int = 128
    candidates: int | None = None
    target_recall: float = 0.95


class Graph:
    """Graph of unit vectors that are near each other where documents are.

    Vectors are stored in 8 bits a value: the exact distances are computed from the mixtures.

    Parameters
    ----------
    width : int
        Number of values of a vector.
    config : GraphConfig, default=GraphConfig()
    """

    def __init__(self, width: int, config: GraphConfig = GraphConfig()) -> None:
        self.config = config
        self._index = _usearch().Index(
            ndim=width,
            metric="ip",
            dtype="i8",
            connectivity=config.connectivity,
            expansion_add=config.expansion_add,
            expansion_search=config.expansion_search,
        )
        self._viewed: Path | None = None

    def __len__(self) -> int:
        return len(self._index)

    def with_candidates(self, candidates: int) -> "Graph":
        """The same graph with another number of candidates."""
        graph = copy(self)
        graph.config = replace(self.config, candidates=candidates)
        return graph

    @property
    def n_bytes(self) -> int:
        """Bytes of the graph on disk."""
        return int(self._index.serialized_length)

    def add(self, ids: Int[np.ndarray, " rows"], vectors: Float[np.ndarray, "rows width"]) -> None:
        """Add vectors under these numbers; a graph that was opened from a file is read into memory first."""
        if self._viewed is not None:
            self._index.load(str(self._viewed))
            self._viewed = None
        self._index.add(ids.astype(np.uint64), vectors.astype(np.float32))

    def search(self, vectors: Float[np.ndarray, "queries width"], count: int) -> list[Int[np.ndarray, " found"]]:
        """Numbers of about `count` near vectors of each query, ascending."""
        found = self._index.search(vectors.astype(np.float32), count)
        if len(vectors) == 1 and not hasattr(found, "counts"):
            return [np.sort(found.keys.astype(np.int64))]
        return [np.sort(found.keys[row, :n].astype(np.int64)) for row, n in enumerate(found.counts.tolist())]

    def save(self, path: Path) -> None:
        """Write the graph to a file."""
        self._index.save(str(path))

    @classmethod
    def open(cls, path: Path, width: int, config: GraphConfig) -> "Graph":
        """Open a file without reading it into memory."""
        graph = cls(width, config)
        graph._index.view(str(path))
        graph._viewed = path
        return graph


def _usearch() -> Any:
    try:
        import usearch.index as usearch
    except ImportError:
        raise InputError("approximate search needs usearch; pip install 'softtopic[ann]'") from None
    return usearch
