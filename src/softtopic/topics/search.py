"""Search: training documents and topics nearest to the topic mixture of a query."""

import numpy as np
import pandas as pd

from softtopic.errors import InputError, check_whole
from softtopic.state import FittedState
from softtopic.retrieval.index import RetrievalIndex
from softtopic.types import DocTopic


def check_query(query: object) -> str:
    """The query; raises InputError unless it is one non-blank string."""
    if not isinstance(query, str):
        raise InputError(f"the query is {type(query).__name__}; give one string")
    if not query.strip():
        raise InputError("the query is empty; give a word or a text to look for")
    return query


def search(state: FittedState, index: RetrievalIndex, theta: DocTopic, k: int) -> pd.DataFrame:
    """The k training documents nearest to a query by KL(query ‖ document), nearest first.

    Parameters
    ----------
    state : FittedState
    index : RetrievalIndex
        Index of `state.theta`, the rows `state.with_text`.
    theta : ndarray of shape (1, n_topics)
        Topic mixture of the query.
    k : int

    Returns
    -------
    DataFrame
        Document (its position), Id, Divergence (in nats), Topic, Text (its beginning).
    """
    hits = index.search(theta, k)
    rows = state.with_text[hits.ids[0]]
    return pd.DataFrame({
        "Document": rows,
        "Id": [state.ids[row] for row in rows],
        "Divergence": hits.divergences[0],
        "Topic": state.topics[rows],
        "Text": [state.excerpts[row] for row in rows],
    })  # fmt: skip


def find_topics(state: FittedState, theta: DocTopic, top_n: int) -> tuple[list[int], list[float]]:
    """Topics with the largest shares of a mixture of shape (1, n_topics), and these shares."""
    check_whole("top_n", top_n, 1)
    best = np.argsort(-theta[0], kind="stable")[:top_n]
    return [state.topic_ids[column] for column in best], [float(theta[0, column]) for column in best]
