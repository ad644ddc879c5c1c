"""Prediction of soft labels and hidden states of documents the language model did not read."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix, issparse
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize

from softtopic.graph.config import ImputationConfig
from softtopic.types import DocHidden

_BLOCK = 4096


class Predictor(NamedTuple):
    """Vectors known of all documents, and their weight in the regression."""

    vectors: Float[np.ndarray, "docs _"] | csr_matrix
    weight: float


class Imputed(NamedTuple):
    """Soft labels and hidden states of all documents, float16."""

    labels: Float[np.ndarray, "docs vocab"]
    hidden: DocHidden


def impute(
    labels: Float[np.ndarray, "read vocab"],
    hidden: Float[np.ndarray, "read width"],
    read: Int[np.ndarray, " read"],
    predictors: Sequence[Predictor],
    config: ImputationConfig,
) -> Imputed:
    """Soft labels and hidden states of all documents by ridge regression on vectors that all of them have.

    Square roots of labels are predicted, clipped at 0 and squared. A linear model keeps what sets a document apart,
    where the mean over its neighbours would keep what they have in common.

    Parameters
    ----------
    labels : ndarray of shape (n_read, n_words)
        Soft labels of the documents read; rows sum to 1.
    hidden : ndarray of shape (n_read, width)
        Their hidden states, standardised; those returned are on the same scale.
    read : ndarray of shape (n_read,)
        Which documents were read; they keep their own labels and states.
    predictors : sequence of Predictor
        Vectors of all documents, L2-normalised here.
    config : ImputationConfig

    Returns
    -------
    Imputed
    """
    response = np.hstack([config.label_scale * np.sqrt(labels, dtype=np.float32), hidden])
    blocks: list[Any] = [(normalize(vectors), np.float32(np.sqrt(weight))) for vectors, weight in predictors]
    model = Ridge(alpha=config.alpha).fit(_dense(blocks, read), response)
    count, n_words = predictors[0].vectors.shape[0], labels.shape[1]  # type: ignore[index]
    all_labels = np.empty((count, n_words), dtype=np.float16)
    all_hidden = np.empty((count, hidden.shape[1]), dtype=np.float16)
    for rows in np.split(np.arange(count), range(_BLOCK, count, _BLOCK)):
        predicted = model.predict(_dense(blocks, rows))
        all_labels[rows] = np.asarray(normalize(np.maximum(predicted[:, :n_words], 0) ** 2, norm="l1"))
        all_hidden[rows] = predicted[:, n_words:]
    all_labels[read], all_hidden[read] = labels, hidden
    return Imputed(all_labels, all_hidden)


def _dense(blocks: Sequence[tuple[Any, np.float32]], rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows width"]:
    parts = [(block[rows].toarray() if issparse(block) else block[rows], scale) for block, scale in blocks]
    return np.hstack([scale * part for part, scale in parts]).astype(np.float32)
