"""Classifier of the parts of a topic."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from softtopic.types import DocHidden

# Inverse strength of the L2 penalty: mixtures are soft between the parts.
_C = 10.0


@dataclass(frozen=True, eq=False)
class Splitter:
    """Multinomial logistic regression of the parts of one topic.

    Attributes
    ----------
    column : int
        Column of the topic; its first part stays there, the others become the last columns.
    weights : ndarray of shape (n_parts, width)
    biases : ndarray of shape (n_parts,)
    """

    column: int
    weights: Float[np.ndarray, "parts width"]
    biases: Float[np.ndarray, " parts"]

    def shares(self, vectors: DocHidden) -> Float[np.ndarray, "docs parts"]:
        """Probability of each part."""
        # einsum: a product of matrices may sum in an order that depends on the number of rows.
        known = narrowed(vectors.astype(np.float32), self.weights.shape[1])
        return softmax(np.einsum("dw,pw->dp", known, self.weights) + self.biases, axis=1)

    def divide(self, columns: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Columns with that of the topic multiplied by the shares of its parts."""
        parts = columns[:, self.column, None] * shares
        divided = np.concatenate([columns, parts[:, 1:]], axis=1)
        divided[:, self.column] = parts[:, 0]
        return divided


def narrowed(vectors: DocHidden, width: int) -> Float[np.ndarray, "docs narrow"]:
    """The first columns of L2-normalised vectors, normalised again: those that there were before new topics."""
    rest = np.any(vectors[:, width:], axis=1, keepdims=True)
    return np.where(rest, np.asarray(normalize(vectors[:, :width])), vectors[:, :width])


def classifier(
    points: DocHidden, classes: np.ndarray
) -> tuple[Float[np.ndarray, "classes width"], Float[np.ndarray, " classes"]]:
    """Weights and biases of a multinomial logistic regression, a row for each of the classes 0, 1, …"""
    model = LogisticRegression(C=_C, max_iter=1000).fit(points, classes)
    weights, biases = model.coef_, model.intercept_
    if len(weights) == 1:  # scikit-learn has one row for two classes
        weights, biases = np.vstack([-weights, weights]) / 2, np.concatenate([-biases, biases]) / 2
    return weights.astype(np.float32), biases.astype(np.float32)


def as_tuples(rows: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """A matrix as an edit holds it."""
    return tuple(map(tuple, rows.tolist()))
