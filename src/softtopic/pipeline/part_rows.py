"""What is computed of the documents of a part: topic mixtures, sentence vectors or soft labels.

Each class is a description of plain values that can be sent to another machine; `open` opens the models there.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from softtopic.data.vocabulary import Vocabulary
from softtopic.features.soft_label_files import METADATA
from softtopic.lm.encoder import SentenceEncoder
from softtopic.pipeline.mixtures import mixture_columns
from softtopic.pipeline.predict import Predictor
from softtopic.pipeline.stream import batch_mixtures
from softtopic.teacher.base import BaseTeacher

# Columns of some texts: arrays with a row for each of them.
RowColumns = dict[str, np.ndarray]


class RowFunction(ABC):
    """What is computed of texts."""

    # Whether the texts are written, too, and whether blank ones have a row.
    keeps_texts: ClassVar[bool] = False
    takes_blank: ClassVar[bool] = True

    @property
    @abstractmethod
    def made_of(self) -> Mapping[str, object]:
        """Whatever changes the columns, beside the texts."""

    @property
    def metadata(self) -> Mapping[bytes, bytes]:
        """Metadata of the files."""
        return {}

    @abstractmethod
    def open(self) -> Callable[[list[str]], RowColumns]:
        """Open the models; returns the function from texts to columns."""


@dataclass(frozen=True, kw_only=True)
class MixtureRows(RowFunction):
    """Topic mixtures: `topic`, `theta_TOPIC` for each topic, and `novelty` where it is asked for.

    Attributes
    ----------
    open_predictor : callable
        Opens the model; it can be sent to another machine.
    model : mapping of str to plain value
        What is known of the model; see `softtopic.pipeline.mixtures.made_of_model`.
    novelty : bool, default=False
    """

    open_predictor: Callable[[], Predictor]
    model: Mapping[str, object]
    novelty: bool = False

    @property
    def made_of(self) -> Mapping[str, object]:
        return self.model

    def open(self) -> Callable[[list[str]], RowColumns]:
        predictor = self.open_predictor()
        topics = predictor.view.topic_ids
        return lambda texts: mixture_columns(topics, *batch_mixtures(predictor, texts, novelty=self.novelty))


@dataclass(frozen=True, kw_only=True)
class VectorRows(RowFunction):
    """Sentence vectors: `embedding`."""

    encoder: SentenceEncoder

    @property
    def made_of(self) -> Mapping[str, object]:
        return {"encoder": self.encoder.fingerprint}

    def open(self) -> Callable[[list[str]], RowColumns]:
        return lambda texts: _of_distinct(texts, lambda distinct: {"embedding": self.encoder(distinct)})


@dataclass(frozen=True, kw_only=True)
class SoftLabelRows(RowFunction):
    """Soft labels and hidden states: `log_probs` and `hidden`, in files that `read_soft_labels` reads."""

    keeps_texts = True
    takes_blank = False

    teacher: BaseTeacher
    vocabulary: Vocabulary

    @property
    def made_of(self) -> Mapping[str, object]:
        teacher = {"language model, prompt or max_tokens": self.teacher.fingerprint}
        return teacher | {"vocabulary": self.vocabulary.fingerprint}

    @property
    def metadata(self) -> Mapping[bytes, bytes]:
        return {METADATA: json.dumps(self.vocabulary.words).encode("utf-8")}

    def open(self) -> Callable[[list[str]], RowColumns]:
        self.teacher.open()

        def read(texts: list[str]) -> RowColumns:
            found = self.teacher.read(texts, self.vocabulary)
            return {"log_probs": found.log_probs, "hidden": found.hidden}

        return lambda texts: _of_distinct(texts, read)


def _of_distinct(texts: list[str], compute: Callable[[list[str]], RowColumns]) -> RowColumns:
    """Columns of texts of which each is computed once."""
    place = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    rows = np.array([place[text] for text in texts], dtype=np.int64)
    return {name: values[rows] for name, values in compute(list(place)).items()}
