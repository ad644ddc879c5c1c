"""Removal of the language model's prior over words.

A small LM likes some words whatever it has read. Subtracting each word's log probability under that prior leaves what
this document adds (contextual calibration; Zhao et al., 2021, who ask after prompts without content; with the mean over
a corpus it is the pointwise mutual information of document and word).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax

from softtopic.errors import InputError
from softtopic.types import DocVocab

SOURCES = ("none", "corpus", "content-free")

# Documents that say nothing; what the language model expects after them is its prior.
CONTENT_FREE = ("N/A", "[MASK]", "...", "-", "Text", "This is a document.")


@dataclass(frozen=True)
class Calibration:
    """A prior over words, and how much of it is taken off.

    Args:
        prior: log probability of each word in nats, float32 [vocab].
        source: where it is from: "corpus" or "content-free".
        strength: 0 takes nothing off, 1 the whole prior.

    """

    prior: Float[np.ndarray, " vocab"]
    source: str
    strength: float = 1.0

    def __post_init__(self) -> None:
        check_calibration(self.source, self.strength)

    @classmethod
    def fit(cls, log_probs: DocVocab, source: str = "corpus", strength: float = 1.0) -> "Calibration":
        """The mean log probability of each word over documents: those of the corpus, or CONTENT_FREE ones."""
        return cls(mean_log_probs(log_probs), source, strength)

    @property
    def offset(self) -> Float[np.ndarray, " vocab"]:
        """What is taken off log probabilities, in nats."""
        return self.prior * np.float32(self.strength)

    def __call__(self, log_probs: DocVocab) -> Float[np.ndarray, "docs vocab"]:
        """Calibrated log probabilities, normalised over the vocabulary, float32."""
        return log_softmax(log_probs.astype(np.float32) - self.offset, axis=1)


def mean_log_probs(log_probs: DocVocab) -> Float[np.ndarray, " vocab"]:
    """Mean log probability of each word over the documents, in nats, float32."""
    return log_probs.mean(axis=0, dtype=np.float64).astype(np.float32)


def check_calibration(source: str, strength: float) -> None:
    """Raises InputError for a source of a prior that is not known, or a strength out of range."""
    if source not in SOURCES:
        raise InputError(f"calibration {source!r} is not known; choose one of {', '.join(SOURCES)}")
    if not 0 <= strength <= 2:
        raise InputError(f"strength of calibration is {strength}; give a number from 0 to 2")
