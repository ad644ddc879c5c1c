"""Contextual calibration: removal of the language model's prior over words.

A small language model prefers some words whatever it has read. Subtracting each word's log probability under that prior
leaves what the document adds. The prior is estimated after inputs without content, as by Zhao et al. (2021), or as the
mean over a corpus; with the latter the result is the pointwise mutual information of document and word.

References
----------
Zhao et al. (2021). Calibrate before use: improving few-shot performance of language models. ICML.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax

from softtopic.errors import InputError, check_number
from softtopic.types import DocVocab

SOURCES = ("none", "corpus", "content-free")

# Inputs without content; what the language model expects after them is its prior.
CONTENT_FREE = ("N/A", "[MASK]", "...", "-", "Text", "This is a document.")


@dataclass(frozen=True)
class Calibration:
    """A prior over words and the weight with which it is subtracted.

    Parameters
    ----------
    prior : ndarray of shape (n_words,), float32
        Log probability of each word, in nats.
    source : {"corpus", "content-free"}
        Documents the prior was estimated on.
    strength : float, default 1.0
        Weight of the prior, from 0 (no calibration) to 2; 1 removes the whole prior.

    Raises
    ------
    InputError
        If the source is not known or the strength out of range.
    """

    prior: Float[np.ndarray, " vocab"]
    source: str
    strength: float = 1.0

    def __post_init__(self) -> None:
        check_calibration(self.source, self.strength)

    @classmethod
    def fit(cls, log_probs: DocVocab, source: str = "corpus", strength: float = 1.0) -> "Calibration":
        """Estimate the prior as the mean log probability of each word over documents."""
        return cls(mean_log_probs(log_probs), source, strength)

    @property
    def offset(self) -> Float[np.ndarray, " vocab"]:
        """What is subtracted from log probabilities, in nats."""
        return self.prior * np.float32(self.strength)

    def __call__(self, log_probs: DocVocab) -> Float[np.ndarray, "docs vocab"]:
        """Calibrated log probabilities, normalised over the vocabulary, float32."""
        return log_softmax(log_probs.astype(np.float32) - self.offset, axis=1)


def mean_log_probs(log_probs: DocVocab) -> Float[np.ndarray, " vocab"]:
    """Mean log probability of each word over documents, in nats, float32."""
    return log_probs.mean(axis=0, dtype=np.float64).astype(np.float32)


def check_calibration(source: str, strength: float) -> None:
    """Raises InputError for an unknown source of the prior, or a strength out of range."""
    if source not in SOURCES:
        raise InputError(f"calibration {source!r} is not known; choose one of {', '.join(SOURCES)}")
    check_number("strength of calibration", strength, 0, 2, closed="both")
