"""Topic mixtures of a stream of documents, in batches; memory does not grow with their number."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Float

from softtopic.data.corpus import Corpus, text_of, warn_of_missing
from softtopic.errors import InputError, check_whole
from softtopic.pipeline.predict import Predictor
from softtopic.types import DocTopic

_BATCH_SIZE = 256
# Documents of the first batch, and seconds that a batch should take at most.
_FIRST_BATCH = 8
_BATCH_SECONDS = 0.5


@dataclass(slots=True)
class BatchSize:
    """Number of documents of the next batch: as many as are transformed in half a second, however long they are.

    Parameters
    ----------
    most : int
        At most so many.
    """

    most: int = _BATCH_SIZE
    size: int = _FIRST_BATCH

    def __call__(self) -> int:
        return min(self.size, self.most)

    def measured(self, n_documents: int, seconds: float) -> None:
        """Take note of the time that a batch took."""
        if seconds > _BATCH_SECONDS:
            self.size = max(1, self.size // 2)
        elif seconds < _BATCH_SECONDS / 2 and n_documents >= self.size:
            self.size = min(self.most, 2 * self.size)


def transform_stream(
    predictor: Predictor, texts: Iterable[str], *, batch_size: int = _BATCH_SIZE, embedder: Any = None
) -> Iterator[Float[np.ndarray, " topics"]]:
    """Topic mixtures of texts, one after the other; see `TopicModel.transform_stream`."""
    check_whole("batch_size", batch_size, 1)
    if isinstance(texts, str):
        raise InputError("texts is a string; give an iterable of strings")
    batches = _batches(_strings(texts), batch_size)
    return (row for batch in batches for row in batch_mixtures(predictor, batch, embedder)[0])


def batch_mixtures(
    predictor: Predictor, texts: list[str], embedder: Any = None, *, novelty: bool = False
) -> tuple[DocTopic, Float[np.ndarray, " docs"] | None]:
    """Mixtures of some texts, and their novelty where it is asked for; blank ones get the mean without a warning."""
    made = predictor.make_inputs(Corpus.from_texts(texts), embedder=embedder)
    if not novelty:
        return predictor.predict(*made, with_vectors=predictor.edited.needs_vectors).theta, None
    found = predictor.predict(*made)
    assert made[0] is not None  # noqa: S101
    return found.theta, predictor.novelty_scale.novelty(found.projections, made[0].blank)


def _strings(texts: Iterable[object]) -> Iterator[str]:
    """Texts, missing ones empty; how many these are is said once, at the end."""
    n_texts = n_missing = 0
    for value in texts:
        text = text_of(value, f"texts[{n_texts}]")
        n_texts, n_missing = n_texts + 1, n_missing + (text is None)
        yield text or ""
    warn_of_missing(n_missing, n_texts)


def _batches(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    while batch := list(islice(texts, size)):
        yield batch
