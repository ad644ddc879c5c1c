"""Distances of topic mixtures. Each has a matrix product that finds candidates and an exact formula that ranks them.

A new one is an entry in `METRICS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from softtopic.errors import InputError

# Shares below this are as good as none; it keeps the logarithm finite.
FLOOR = 1e-12

Rows = Float[np.ndarray, "rows topics"]
Factors = Float[np.ndarray, "rows width"]
PerRow = Float[np.ndarray, " rows"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A distance between a query p and a document q.

    The similarity of p and q is the product of a row of `left(p)` and a row of `right(q)`. It equals
    ``offset(p) - cost(distance)``, so that documents with the largest similarity have the smallest distance.

    Attributes
    ----------
    name : str
    title : str
        What tables call it.
    distances : callable
        Exact distances of rows of queries and rows of documents, in float64; equal rows give equal values.
    left, right, offset, cost : callable
        See above.
    unit : callable
        Vectors of norm 1 that are near each other where documents are, for an approximate index.
    signed : bool, default=False
        Whether rows may have values below 0.
    """

    name: str
    title: str
    distances: Callable[[Rows, Rows], PerRow]
    left: Callable[[Rows], Factors]
    right: Callable[[Rows], Factors]
    offset: Callable[[Rows], PerRow]
    cost: Callable[[np.ndarray], np.ndarray]
    unit: Callable[[Rows], Rows]
    signed: bool = False

    def checked(self, name: str, rows: np.ndarray) -> Rows:
        """The rows; raises InputError where they have values that the distance does not have."""
        if not np.isfinite(rows).all() or (not self.signed and rows.size and rows.min() < 0):
            raise InputError(f"{name} has values that are {'not finite' if self.signed else 'below 0 or not finite'}")
        return rows


def log_floored(rows: Rows) -> Rows:
    """Logarithms of shares, of at least `FLOOR`."""
    return np.log(np.maximum(rows, FLOOR))


def kl_divergence(p: Rows, q: Rows) -> PerRow:
    """KL(p ‖ q) = Σ p log p - Σ p log q of each pair of rows, in nats (Kullback & Leibler, 1951)."""
    return _negative_entropy(p) - (log_floored(q) * p).sum(axis=1)


def hellinger_distance(p: Rows, q: Rows) -> PerRow:
    """√(½ Σ (√p - √q)²) of each pair of rows, in [0, 1] (Hellinger, 1909)."""
    return np.sqrt(0.5 * ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=1))


def cosine_distance(p: Rows, q: Rows) -> PerRow:
    """1 - cos(p, q) of each pair of rows, in [0, 2]; computed from the difference, so that it is 0 for equal rows."""
    return 0.5 * ((unit_rows(p) - unit_rows(q)) ** 2).sum(axis=1)


def unit_rows(rows: Rows) -> Rows:
    """L2-normalised rows; rows of zeros stay as they are."""
    norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return rows / np.where(norms > 0, norms, 1)


def _negative_entropy(rows: Rows) -> PerRow:
    return (rows * log_floored(rows)).sum(axis=1)


def _zeros(rows: Rows) -> PerRow:
    return np.zeros(len(rows))


def _ones(rows: Rows) -> PerRow:
    return np.ones(len(rows))


def _same(values: np.ndarray) -> np.ndarray:
    return values


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="kl",
            title="KL(query ‖ document)",
            distances=kl_divergence,
            left=_same,
            right=log_floored,
            offset=_negative_entropy,
            cost=_same,
            unit=np.sqrt,
        ),
        Metric(
            name="reverse-kl",
            title="KL(document ‖ query)",
            distances=lambda p, q: kl_divergence(q, p),
            # One more column holds what depends on the document alone.
            left=lambda p: np.column_stack([log_floored(p), np.ones(len(p))]),
            right=lambda q: np.column_stack([q, -_negative_entropy(q)]),
            offset=_zeros,
            cost=_same,
            unit=np.sqrt,
        ),
        Metric(
            name="hellinger",
            title="Hellinger distance",
            distances=hellinger_distance,
            left=np.sqrt,
            right=np.sqrt,
            offset=_ones,
            cost=np.square,
            unit=np.sqrt,
        ),
        Metric(
            name="cosine",
            title="cosine distance",
            distances=cosine_distance,
            left=unit_rows,
            right=unit_rows,
            offset=_ones,
            cost=_same,
            unit=unit_rows,
            signed=True,
        ),
    )
}


def get_metric(name: str) -> Metric:
    """The metric of a name; raises InputError for an unknown one."""
    if name not in METRICS:
        raise InputError(f"metric is {name!r}; give one of {', '.join(METRICS)}")
    return METRICS[name]
