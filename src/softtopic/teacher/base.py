"""The interface of all teachers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from softtopic.data.vocabulary import Vocabulary
from softtopic.types import DocHidden, DocInt, DocVocab

if TYPE_CHECKING:
    import torch

# Called with the number of documents that have been read since the last call.
ProgressCallback = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Features:
    """Soft labels and vectors of documents, one row each.

    Attributes
    ----------
    log_probs : ndarray of shape (n_documents, n_words), float16 where a teacher has made them
        Log probability, in nats, of each vocabulary word as the next word, normalised over the vocabulary.
    hidden : ndarray of shape (n_documents, width), float16, or float32 where float16 would overflow
        Last hidden state at the last prompt token, or another vector of the document.
    """

    log_probs: DocVocab
    hidden: DocHidden

    def __len__(self) -> int:
        return len(self.hidden)

    def at(self, rows: DocInt) -> "Features":
        """The features of some documents."""
        return Features(self.log_probs[rows], self.hidden[rows])


class BaseTeacher(ABC):
    """Reads documents: soft labels and vectors.

    Teachers with the same description are equal. They can be pickled; a copy opens its language model anew.
    """

    @cached_property
    def device(self) -> "torch.device":
        """Where topic models are trained on its output."""
        from softtopic.lm.devices import pick_device

        return pick_device()

    @cached_property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of what the output depends on besides texts and vocabulary; nothing is loaded or contacted."""

    def matches_fingerprint(self, fingerprint: str) -> bool:
        """Whether output with that fingerprint is this teacher's, possibly from another machine."""
        return fingerprint == self.fingerprint

    @property
    @abstractmethod
    def description(self) -> dict[str, Any]:
        """The teacher as JSON values, for manifests and model folders; see `from_description`."""

    @classmethod
    @abstractmethod
    def from_description(cls, description: Mapping[str, Any], *, device: str = "auto") -> "BaseTeacher":
        """The teacher of a `description`, of this or an earlier version.

        Parameters
        ----------
        description : mapping
            Keys as in `description`; those of earlier versions are understood.
        device : str, default "auto"
            Where the language model runs; a description names none.
        """

    @cached_property
    @abstractmethod
    def hidden_only(self) -> "BaseTeacher":
        """A teacher with the same vectors and cheaper soft labels, for documents of which only vectors are needed."""

    @abstractmethod
    def read(self, texts: Sequence[str], vocabulary: Vocabulary, progress: ProgressCallback | None = None) -> Features:
        """Read documents.

        Parameters
        ----------
        texts : sequence of str
            Documents.
        vocabulary : Vocabulary
            The words that are scored.
        progress : callable, optional
            Called after each batch with the number of documents read since the last call.

        Returns
        -------
        Features
            One row for each text, in order.
        """

    @abstractmethod
    def open(self) -> None:
        """Get ready to read; `read` does so by itself."""

    @abstractmethod
    def close(self) -> None:
        """Free memory; the next `read` opens the teacher again."""

    def documents_per_shard(self, texts: Sequence[str]) -> int:
        """How many of these documents are read in a few seconds: at most so many are lost when reading is stopped."""
        return 128

    @property
    @abstractmethod
    def _key(self) -> Hashable:
        """The settings that tell teachers apart."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BaseTeacher) and type(other) is type(self) and other._key == self._key

    def __hash__(self) -> int:
        return hash((type(self), self._key))


# float16 ends at 65,504; vectors of a model whose first ones come near it are kept in float32.
_FLOAT16_LIMIT = 6000.0


def vector_dtype(largest: float) -> type[np.floating]:
    """The format in which vectors are stored, by the largest absolute value of one of them."""
    return np.float32 if largest > _FLOAT16_LIMIT else np.float16
