"""The documents a model learns from: all of them, or of a large corpus a part."""

import logging
from dataclasses import dataclass

from softtopic.corpus import Corpus, equidistant
from softtopic.inputs import Inputs
from softtopic.store import Features
from softtopic.types import DocInt

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learnt:
    """Documents with what is read of them, a row for each distinct one."""

    corpus: Corpus
    inputs: Inputs
    features: Features | None  # None: no language model was asked; of fewer rows: it read some at equal distances
    rows: DocInt  # which of the distinct documents given they are

    @classmethod
    def of(cls, corpus: Corpus, inputs: Inputs, features: Features | None, most: int) -> "Learnt":
        """At most so many of the distinct documents, at equal distances."""
        count = len(inputs)
        rows = equidistant(count, most)
        if len(rows) == count:
            return cls(corpus, inputs, features, rows)
        log.info("topics are learnt from %d of %d documents", len(rows), count)
        if features is not None and len(features) == count:
            features = features.at(rows)
        part = corpus.sample(most)
        if len(part.distinct.texts) < len(part):
            # Rows of features that were brought along are documents of their own, whatever their texts.
            part = Corpus.from_rows(part.texts, ids=part.ids, labels=part.labels)
        return cls(part, inputs.at(rows), features, rows)
