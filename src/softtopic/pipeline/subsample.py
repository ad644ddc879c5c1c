"""The documents a model learns from: all of them, or of a large corpus a part."""

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from softtopic.data.corpus import Corpus, equidistant
from softtopic.features.store import Features
from softtopic.inputs.registry import Inputs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learnt:
    """Documents with what is read of them, a row for each distinct one."""

    corpus: Corpus
    inputs: Inputs
    features: Features | None  # None: no language model was asked
    rows: Int[np.ndarray, " rows"]  # which of the distinct documents given they are
    read: Int[np.ndarray, " read"]  # which of these rows the features are of

    @classmethod
    def of(cls, corpus: Corpus, inputs: Inputs, features: Features | None, most: int) -> "Learnt":
        """At most so many of the distinct documents, at equal distances in their canonical order.

        Features of fewer rows are of `corpus.sample` of that size; these are all among them, even if more.
        """
        count = len(inputs)
        rows = read = equidistant(count, most)
        if features is not None and len(features) < count:
            read = equidistant(count, len(features))
            others = np.setdiff1d(np.arange(count), read)
            rows = np.union1d(read, others[equidistant(len(others), max(0, most - len(read)))])
        elif features is not None and most < count:
            features = features.at(rows)
        places = np.searchsorted(rows, read)
        if len(rows) == count:
            return cls(corpus, inputs, features, rows, places)
        log.info("topics are learnt from %d of %d documents", len(rows), count)
        part = corpus.at(corpus.distinct.first[rows])
        return cls(part, inputs.at(rows), features, rows, places)
