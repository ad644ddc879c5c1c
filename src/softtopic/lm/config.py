"""Names of the embedded models, and settings of language models and sentence encoders. Nothing here imports torch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from softtopic.errors import LanguageModelError, check_number, check_whole

# The model that the languages of the documents ask for.
AUTO = "auto"
LANGUAGE_MODEL = "smollm2-135m"
SENTENCE_ENCODER = "all-minilm-l6-v2"
MULTILINGUAL_ENCODER = "multilingual-e5-small"
ENCODERS = (SENTENCE_ENCODER, MULTILINGUAL_ENCODER)
# The embedded sentence encoders by the names they have elsewhere, in lower case.
ENCODER_NAMES = {
    f"sentence-transformers/{SENTENCE_ENCODER}": SENTENCE_ENCODER,
    f"intfloat/{MULTILINGUAL_ENCODER}": MULTILINGUAL_ENCODER,
    "multilingual": MULTILINGUAL_ENCODER,
}

# A list of texts → [documents, width], any array of floats.
Embedder = Callable[[Sequence[str]], Any]

# Number formats in which models are stored, and those in which they read documents.
STORED_FORMATS = ("bfloat16", "float16", "float32")
FORMATS = (*STORED_FORMATS, "int8")


def encoder_name(name: str) -> str:
    """The name of an embedded encoder for any spelling of it; other names as they are.

    Examples
    --------
    >>> encoder_name("sentence-transformers/all-MiniLM-L6-v2")
    'all-minilm-l6-v2'
    """
    lower = name.lower()
    embedded = ENCODER_NAMES.get(lower, lower)
    return embedded if embedded in ENCODERS else name


def as_embedder(embedder: Any) -> Any:
    """A callable of an object that encodes texts by a method `encode` or `embed`; anything else as it is.

    Models of sentence-transformers and model2vec have `encode`, those of fastembed `embed`, which yields vectors.
    """
    method: Any = next((getattr(embedder, name) for name in ("encode", "embed") if hasattr(embedder, name)), None)
    if isinstance(embedder, str) or not callable(method):
        return embedder

    def embed(texts: Sequence[str]) -> Any:
        vectors: Any = method(list(texts))
        return np.stack(list(vectors)) if isinstance(vectors, Iterator | list) else vectors

    return embed


def check_device(device: str) -> None:
    """Raise InputError for a device that is not here; torch is imported for another than "auto" and "cpu"."""
    if device not in ("auto", "cpu"):
        from softtopic.lm.devices import pick_device

        pick_device(device)


def check_format(dtype: str, known: Sequence[str]) -> None:
    """Raise LanguageModelError unless a number format is "auto" or one of those known."""
    if dtype not in ("auto", *known):
        raise LanguageModelError(f"dtype {dtype!r} is not known; choose one of auto, {', '.join(known)}")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The sentence encoder.

    Parameters
    ----------
    name : str, default="auto"
        An embedded encoder, or a folder that transformers opens. "auto": "all-minilm-l6-v2" for English, the
        multilingual one for other languages and several, if it was fetched.
    max_tokens : int, default=256
        Longer texts are truncated.
    """

    name: str = AUTO
    max_tokens: int = 256

    def __post_init__(self) -> None:
        check_whole("encoder max_tokens", self.max_tokens, 1)


@dataclass(frozen=True, kw_only=True)
class StaticEncoderConfig:
    """Static encoder distilled from the sentence encoder on the documents trained on, the input "static".

    Parameters
    ----------
    n_components : int, default=256
        Width of its vectors at most: leading principal components of the sentence vectors.
    max_tokens : int, default=256
        Longer texts are truncated.
    alpha : float, default=1.0
        L2 penalty of the ridge regression of sentence vectors on sums of token vectors, where training starts.
    n_batches : int, default=200
        Batches of training.
    batch_size : int, default=128
        Documents of each.
    learning_rate : float, default=0.01
        Of Adam, at the start; it falls linearly to 0.
    token_dropout : float in [0, 1), default=0.1
        Share of the tokens of a document that a batch leaves out.
    """

    n_components: int = 256
    max_tokens: int = 256
    alpha: float = 1.0
    n_batches: int = 200
    batch_size: int = 128
    learning_rate: float = 0.01
    token_dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("n_components", "max_tokens", "batch_size"):
            check_whole(f"static encoder {name}", getattr(self, name), 1)
        check_whole("static encoder n_batches", self.n_batches, 0)
        for name in ("alpha", "learning_rate"):
            check_number(f"static encoder {name}", getattr(self, name), 0, closed="neither")
        check_number("static encoder token_dropout", self.token_dropout, 0, 1, closed="left")
