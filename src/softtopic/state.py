"""What a fit leaves behind: one frozen value that saving, `transform`, tables and search read."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from softtopic.data.vocabulary import Vocabulary
from softtopic.inputs.lsa import LSA
from softtopic.recipes import Recipe
from softtopic.training.report import TrainingReport
from softtopic.types import DocInt, DocTopic, TopicVocab


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedState:
    """Everything a fitted model knows. Plain arrays and values: it can be pickled, forked and read by many threads.

    Attributes
    ----------
    recipe : Recipe
        As it was carried out.
    seed : int
        Seed of everything random.
    vocabulary : Vocabulary
    widths : dict of str to int
        Columns of each input, in order.
    encoder : str or None
        Sentence encoder that makes the vectors of new texts; None where the caller brought vectors.
    teacher : dict or None
        Description of the language model that read the documents, see `BaseTeacher.description`; None without one.
    weights : dict of str to ndarray
        Weights and buffers of the backbone.
    word_width : int or None
        Width of the word vectors the backbone was started from; None without any.
    lsa : LSA or None
        Present where words are an input.
    prior : ndarray of shape (n_words,) or None
        Log probabilities by which soft labels were calibrated.
    topic_word : ndarray of shape (n_topics, n_words)
        Rows sum to 1.
    relevance : ndarray of shape (n_topics, n_words) or None
        Order in which words are shown; None for their probability.
    theta : ndarray of shape (n_documents, n_topics)
        Mixtures of the training documents; rows sum to 1.
    mean_theta : ndarray of shape (n_topics,)
        Mixture of blank documents: the mean over all others.
    ids : tuple of str
    excerpts : tuple of str
        Beginnings of the training documents, at most 300 characters each; empty where no text is kept.
    representatives : tuple of ndarray
        For each topic the rows of its representative documents.
    plan : tuple of str
        The lines of the plan that was carried out.
    training : TrainingReport or None
        None for a loaded model.
    """

    recipe: Recipe
    seed: int
    vocabulary: Vocabulary
    widths: dict[str, int]
    encoder: str | None
    teacher: dict[str, Any] | None
    weights: dict[str, np.ndarray]
    word_width: int | None
    lsa: LSA | None
    prior: Float[np.ndarray, " vocab"] | None
    topic_word: TopicVocab
    relevance: TopicVocab | None
    theta: DocTopic
    mean_theta: Float[np.ndarray, " topics"]
    ids: tuple[str, ...]
    excerpts: tuple[str, ...]
    representatives: tuple[Int[np.ndarray, " n"], ...]
    plan: tuple[str, ...] = ()
    training: TrainingReport | None = None

    @property
    def n_topics(self) -> int:
        return self.theta.shape[1]

    @cached_property
    def topics(self) -> DocInt:
        """Topic with the largest share of each training document."""
        return self.theta.argmax(axis=1)

    @property
    def representative_docs(self) -> list[list[str]]:
        """Excerpts of each topic's representative documents; none where no text is kept."""
        return [[self.excerpts[row] for row in rows if self.excerpts[row]] for rows in self.representatives]
