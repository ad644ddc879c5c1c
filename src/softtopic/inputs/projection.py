"""Principal components of a topic model's inputs: small vectors that tell documents of one topic apart."""

from collections.abc import Iterable
from typing import Any

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
    points = joined(inputs.at(rows))
    n_components = min(N_COMPONENTS, *points.shape)  # type: ignore[misc]
    _, _, components = randomized_svd(points, n_components, n_iter=2, random_state=seed)  # type: ignore[arg-type]
    return components.astype(np.float32)


def project(
    inputs: Inputs, components: Components
) -> tuple[Float[np.ndarray, "docs width"], Float[np.ndarray, " docs"]]:
    """Vectors of documents, projections on the components with rows of L2 norm 1 or 0, and their norms before.

    Returns
    -------
    vectors : ndarray of shape (n_documents, width), float16
    norms : ndarray of shape (n_documents,), float16
        In [0, 1], where the inputs of a document have norm 1.
    """
    blocks = [
        project_points(points_of(inputs.at(rows)), components)
        for rows in np.split(np.arange(len(inputs)), range(_BLOCK, len(inputs), _BLOCK))
    ]
    vectors, norms = zip(*blocks, strict=True)
    return np.concatenate(vectors), np.concatenate(norms)


def project_points(points: np.ndarray | csr_matrix, components: Components) -> tuple[np.ndarray, np.ndarray]:
    """As `project`, from L2-normalised inputs; see `points_of`."""
    projections = np.asarray(points @ components.T)
    norms = np.minimum(np.linalg.norm(projections, axis=1), 1)
    return np.asarray(_unit(projections)).astype(np.float16), norms.astype(np.float16)


def _unit(points: Any) -> Any:
    """Rows of L2 norm 1 or 0; `normalize` refuses an array without rows."""
    return normalize(points) if points.shape[0] else points


def widen(components: Components, directions: Float[np.ndarray, "more inputs"]) -> Float[np.ndarray, "_ inputs"]:
    """The components, and what these directions add to them: the rows stay orthonormal (Gram-Schmidt)."""
    for direction in directions.astype(np.float64):
        rest = direction - components.T @ (components @ direction)
        components = np.vstack([components, rest / max(np.linalg.norm(rest), np.finfo(np.float32).eps)])
    return components.astype(np.float32)


def points_of(inputs: Inputs) -> np.ndarray | csr_matrix:
    """Inputs of documents side by side, rows of L2 norm 1 or 0; parts weigh the same."""
    points: Any = _unit(joined(inputs))
    return points


def projected_inputs(names: Iterable[str]) -> list[str]:
    """The dense ones of these inputs, or all where all are sparse."""
    return [name for name in names if not INPUTS[name].is_sparse] or list(names)


def joined(inputs: Inputs) -> np.ndarray | csr_matrix:
    blocks = [_unit(inputs.blocks[name].astype(np.float32)) for name in projected_inputs(inputs.blocks)]
    if any(map(issparse, blocks)):
        return csr_matrix(hstack(blocks))
    return np.concatenate([np.asarray(block) for block in blocks], axis=1)
