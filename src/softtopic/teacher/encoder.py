"""A sentence encoder as teacher: words are as probable after a document as they are close to it.

For languages that a small language model knows little of. The probability of a word is proportional to
exp(cosine(document, word) / temperature); calibration by the corpus removes what a word has in common with all
documents.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax
from sklearn.preprocessing import normalize

from softtopic.data.corpus import fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, check_number, check_whole
from softtopic.lm.config import MULTILINGUAL_ENCODER, EncoderConfig, encoder_name
from softtopic.lm.encoder import SentenceEncoder
from softtopic.teacher.base import BaseTeacher, Features, ProgressCallback
from softtopic.types import DocHidden

# The name by which it is asked for: `lm="encoder"`, `--lm encoder`.
ENCODER_TEACHER = "encoder"

# Part of every fingerprint: raise it when the same inputs give other numbers.
VERSION = 1

# Documents encoded between two reports of progress.
_BATCH_SIZE = 256


@final
class EncoderTeacher(BaseTeacher):
    """Sentence encoder that says which words are close to a document; no language model is needed.

    Parameters
    ----------
    encoder : str, default="multilingual-e5-small"
        Sentence encoder, by name or folder.
    temperature : float, default=0.02
        Cosines are divided by it: a word whose cosine is .02 higher is e times as probable.
    max_tokens : int, default=256
        Longer documents are truncated.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where the encoder computes.

    Raises
    ------
    InputError
        If a setting is out of range.

    Examples
    --------
    >>> from softtopic import EncoderTeacher, TopicModel
    >>> model = TopicModel(lm=EncoderTeacher(temperature=0.05))
    """

    def __init__(
        self,
        encoder: str = MULTILINGUAL_ENCODER,
        *,
        temperature: float = 0.02,
        max_tokens: int = EncoderConfig.max_tokens,
        device: str = "auto",
    ) -> None:
        check_number("temperature of the encoder", temperature, 0, closed="neither")
        check_whole("max_tokens", max_tokens, 1)
        self.encoder = encoder_name(encoder)
        self.temperature = temperature
        self.max_tokens = max_tokens
        self._device = device
        self._words: tuple[Vocabulary, DocHidden] | None = None

    @cached_property
    def _model(self) -> SentenceEncoder:
        return SentenceEncoder(self.encoder, max_tokens=self.max_tokens, device=self._device)

    @cached_property
    def device(self) -> Any:
        """Where the encoder computes, and topic models are trained on its output."""
        return self._model.device

    @property
    def _key(self) -> Hashable:
        return self.encoder, self.temperature, self.max_tokens

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_strings([f"encoder {VERSION}", self._model.fingerprint, str(self.temperature)])

    @property
    def description(self) -> dict[str, Any]:
        return {
            "lm": ENCODER_TEACHER,
            "encoder": self.encoder,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any], *, device: str = "auto") -> "EncoderTeacher":
        settings = {name: value for name, value in description.items() if name != "lm"}
        return cls(**settings, device=device)

    @cached_property
    def hidden_only(self) -> "EncoderTeacher":
        """The teacher itself: what is beside the vectors costs nothing."""
        return self

    def read(self, texts: Sequence[str], vocabulary: Vocabulary, progress: ProgressCallback | None = None) -> Features:
        """Encode documents; see `BaseTeacher.read`."""
        parts = []
        for start in range(0, len(texts), _BATCH_SIZE):
            parts.append(self._model(texts[start : start + _BATCH_SIZE]))
            if progress is not None:
                progress(len(parts[-1]))
        return self.features(np.concatenate(parts) if parts else self._model(()), vocabulary)

    def features(
        self, vectors: DocHidden, vocabulary: Vocabulary, axes: Float[np.ndarray, "axes width"] | None = None
    ) -> Features:
        """Soft labels of documents by their sentence vectors.

        Parameters
        ----------
        vectors : ndarray of shape (n_documents, width)
            L2-normalised, of this teacher's encoder.
        vocabulary : Vocabulary
            The words that are scored.
        axes : ndarray of shape (n_axes, width) or None, default=None
            Orthonormal axes along which the vectors are 0, so that words are compared without them.

        Raises
        ------
        InputError
            If the vectors are as wide as those of another encoder.
        """
        words = self._word_vectors(vocabulary)
        if vectors.shape[1] != words.shape[1]:
            raise InputError(f"vectors of width {vectors.shape[1]}; those of {self.encoder} have {words.shape[1]}")
        if axes is not None:
            words = np.asarray(normalize(words - (words @ axes.T) @ axes))
        log_probs = np.empty((len(vectors), len(words)), dtype=np.float16)
        for start in range(0, len(vectors), _BATCH_SIZE):
            rows = slice(start, start + _BATCH_SIZE)
            log_probs[rows] = log_softmax(vectors[rows] @ words.T / np.float32(self.temperature), axis=1)
        return Features(log_probs, vectors.astype(np.float16))

    def _word_vectors(self, vocabulary: Vocabulary) -> DocHidden:
        if self._words is None or self._words[0] != vocabulary:
            self._words = vocabulary, self._model(vocabulary.words)
        return self._words[1]

    def open(self) -> None:
        """Open the encoder; `read` does so by itself."""
        self._model(())

    def close(self) -> None:
        """Free the memory of the encoder; the next `read` opens it again."""
        self._model.close()

    def documents_per_shard(self, texts: Sequence[str]) -> int:
        """As many as are encoded in a few seconds."""
        return 2 * _BATCH_SIZE

    def __getstate__(self) -> dict[str, Any]:
        """A copy encodes the words anew."""
        return vars(self) | {"_words": None}
