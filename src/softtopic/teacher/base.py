"""What every teacher can do, whatever it asks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from softtopic.data.vocabulary import Vocabulary
from softtopic.types import DocHidden, DocVocab


@dataclass(frozen=True, slots=True)
class TeacherOutput:
    """Features of some documents, one row each, as they are stored: float16, or float32 where that would overflow."""

    log_probs: DocVocab  # log probability of each vocabulary word as the next word, normalised over the vocabulary
    hidden: DocHidden  # last hidden state at the last prompt token, or another vector of the document


class BaseTeacher(ABC):
    """Reads documents: soft labels and vectors."""

    device: torch.device  # where models are trained on what it says

    @cached_property
    @abstractmethod
    def fingerprint(self) -> str:
        """What the features depend on beside the texts and the vocabulary; known without loading or asking anything."""

    def made(self, fingerprint: str) -> bool:
        """Whether features of that fingerprint are of this teacher, on whatever machine it read."""
        return fingerprint == self.fingerprint

    @property
    @abstractmethod
    def description(self) -> dict[str, Any]:
        """The teacher as plain values, for manifests and model folders."""

    @cached_property
    @abstractmethod
    def states_only(self) -> "BaseTeacher":
        """A teacher for documents whose labels nobody asks for: equal vectors, for less."""

    @abstractmethod
    def read(
        self, texts: Sequence[str], vocabulary: Vocabulary, progress: Callable[[int], object] | None = None
    ) -> TeacherOutput:
        """Features of the texts, in their order; `progress` hears how many documents each batch held."""

    @abstractmethod
    def open(self) -> None:
        """Make ready now what `read` would make ready by itself."""

    @abstractmethod
    def close(self) -> None:
        """Let go what takes memory; the next `read` makes it ready again."""
