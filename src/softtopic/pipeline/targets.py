"""Targets of training: calibrated soft labels, predicted ones where nothing was read, and the documents' own words."""

import logging
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_matrix

from softtopic.errors import InputError
from softtopic.features.store import Features
from softtopic.graph.imputation import Predictor, impute
from softtopic.graph.neighbours import View
from softtopic.inputs.lsa import LSA, tf_idf
from softtopic.inputs.registry import split_target
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.represent import Representation, standardize
from softtopic.pipeline.sources import Source
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.calibration import Calibration
from softtopic.training.dataset import soft_label_targets
from softtopic.types import ReadRows
from softtopic.wording import counted

log = logging.getLogger(__name__)

Vectors = Float[np.ndarray, "docs _"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """A row for each document trained on.

    Attributes
    ----------
    soft : ndarray of shape (n_documents, n_words) or None
        Soft labels, float16, rows sum to 1; None where the recipe does not use them.
    counts : csr_matrix or None
        Word counts; None where the recipe does not use them.
    tf_idf : csr_matrix or None
        Their L1-normalised tf-idf vectors.
    embedding, hidden, words : ndarray or None
        Views by which documents are compared: standardised sentence vectors and hidden states, LSA of the words.
    words_weight : float
        Share of the squared norm of tf-idf vectors that the view `words` explains.
    """

    soft: Float[np.ndarray, "docs vocab"] | None
    counts: csr_matrix | None
    tf_idf: csr_matrix | None
    embedding: Vectors | None
    hidden: Vectors | None
    words: Vectors | None
    words_weight: float

    @property
    def labels(self) -> list[Float[np.ndarray, "docs vocab"] | csr_matrix]:
        """What is propagated over the graph of documents."""
        return [labels for labels in (self.soft, self.tf_idf) if labels is not None]

    def views(self, plan: FitPlan) -> list[View]:
        """Views with their weights."""
        weight = plan.recipe.graph.view_weight
        views = [
            View(vectors, weight(name))
            for name, vectors in (("embedding", self.embedding), ("hidden", self.hidden))
            if vectors is not None
        ]
        if self.words is not None and self.words_weight > 0:
            views.append(View(self.words, weight("words") * self.words_weight))
        return views


def calibrate(plan: FitPlan, features: Features | None, teacher: BaseTeacher | None) -> Calibration | None:
    """The prior over words that is subtracted from soft labels; None where the recipe has none.

    Raises
    ------
    InputError
        If the recipe asks for a content-free prior of an unknown language model.
    """
    read = plan.recipe.read
    if read.calibration == "none" or features is None or "soft" not in split_target(plan.recipe.target):
        return None
    if read.calibration == "corpus":
        return Calibration.fit(features.log_probs, read.calibration, read.calibration_strength)
    if teacher is None:
        raise InputError("soft_labels= without a teacher have no content-free prior; use calibration 'corpus'")
    log_probs = teacher.read(read.content_free, plan.vocabulary).log_probs
    return Calibration.fit(log_probs, read.calibration, read.calibration_strength)


def make_targets(
    plan: FitPlan, source: Source, representation: Representation, calibration: Calibration | None
) -> Targets:
    """Targets and views of the documents trained on.

    Raises
    ------
    InputError
        If no document holds a word of the vocabulary and the target needs some.
    """
    names, rows = split_target(plan.recipe.target), plan.train
    embedding = None if representation.embedding is None else standardize(representation.embedding)
    counts = _counts(plan, source) if "bow" in names else None
    weights = None if counts is None else tf_idf(counts)
    soft, hidden = _soft_labels(plan, representation, calibration)
    if hidden is not None:
        hidden = standardize(hidden)
    if soft is not None and plan.n_read < plan.n_distinct:
        places = np.searchsorted(rows, plan.read_rows)
        soft, hidden = _impute(plan, soft, hidden, places, (embedding, weights))
    words, explained = _words_view(plan, counts)
    return Targets(
        soft=soft,
        counts=counts,
        tf_idf=weights,
        embedding=embedding,
        hidden=hidden,
        words=words,
        words_weight=explained,
    )


def _counts(plan: FitPlan, source: Source) -> csr_matrix:
    texts = source.corpus.distinct.texts
    counts = plan.vocabulary.bag_of_words([texts[place] for place in plan.train.tolist()])
    if not counts.nnz and plan.recipe.target == "bow":
        raise InputError("no document holds a word of the vocabulary; give other words, or target='soft'")
    return counts


def _soft_labels(
    plan: FitPlan, representation: Representation, calibration: Calibration | None
) -> tuple[Float[np.ndarray, "read vocab"] | None, Vectors | None]:
    """Soft labels and hidden states of the documents read that are trained on."""
    features = representation.features
    if features is None:
        return None, None
    if plan.reads_all and len(plan.train) < plan.n_distinct:
        features = features.at(plan.train)
    if "soft" not in split_target(plan.recipe.target):
        return None, features.hidden
    prior = None if calibration is None else torch.from_numpy(calibration.offset)
    soft = soft_label_targets(torch.from_numpy(features.log_probs), plan.recipe.training, prior, torch.device("cpu"))
    return soft.numpy(), features.hidden


def _impute(
    plan: FitPlan,
    soft: Float[np.ndarray, "read vocab"],
    hidden: Float[np.ndarray, "read _"] | None,
    places: ReadRows,
    known: tuple[Vectors | None, csr_matrix | None],
) -> tuple[Float[np.ndarray, "docs vocab"], Vectors]:
    """Soft labels and hidden states of all documents trained on, predicted where the language model did not read."""
    config, (embedding, weights) = plan.recipe.imputation, known
    predictors = [] if embedding is None else [Predictor(embedding, plan.recipe.graph.embedding_weight)]
    if weights is not None:
        predictors.append(Predictor(weights, config.words_weight))
    if not predictors or hidden is None:
        raise InputError("what is not read is predicted from sentence vectors or words, and there are none")
    n_read = len(places)
    log.info(
        "soft labels of %s predicted from those of %s", counted(len(plan.train) - n_read, "document"), f"{n_read:,}"
    )
    imputed = impute(soft, hidden, places, predictors, config)
    # On the scale of all documents, as states that were read of all would be.
    return imputed.labels, standardize(imputed.hidden)


def _words_view(plan: FitPlan, counts: csr_matrix | None) -> tuple[Vectors | None, float]:
    """LSA of the documents' words, and the share of their squared norm that its components explain.

    An LSA of its own: the leading components of the wider one that is an input group documents less well.
    """
    if counts is None or (plan.recipe.groups is None and plan.n_topics is not None):
        return None, 0.0
    words = LSA.fit(counts, plan.recipe.graph.n_word_components, seed=plan.seed).transform(counts)
    return words, float(np.square(words).sum(axis=1).mean())
