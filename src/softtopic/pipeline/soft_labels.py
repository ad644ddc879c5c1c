"""Soft labels of documents under a fitted state."""

import numpy as np
import torch

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.features.extraction import extract
from softtopic.pipeline.predict import Predictor
from softtopic.storage.progress import RunClock
from softtopic.teacher.calibration import Calibration
from softtopic.training.objective import soft_labels
from softtopic.types import DocVocab


def soft_labels_of(predictor: Predictor, corpus: Corpus, *, progress: bool | RunClock = False) -> DocVocab:
    """Calibrated and tempered soft labels, a row a document; those of blank documents are uniform.

    Raises
    ------
    InputError
        If the model was fitted without a language model.
    """
    state, teacher = predictor.state, predictor.language_model
    if teacher is None:
        raise InputError("the model was fitted without a language model; it has no soft labels")
    log_probs = extract(corpus, state.vocabulary, teacher, features=None, progress=progress).log_probs
    read, training = state.recipe.read, state.recipe.training
    prior = None
    if state.prior is not None:
        prior = torch.from_numpy(Calibration(state.prior, read.calibration, read.calibration_strength).offset)
    labels = soft_labels(
        torch.from_numpy(log_probs), temperature=training.temperature, top_k=training.top_k, prior=prior
    )
    uniform = np.full((1, len(state.vocabulary)), 1 / len(state.vocabulary), dtype=np.float32)
    return np.concatenate([labels.numpy(), uniform])[corpus.distinct.rows]
