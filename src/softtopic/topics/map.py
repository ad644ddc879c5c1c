"""A map of the documents in two dimensions: t-SNE of a sample, the others among their nearest neighbours in it."""

import numpy as np
from jaxtyping import Float, Int
from sklearn.manifold import TSNE
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from softtopic.state import FittedState

# 20,000 documents take 3 s; twice the sample takes twice as long and looks the same.
_MAP_SAMPLE = 2000
_PERPLEXITY = 30
_N_ITERATIONS = 500

# Neighbours in the sample among which a document is placed.
_N_NEIGHBOURS = 5

_BLOCK = 4096

Points = Float[np.ndarray, "docs width"]
Coordinates = Float[np.ndarray, "docs 2"]
Centers = Float[np.ndarray, "topics 2"]


def document_map(state: FittedState, seed: int = 0) -> Coordinates:
    """Coordinates of the training documents, near each other where mixtures and vectors are alike.

    t-SNE of a random sample of 2,000 documents, by the square roots of their mixtures and, if the model has them, their
    vectors. All others are placed at the mean of their five nearest documents of the sample, weighted by inverse
    squared distance, with noise of the distance between neighbours there.

    Parameters
    ----------
    state : FittedState
    seed : int, default=0
        Seed of sample and noise.

    Returns
    -------
    ndarray of shape (n_documents, 2), float32
        In [-1, 1]. Blank documents are at the origin.

    References
    ----------
    van der Maaten & Hinton (2008). Visualizing data using t-SNE. JMLR 9.
    """
    coordinates = np.zeros((len(state.theta), 2), dtype=np.float32)
    shown = state.with_text
    if len(shown) == 0:
        return coordinates
    points = _points(state)[shown]
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(len(points), min(_MAP_SAMPLE, len(points)), replace=False))
    placed = _tsne(points[sample], seed)
    found = _among_neighbours(points, points[sample], placed)
    found += rng.normal(scale=_spacing(placed), size=found.shape)
    found[sample] = placed
    coordinates[shown] = found / max(float(np.abs(found).max()), 1e-12)
    return coordinates


def topic_centers(state: FittedState, coordinates: Coordinates) -> Centers:
    """The median of each topic's documents on a map; topics without documents are at their weighted mean."""
    rows = state.with_text
    columns = state.columns[rows]
    centers = np.asarray(normalize(state.theta[rows].T, norm="l1")) @ coordinates[rows]
    for column in np.flatnonzero(state.counts):
        centers[column] = np.median(coordinates[rows[columns == column]], axis=0)
    return centers


def color_numbers(centers: Centers, sizes: Int[np.ndarray, " topics"], n_colors: int) -> list[int]:
    """A colour for each topic such that topics near each other have different ones.

    Topics choose by size, the largest first: a colour not used before, else that whose nearest topic is farthest away.
    """
    colors = np.full(len(centers), -1)
    for topic in np.argsort(-sizes, kind="stable"):
        distances = np.linalg.norm(centers - centers[topic], axis=1)
        nearest = [distances[colors == color].min(initial=np.inf) for color in range(n_colors)]
        colors[topic] = int(np.argmax(nearest))
    return colors.tolist()


def _points(state: FittedState) -> Points:
    """Square roots of mixtures, and vectors, both of L2 norm 1."""
    mixtures = np.sqrt(state.theta)
    if state.vectors is None:
        return mixtures
    return np.hstack([mixtures, state.vectors.documents.astype(np.float32)])


def _tsne(points: Points, seed: int) -> Coordinates:
    if len(points) < 4:
        return np.asarray([[0, 0], [1, 0], [0, 1]], dtype=np.float32)[: len(points)]
    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    # Equal documents have no principal components.
    init = "pca" if np.ptp(points, axis=0).max() > 0 else "random"
    model = TSNE(perplexity=perplexity, init=init, max_iter=_N_ITERATIONS, random_state=seed)
    # With several threads sums have another order, and equal inputs other maps.
    with threadpool_limits(1):
        return model.fit_transform(points.astype(np.float32))


def _among_neighbours(
    points: Points,
    sample: Float[np.ndarray, "sample width"],
    placed: Float[np.ndarray, "sample 2"],
) -> Coordinates:
    """For each point the mean position of its nearest neighbours in the sample, by inverse squared distance."""
    k = min(_N_NEIGHBOURS, len(sample))
    found = np.empty((len(points), 2), dtype=np.float32)
    norms = (sample**2).sum(axis=1)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        distances = norms - 2 * block @ sample.T
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        squared = np.take_along_axis(distances, nearest, axis=1) + (block**2).sum(axis=1, keepdims=True)
        weights = 1 / np.maximum(squared, 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        found[start : start + _BLOCK] = np.einsum("nk,nkd->nd", weights, placed[nearest])
    return found


def _spacing(placed: Coordinates) -> float:
    """Median distance of a point to its nearest neighbour."""
    distances = np.linalg.norm(placed[:, None] - placed[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return float(np.median(distances.min(axis=1))) if len(placed) > 1 else 0.0
