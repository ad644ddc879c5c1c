"""From what is said of each piece, and to each prompt, to one label and one state of the document."""

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax

from softtopic.teacher.base import TeacherOutput
from softtopic.types import DocInt, DocVocab


class Pool:
    """Collects answers in any order.

    A document's label is the mixture of those of its pieces, p(w | d) = mean over pieces of p(w | piece): a piece that
    is about something else adds words and takes none away, as in a document of several topics. Labels of several
    prompts, each of the whole document, are averaged as log probabilities. States are averaged over both.

    Args:
        owners: for each piece the place of its document.
        shape: how many prompts, words in the vocabulary, columns in a state.

    """

    def __init__(self, owners: DocInt, shape: tuple[int, int, int]) -> None:
        prompts, words, width = shape
        self._owners = owners
        self._pieces = np.bincount(owners)[:, None]
        self._split = len(owners) > len(self._pieces)
        # Sums are exact enough in float32; most often there is nothing to sum.
        dtype = np.float32 if prompts > 1 or self._split else np.float16
        self._labels = np.full((prompts, len(self._pieces), words), -np.inf, dtype=dtype)
        self._states = np.zeros((len(self._pieces), width), dtype=np.float32)

    def add(self, prompt: int, pieces: list[int], log_probs: DocVocab, states: Float[np.ndarray, "docs width"]) -> None:
        """The answers to one prompt for some pieces."""
        documents, labels = self._owners[pieces], self._labels[prompt]
        np.add.at(self._states, documents, states)
        if self._split:
            np.logaddexp.at(labels, documents, log_probs)
        else:
            labels[documents] = log_probs

    def output(self, storage: type[np.floating]) -> TeacherOutput:
        """The documents; `storage` is of their states."""
        labels, prompts = self._labels[0], len(self._labels)
        if self._split:
            # Short documents beside long ones keep their label to the last bit.
            self._labels -= np.log(self._pieces)
        if prompts > 1:
            labels = log_softmax(self._labels.mean(axis=0), axis=1)
        states = self._states / (prompts * self._pieces)
        return TeacherOutput(labels.astype(np.float16), states.astype(storage))
