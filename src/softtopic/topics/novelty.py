"""Novelty: how far a document is from all topics, compared with the documents that the model knows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.preprocessing import normalize

from softtopic.state import FittedState
from softtopic.topics.documents import known_vectors
from softtopic.types import DocHidden, DocTopic

Centers = Float[np.ndarray, "topics width"]
Rows = Int[np.ndarray, " rows"]


@dataclass(frozen=True, eq=False)
class NoveltyScale:
    """Where the topics are, and how far from them the documents of a model are.

    Attributes
    ----------
    centers : ndarray of shape (n_topics, width)
        See `topic_centers`.
    distances : ndarray of shape (n_documents,)
        Distance of each document with text to its nearest topic, ascending.
    """

    centers: Centers
    distances: Float[np.ndarray, " docs"]

    @classmethod
    def of(cls, state: FittedState) -> "NoveltyScale":
        """The scale of a fitted state, edited or not; raises InputError where it has no vectors."""
        centers = topic_centers(state)
        known = known_vectors(state).projections[state.with_text]
        return cls(centers, np.sort(cosine_distances(known, centers).min(axis=1)))

    def novelty(self, vectors: DocHidden, blank: Rows = np.empty(0, dtype=np.int64)) -> Float[np.ndarray, " docs"]:
        """Share of the model's documents that are nearer to a topic than each of these documents is.

        Parameters
        ----------
        vectors : ndarray of shape (n_documents, width)
            Projections as in `DocumentVectors`.
        blank : ndarray of int
            Rows of blank documents.

        Returns
        -------
        ndarray of shape (n_documents,)
            In [0, 1], NaN for blank documents. Of documents like those of the model it is uniform: 5 % are above .95. 1
            if a document is farther from all topics than every document of the model.
        """
        nearest = cosine_distances(vectors, self.centers).min(axis=1)
        novelty = np.searchsorted(self.distances, nearest, side="left") / len(self.distances)
        novelty[blank] = np.nan
        return novelty


def topic_centers(state: FittedState) -> Centers:
    """Mean vector of the documents in which a topic has the largest share, weighted by it, L2-normalised.

    A topic that is the first of no document has the mean over all documents, weighted by its share.
    """
    vectors = known_vectors(state).documents.astype(np.float32)
    own = np.zeros_like(state.theta)
    rows = state.with_text
    own[rows, state.columns[rows]] = state.theta[rows, state.columns[rows]]
    own = np.where(own.any(axis=0), own, state.theta)
    return np.asarray(normalize(own.T @ vectors), dtype=np.float32)


def cosine_distances(vectors: DocHidden, centers: Centers) -> DocTopic:
    """Cosine distances, in [0, 2], of documents to topics, from their projections; 1 where nothing is known of one."""
    # einsum: a product of matrices may sum in an order that depends on the number of rows.
    cosines = np.einsum("dw,tw->dt", vectors.astype(np.float32), centers.astype(np.float32))
    return np.float32(1) - np.clip(cosines, -1, 1)
