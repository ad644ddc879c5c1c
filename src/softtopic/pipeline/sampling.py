"""Which documents are read by the language model, and which the topic model is trained on.

Distinct documents are in canonical order, that of their content hashes: places at equal distances are a random sample
that depends on neither the order of the file nor a seed. Medoids cover a corpus more evenly than a random sample does.
"""

from collections.abc import Sequence
from numbers import Real

import numpy as np
from sklearn.preprocessing import normalize

from softtopic.data.corpus import equidistant, sample_size
from softtopic.errors import InputError
from softtopic.graph.clustering import kmeans
from softtopic.recipes import MedoidsConfig, Recipe, TokenBudget
from softtopic.types import DocHidden, ReadRows, TrainRows


def check_sample(sample: object) -> None:
    """Raises InputError unless `sample` is None or a share of the documents."""
    share = float(sample) if isinstance(sample, Real) and not isinstance(sample, bool) else 0.0
    if sample is not None and not 0 < share <= 1:
        raise InputError(f"sample is {sample!r}; give a share above 0 and at most 1")


def documents_to_read(count: int, sample: float | None, max_documents: int | None) -> ReadRows:
    """Places among `count` distinct documents, ascending.

    Parameters
    ----------
    count : int
    sample : float in (0, 1] or None
        Share of the documents; None for `max_documents` of them.
    max_documents : int or None
        None for all.
    """
    size = min(count, max_documents or count) if sample is None else sample_size(count, float(sample))
    return equidistant(count, min(size, count))


def n_affordable(texts: Sequence[str], recipe: Recipe) -> int | None:
    """Documents that may be read by the limits of the recipe; None for all.

    Parameters
    ----------
    texts : sequence of str
        Distinct documents.
    recipe : Recipe
    """
    read, budget = recipe.read, recipe.read.budget
    if budget is None:
        return read.max_documents
    lengths = np.array([len(text) for text in texts]) / budget.characters_per_token
    total = max(budget.min_tokens, budget.ratio * float(np.minimum(lengths, recipe.encoder.max_tokens).sum()))
    per_document = read.n_prompts * float(np.minimum(lengths, read.max_tokens).mean() + budget.tokens_after)
    affordable = max(budget.min_documents, round(total / per_document))
    return min(affordable, read.max_documents or affordable)


def n_longer(texts: Sequence[str], n_tokens: int) -> int:
    """About how many texts are longer than so many tokens, by their characters."""
    characters = n_tokens * TokenBudget.characters_per_token
    return sum(len(text) > characters for text in texts)


def medoids(vectors: DocHidden, count: int, config: MedoidsConfig) -> ReadRows:
    """Documents nearest to the centres of k-means, one of each cluster.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, width)
        L2-normalised here: distances are those of cosines.
    count : int
        Number of clusters, and of places. An empty cluster is replaced by a random document.
    config : MedoidsConfig

    Returns
    -------
    ndarray of int
        `count` places, ascending.
    """
    rows = equidistant(len(vectors), max(count, config.max_documents))
    # Squares of float16 overflow.
    points = np.asarray(normalize(np.asarray(vectors[rows], dtype=np.float32)))
    model = kmeans(points, count, 0, init="random", n_init=1, max_iter=config.max_iter)
    labels = np.asarray(model.labels_)
    distances = np.linalg.norm(points - np.asarray(model.cluster_centers_)[labels], axis=1)
    order = np.lexsort((distances, labels))
    _, first = np.unique(labels[order], return_index=True)
    chosen = rows[order[first]]
    others = np.setdiff1d(np.arange(len(vectors)), chosen)
    return np.union1d(chosen, others[equidistant(len(others), count - len(chosen))])


def n_to_train_on(count: int, n_read: int, max_documents: int | None) -> int:
    """Number of documents trained on: up to `max_documents`, but all that were read of a part."""
    size = min(count, max_documents or count)
    return max(size, n_read) if n_read < count else size


def documents_to_train_on(count: int, read: ReadRows, max_documents: int | None) -> TrainRows:
    """Places among `count` distinct documents, ascending: all documents read, and others up to `max_documents`."""
    size = n_to_train_on(count, len(read), max_documents)
    rows = equidistant(count, size)
    if not 0 < len(read) < count or np.isin(read, rows).all():
        return rows
    others = np.setdiff1d(np.arange(count), read)
    return np.union1d(read, others[equidistant(len(others), size - len(read))])
