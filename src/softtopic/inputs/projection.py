"""Principal components of a topic model's inputs: small vectors that tell documents of one topic apart."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix, hstack, issparse
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from softtopic.inputs.registry import INPUTS, Inputs

# Columns of the vectors, and documents that the components are computed from.
N_COMPONENTS = 64
_MAX_ROWS = 20_000

_BLOCK = 4096

Components = Float[np.ndarray, "width inputs"]


def fit_components(inputs: Inputs, *, seed: int) -> Components:
    """Leading right singular vectors of the inputs, whose parts are L2-normalised row by row.

    Parameters
    ----------
    inputs : Inputs
        A row for each distinct document, in an order without meaning.
    seed : int

    Returns
    -------
    ndarray of shape (at most `N_COMPONENTS`, n_inputs), float32
        Columns of dense inputs alone where there are any: sparse ones repeat their words.
    """
    rows = np.linspace(0, len(inputs) - 1, min(len(inputs), _MAX_ROWS)).round().astype(np.int64)
    points = _joined(inputs.at(rows))
    n_components = min(N_COMPONENTS, *points.shape)  # type: ignore[misc]
    _, _, components = randomized_svd(points, n_components, n_iter=2, random_state=seed)  # type: ignore[arg-type]
    return components.astype(np.float32)


def project(inputs: Inputs, components: Components) -> Float[np.ndarray, "docs width"]:
    """Vectors of documents: projections on the components, rows of L2 norm 1 or 0."""
    blocks = [
        np.asarray(normalize(np.asarray(_joined(inputs.at(rows)) @ components.T)))
        for rows in np.split(np.arange(len(inputs)), range(_BLOCK, len(inputs), _BLOCK))
    ]
    return np.concatenate(blocks).astype(np.float16)


def projected_inputs(names: Iterable[str]) -> list[str]:
    """The dense ones of these inputs, or all where all are sparse."""
    return [name for name in names if not INPUTS[name].is_sparse] or list(names)


def _joined(inputs: Inputs) -> np.ndarray | csr_matrix:
    blocks = [normalize(inputs.blocks[name].astype(np.float32)) for name in projected_inputs(inputs.blocks)]
    if any(map(issparse, blocks)):
        return csr_matrix(hstack(blocks))
    return np.concatenate([np.asarray(block) for block in blocks], axis=1)
