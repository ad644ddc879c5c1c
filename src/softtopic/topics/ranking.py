"""Ranking of a topic's words for display: probable, used by its documents, related to each other, and distinctive."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

from softtopic.recipes import RankingConfig
from softtopic.types import DocHidden, TopicVocab

_EPSILON = 1e-12
_BLOCK = 4096

WordVectors = Float[np.ndarray, "vocab _"]


def relevance(
    topic_word: TopicVocab, document_word: TopicVocab | None, views: Sequence[WordVectors], config: RankingConfig
) -> TopicVocab:
    """Relevance of each word to each topic.

    With p(w | k) under the model and in the topic's own documents,
    ``s = sqrt(p_model * p_documents) * exp(inverse_temperature * cos(w, k))``, rows normalised; the relevance is s
    times the topic's share in the s of all topics. A word that many topics show is shown first by none of them.

    Parameters
    ----------
    topic_word : ndarray of shape (n_topics, n_words)
        Word distributions of the model; rows sum to 1.
    document_word : ndarray of shape (n_topics, n_words) or None
        Weighted word counts of each topic's documents; None to rank by the model alone.
    views : sequence of ndarray of shape (n_words, width)
        Word vectors; their cosines are averaged. Without any, similarity is left out.
    config : RankingConfig

    Returns
    -------
    ndarray of shape (n_topics, n_words), float32
        Larger is more relevant; rows need not sum to 1.
    """
    scores = topic_word if document_word is None else np.sqrt(topic_word * normalize(document_word, norm="l1"))
    if views:
        centers = distinctive(scores)
        similarity = np.mean([_cosines(centers, vectors, config.n_center_words) for vectors in views], axis=0)
        scores = scores * np.exp(config.inverse_temperature * similarity)
    # Words that no document of the topic uses come last, by probability.
    return (distinctive(scores) + _EPSILON * topic_word).astype(np.float32)


def distinctive(scores: TopicVocab) -> TopicVocab:
    """Rows normalised to sum 1, each entry times its share in its column."""
    scores = np.asarray(normalize(scores, norm="l1"))
    return scores * scores / np.maximum(scores.sum(axis=0), _EPSILON)


def mean_document_vectors(labels: Float[np.ndarray, "docs vocab"] | csr_matrix, vectors: DocHidden) -> WordVectors:
    """A vector for each word: the mean of the L2-normalised vectors of documents, weighted by their labels.

    Parameters
    ----------
    labels : ndarray or csr_matrix of shape (n_documents, n_words)
        How much each document is about each word.
    vectors : ndarray of shape (n_documents, width)

    Returns
    -------
    ndarray of shape (n_words, width), float32
    """
    total = np.zeros((labels.shape[1], vectors.shape[1]), dtype=np.float32)  # type: ignore[index]
    mass = np.zeros((len(total), 1), dtype=np.float32)
    # In blocks: as float32 the labels of a large corpus are larger than all else.
    for rows in np.split(np.arange(len(vectors)), range(_BLOCK, len(vectors), _BLOCK)):
        part = labels[rows].astype(np.float32)
        total += part.T @ np.asarray(normalize(vectors[rows]))
        mass += np.asarray(part.sum(axis=0), dtype=np.float32).reshape(-1, 1)
    return total / np.where(mass > 0, mass, 1)


def _cosines(weights: TopicVocab, vectors: WordVectors, n_center_words: int) -> TopicVocab:
    """Cosine of each word's vector to the weighted mean of each topic's leading words."""
    vectors = np.asarray(normalize(vectors))
    first = np.argsort(-weights, axis=1, kind="stable")[:, :n_center_words]
    share = np.take_along_axis(weights, first, axis=1)
    centers = np.einsum("kn,knw->kw", share, vectors[first])
    return np.asarray(normalize(centers)) @ vectors.T
