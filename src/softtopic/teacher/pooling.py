"""From what is said of each piece, and to each prompt, to one label and one state of the document."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax

from softtopic.teacher.base import TeacherOutput
from softtopic.teacher.calibration import Calibration
from softtopic.types import DocInt, DocVocab


class Pool:
    """Collects answers in any order.

    A document's label is the mixture of those of its pieces, p(w | d) = mean over pieces of p(w | piece): a piece that
    is about something else adds words and takes none away, as in a document of several topics. Labels of several
    prompts are mixed too, each without the words that its prompt makes likely whatever is read, and take the mean of
    these back: p(w | d) ~ prior(w) mean over prompts of p_i(w | d) / prior_i(w), the quotients normalised, the prior
    the geometric mean. States are averaged over both.

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

    @property
    def calibrations(self) -> list[Calibration]:
        """What each prompt makes likely by itself, where the documents collected say nothing."""
        return [Calibration.fit(labels, "content-free") for labels in self._mixed]

    def output(self, storage: type[np.floating], calibrations: Sequence[Calibration] = ()) -> TeacherOutput:
        """The documents; `storage` is of their states, `calibrations` are of the prompts, where there are several."""
        labels = _together(self._mixed, calibrations) if calibrations else self._mixed[0]
        states = self._states / (len(self._labels) * self._pieces)
        return TeacherOutput(labels.astype(np.float16), states.astype(storage))

    @property
    def _mixed(self) -> Float[np.ndarray, "prompts docs vocab"]:
        """Labels of the documents; a short one beside long ones keeps its own to the last bit."""
        return self._labels - np.log(self._pieces).astype(np.float32) if self._split else self._labels


def _together(labels: Float[np.ndarray, "prompts docs vocab"], calibrations: Sequence[Calibration]) -> DocVocab:
    """One label of those to each prompt."""
    said = np.full(labels.shape[1:], -np.inf, dtype=np.float32)
    for own, calibration in zip(labels, calibrations, strict=True):
        # Never as probabilities: what is all but impossible to both would be no number.
        np.logaddexp(said, calibration(own), out=said)
    return log_softmax(said + np.mean([calibration.prior for calibration in calibrations], axis=0), axis=1)
