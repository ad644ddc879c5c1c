"""What a fit leaves behind: one frozen value that saving, `transform`, tables and search read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from softtopic.data.language_names import AUTO, ENGLISH
from softtopic.data.languages import document_languages
from softtopic.data.vocabulary import Vocabulary
from softtopic.inputs.lsa import LSA
from softtopic.lm.static_encoder import StaticEncoder
from softtopic.recipes import Recipe
from softtopic.selection import Selection
from softtopic.training.report import TrainingReport
from softtopic.types import DocInt, DocTopic, TopicVocab


@dataclass(frozen=True, kw_only=True, eq=False)
class DocumentVectors:
    """Vectors by which documents of one topic are told apart: principal components of the inputs.

    Attributes
    ----------
    components : ndarray of shape (width, n_inputs)
        Projection of the inputs, see `softtopic.inputs.projection`.
    documents : ndarray of shape (n_documents, width), float16
        Rows have L2 norm 1; those of blank documents are zero.
    words : ndarray of shape (n_words, width)
        For each word the mean vector of the documents that contain it.
    norms : ndarray of shape (n_documents,), float16
        Share of the norm of a document's inputs that its projection has; 1 is all.
    """

    components: Float[np.ndarray, "width inputs"]
    documents: Float[np.ndarray, "docs width"]
    words: Float[np.ndarray, "vocab width"]
    norms: Float[np.ndarray, " docs"]

    @cached_property
    def projections(self) -> Float[np.ndarray, "docs width"]:
        """Projections of the documents' inputs of norm 1, float32: vectors times norms."""
        return scaled(self.documents, self.norms)


def scaled(vectors: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Vectors with these norms, float32."""
    return vectors.astype(np.float32) * norms.astype(np.float32)[:, None]


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedState:
    """Result of a fit, as plain arrays and values that can be pickled, forked and shared by threads.

    Attributes
    ----------
    recipe : Recipe
        Settings of the fit, with all overrides applied.
    seed : int
        Seed of the random number generators.
    vocabulary : Vocabulary
    widths : dict of str to int
        Number of columns of each input, in order.
    encoder : str or None
        Sentence encoder for new texts; None if the caller gave sentence vectors.
    teacher : dict or None
        Description of the language model that read the documents, see `BaseTeacher.description`; None without one.
    weights : dict of str to ndarray
        Weights and buffers of the backbone.
    word_width : int or None
        Width of the pre-trained word embeddings; None without any.
    static : StaticEncoder or None
        Encoder of new texts, if "static" is an input.
    lsa : LSA or None
        Latent semantic analysis, if "words" or "tf-idf" are inputs.
    prior : ndarray of shape (n_words,) or None
        Mean log probabilities that calibration subtracts; None without calibration.
    topic_word : ndarray of shape (n_topics, n_words)
        Word distributions of the topics; rows sum to 1.
    relevance : ndarray of shape (n_topics, n_words) or None
        Relevance by which words are ranked for display; None if they are ranked by probability.
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures of the training documents; rows sum to 1.
    mean_theta : ndarray of shape (n_topics,)
        Mixture of blank documents: the mean over all others.
    ids : tuple of str or tuple of int
        Ids of the training documents.
    excerpts : tuple of str
        Beginnings of the training documents, at most 300 characters each; empty strings if no text is kept.
    representatives : tuple of ndarray
        Rows of the representative documents of each topic.
    blank : ndarray of int64 of shape (n_blank,)
        Rows of blank documents and of repeated answers such as "don't know": they have a mixture, and are in no topic's
        count and no search.
    plan : tuple of str
        Lines of the plan of the fit.
    training : TrainingReport or None
        Training loss and speed; None for a loaded model.
    vectors : DocumentVectors or None
        What splits of topics are computed from; None in models of format version 1.
    topic_ids : tuple of int
        Number of the topic in each column of theta; 0, 1, … after a fit that continues no earlier model.
    names : tuple of str
        Name that was given to each topic; "" for none.
    times : tuple of str or None
        Times of the training documents, as given; None if they are not known.
    selection : Selection or None
        How the number of topics was chosen; None if it was given.
    languages : tuple of str
        Codes of the languages of the training documents, most frequent first.
    language_axes : ndarray of shape (n_axes, width) or None
        What is removed from sentence vectors, see `softtopic.inputs.language_axes`; None for nothing.
    """

    recipe: Recipe
    seed: int
    vocabulary: Vocabulary
    widths: dict[str, int]
    encoder: str | None
    teacher: dict[str, Any] | None
    weights: dict[str, np.ndarray]
    word_width: int | None
    static: StaticEncoder | None
    lsa: LSA | None
    prior: Float[np.ndarray, " vocab"] | None
    topic_word: TopicVocab
    relevance: TopicVocab | None
    theta: DocTopic
    mean_theta: Float[np.ndarray, " topics"]
    ids: tuple[str, ...] | tuple[int, ...]
    excerpts: tuple[str, ...]
    representatives: tuple[Int[np.ndarray, " n"], ...]
    blank: Int[np.ndarray, " blank"] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    plan: tuple[str, ...] = ()
    training: TrainingReport | None = None
    vectors: DocumentVectors | None = None
    topic_ids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    times: tuple[str, ...] | None = None
    selection: Selection | None = None
    languages: tuple[str, ...] = (ENGLISH,)
    language_axes: Float[np.ndarray, "axes width"] | None = None

    def __post_init__(self) -> None:
        for name, default in (("topic_ids", tuple(range(self.n_topics))), ("names", ("",) * self.n_topics)):
            if not getattr(self, name):
                object.__setattr__(self, name, default)

    @property
    def n_topics(self) -> int:
        return self.theta.shape[1]

    def languages_of(self, language: str | Sequence[str]) -> str | Sequence[str]:
        """The languages of the training documents for "auto"; otherwise those given."""
        return self.languages if language == AUTO else language

    @cached_property
    def columns(self) -> DocInt:
        """Column with the largest share of each training document."""
        return self.theta.argmax(axis=1)

    @cached_property
    def document_languages(self) -> list[str]:
        """Language of each training document among `languages`, by its beginning."""
        return document_languages(self.excerpts, self.languages)

    @cached_property
    def with_text(self) -> Int[np.ndarray, " with_text"]:
        """Rows of the documents that are not blank."""
        return np.delete(np.arange(len(self.theta)), self.blank)

    @property
    def topics(self) -> DocInt:
        """Number of the topic with the largest share of each training document."""
        return np.array(self.topic_ids)[self.columns]

    @cached_property
    def counts(self) -> Int[np.ndarray, " topics"]:
        """Number of training documents in which each topic has the largest share."""
        return np.bincount(self.columns[self.with_text], minlength=self.n_topics)

    @property
    def representative_docs(self) -> list[list[str]]:
        """Excerpts of each topic's representative documents; empty lists if no text is kept."""
        return [[self.excerpts[row] for row in rows if self.excerpts[row]] for rows in self.representatives]
