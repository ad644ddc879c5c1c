"""One soft label and one hidden state of a document, from those of its chunks and of several prompts."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax

from softtopic.teacher.base import Features
from softtopic.teacher.calibration import Calibration
from softtopic.types import DocInt, DocVocab


class Pool:
    """Collects the output for chunks and prompts, in any order.

    The label of a document is the mixture of those of its chunks, p(w | d) = mean over chunks of p(w | chunk): a chunk
    about something else adds words and removes none, as in a document of several topics. Labels of several prompts are
    mixed without the words that each prompt makes likely whatever is read, and get the mean prior back:
    p(w | d) ∝ prior(w) · mean over prompts of p_i(w | d) / prior_i(w), where the quotients are normalised and the prior
    is the geometric mean of the prompts' priors. Hidden states are averaged over chunks and prompts.

    Parameters
    ----------
    owners : ndarray of int of shape (n_chunks,)
        Document of each chunk.
    shape : tuple of int
        Number of prompts, of words in the vocabulary, and of columns of a hidden state.
    """

    def __init__(self, owners: DocInt, shape: tuple[int, int, int]) -> None:
        n_prompts, n_words, width = shape
        self._owners = owners
        self._n_chunks = np.bincount(owners)[:, None]
        self._has_chunks = len(owners) > len(self._n_chunks)
        # Sums need float32; mostly there is nothing to sum.
        dtype = np.float32 if n_prompts > 1 or self._has_chunks else np.float16
        self._log_probs = np.full((n_prompts, len(self._n_chunks), n_words), -np.inf, dtype=dtype)
        self._states = np.zeros((len(self._n_chunks), width), dtype=np.float32)

    def add(self, prompt: int, chunks: list[int], log_probs: DocVocab, states: Float[np.ndarray, "docs width"]) -> None:
        """Add the output of one prompt for some chunks."""
        documents, labels = self._owners[chunks], self._log_probs[prompt]
        np.add.at(self._states, documents, states)
        if self._has_chunks:
            np.logaddexp.at(labels, documents, log_probs)
        else:
            labels[documents] = log_probs

    @property
    def calibrations(self) -> list[Calibration]:
        """The prior of each prompt, where the documents collected are free of content."""
        return [Calibration.fit(labels, "content-free") for labels in self._mixtures]

    def output(self, dtype: type[np.floating], calibrations: Sequence[Calibration] = ()) -> Features:
        """Labels and states, in `dtype`, of all documents; several prompts need a calibration each."""
        labels = _mix_prompts(self._mixtures, calibrations) if calibrations else self._mixtures[0]
        states = self._states / (len(self._log_probs) * self._n_chunks)
        return Features(labels.astype(np.float16), states.astype(dtype))

    @property
    def _mixtures(self) -> Float[np.ndarray, "prompts docs vocab"]:
        """Labels of documents; that of a single chunk is unchanged to the last bit."""
        return self._log_probs - np.log(self._n_chunks).astype(np.float32) if self._has_chunks else self._log_probs


def _mix_prompts(labels: Float[np.ndarray, "prompts docs vocab"], calibrations: Sequence[Calibration]) -> DocVocab:
    total = np.full(labels.shape[1:], -np.inf, dtype=np.float32)
    for own, calibration in zip(labels, calibrations, strict=True):
        # In logarithms throughout: probabilities that are tiny for both prompts would vanish.
        np.logaddexp(total, calibration(own), out=total)
    return log_softmax(total + np.mean([calibration.prior for calibration in calibrations], axis=0), axis=1)
