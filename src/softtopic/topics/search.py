"""Search: training documents and topics nearest to the topic mixture of a query."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softtopic.errors import InputError, check_whole
from softtopic.retrieval.divergences import unit_rows
from softtopic.retrieval.folder import check_index_destination, open_index, save_index
from softtopic.retrieval.hybrid import WordIndex
from softtopic.retrieval.index import RetrievalIndex
from softtopic.state import FittedState
from softtopic.topics.documents import known_vectors
from softtopic.types import DocHidden, DocTopic


def check_query(query: object) -> str:
    """The query; raises InputError unless it is one non-blank string."""
    if not isinstance(query, str):
        raise InputError(f"the query is {type(query).__name__}; give one string")
    if not query.strip():
        raise InputError("the query is empty; give a word or a text to look for")
    return query


def search(state: FittedState, index: RetrievalIndex, theta: DocTopic, k: int) -> pd.DataFrame:
    """The k training documents nearest to a query, nearest first.

    Parameters
    ----------
    state : FittedState
    index : RetrievalIndex
        Index of `state.theta`, the rows `state.with_text`; see `index_of`.
    theta : ndarray of shape (1, n_topics)
        Topic mixture of the query.
    k : int

    Returns
    -------
    DataFrame
        Document (its position), Id, Divergence (by the metric of the index; KL in nats), Topic, Text (its beginning).
    """
    hits = index.search(theta, k)
    return _hits(state, hits.ids[0], "Divergence", hits.divergences[0])


def search_by_scores(state: FittedState, scores: Float[np.ndarray, " with_text"], k: int) -> pd.DataFrame:
    """The k training documents with the largest scores above -inf; the column Score in place of Divergence."""
    check_whole("k", k, 1)
    best = np.argsort(-scores, kind="stable")[:k]
    best = best[scores[best] > -np.inf]
    return _hits(state, best, "Score", scores[best])


def _hits(state: FittedState, found: Int[np.ndarray, " k"], name: str, values: Float[np.ndarray, " k"]) -> pd.DataFrame:
    """A table of documents, from their places among those with text."""
    rows = state.with_text[found]
    return pd.DataFrame({
        "Document": rows,
        "Id": [state.ids[row] for row in rows],
        name: values,
        "Topic": state.topics[rows],
        "Text": [state.excerpts[row] for row in rows],
    })  # fmt: skip


def word_index(state: FittedState) -> WordIndex:
    """Index of the words of the training documents with text, as far as the model holds them."""
    texts = [state.excerpts[row] for row in state.with_text]
    if not any(texts):
        raise InputError(
            "the model has no texts to search by words; fit without --no-excerpts (excerpts=True), or search by topics"
        )
    return WordIndex(texts)


def vector_scores(state: FittedState, projections: DocHidden) -> Float[np.ndarray, " with_text"]:
    """Cosine similarities of the training documents with text to one vector, as of `known_vectors`."""
    vectors = unit_rows(known_vectors(state).documents[state.with_text].astype(np.float32))
    return vectors @ unit_rows(projections.astype(np.float32))[0]


def index_of(state: FittedState, *, metric: str = "kl") -> RetrievalIndex:
    """Index of the mixtures of the training documents with text."""
    return RetrievalIndex(_indexed(state), metric=metric)


def build_index(
    state: FittedState, path: str | Path, *, metric: str = "kl", approximate: bool = False
) -> RetrievalIndex:
    """Build an index of the training documents and write it to a folder, see `TopicModel.build_index`."""
    check_index_destination(Path(path))
    index = index_of(state, metric=metric)
    if approximate:
        index.build_graph()
    save_index(index, Path(path), source=_checksum(state))
    return index


def saved_index(state: FittedState, path: str | Path) -> RetrievalIndex:
    """Open an index folder; raises ModelFileError unless it is of these mixtures."""
    return open_index(Path(path), source=_checksum(state))


def checked_index(state: FittedState, index: object) -> RetrievalIndex:
    """The index; raises InputError unless it is one of these mixtures."""
    theta = _indexed(state)
    if not isinstance(index, RetrievalIndex):
        raise InputError(f"index is {type(index).__name__}; give a RetrievalIndex, or the folder of one")
    parts = [part.theta for part in index.contents[0]]
    if index.n_topics != theta.shape[1] or not np.array_equal(np.concatenate(parts), theta):
        raise InputError(
            "the index is of other mixtures than those of the model; build one with model.build_index(path)"
        )
    return index


def _indexed(state: FittedState) -> DocTopic:
    return state.theta[state.with_text] if len(state.blank) else state.theta


def _checksum(state: FittedState) -> str:
    """SHA-256 of the mixtures that are indexed; names and words of the topics do not matter."""
    theta = np.ascontiguousarray(_indexed(state))
    return hashlib.sha256(f"{theta.dtype.str} {theta.shape}".encode() + theta.tobytes()).hexdigest()


def find_topics(state: FittedState, theta: DocTopic, top_n: int) -> tuple[list[int], list[float]]:
    """Topics with the largest shares of a mixture of shape (1, n_topics), and these shares."""
    check_whole("top_n", top_n, 1)
    best = np.argsort(-theta[0], kind="stable")[:top_n]
    return [state.topic_ids[column] for column in best], [float(theta[0, column]) for column in best]
