"""Which documents are read by the language model, and which the topic model is trained on.

Distinct documents are in canonical order, that of their content hashes: places at equal distances are a random sample
that depends on neither the order of the file nor a seed.
"""

from numbers import Real

import numpy as np

from softtopic.data.corpus import equidistant, sample_size
from softtopic.errors import InputError
from softtopic.types import ReadRows, TrainRows


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


def documents_to_train_on(count: int, read: ReadRows, max_documents: int | None) -> TrainRows:
    """Places among `count` distinct documents, ascending: all documents read, and others up to `max_documents`."""
    size = min(count, max_documents or count)
    if not 0 < len(read) < count:
        return equidistant(count, size)
    others = np.setdiff1d(np.arange(count), read)
    return np.union1d(read, others[equidistant(len(others), max(0, size - len(read)))])
