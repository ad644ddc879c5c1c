"""Tables of documents with their topics."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError, check_whole
from softtopic.state import FittedState
from softtopic.topics.documents import excerpt
from softtopic.topics.hierarchy import parents_at
from softtopic.topics.table import column_of, topic_names
from softtopic.types import DocTopic


def get_document_info(
    state: FittedState,
    documents: Corpus | None = None,
    theta: DocTopic | None = None,
    *,
    novelty: Float[np.ndarray, " docs"] | None = None,
    df: pd.DataFrame | None = None,
    levels: Sequence[int] = (),
) -> pd.DataFrame:
    """One row a document, in order.

    Parameters
    ----------
    state : FittedState
    documents : Corpus or None, default=None
        Documents; None for those of the fit.
    theta : ndarray of shape (n_documents, n_topics) or None, default=None
        Topic mixtures of `documents`.
    novelty : ndarray of shape (n_documents,) or None, default=None
        See `softtopic.topics.novelty`; None for no such column.
    df : DataFrame or None, default=None
        More columns, a row for each document in order.
    levels : sequence of int, default=()
        Levels of the hierarchy of topics, see `hierarchy.hierarchical_topics`.

    Returns
    -------
    DataFrame
        Id, Document (its beginning), Topic, Name, Probability (its share), Novelty, Level_5, … and the columns of `df`.

    Raises
    ------
    InputError
        If `df` has another number of rows, or a column with one of these names, or a level more topics than there are.
    """
    if documents is None or theta is None:
        ids, excerpts, theta = state.ids, state.excerpts, state.theta
    else:
        ids, excerpts = documents.ids, tuple(excerpt(text) for text in documents.texts)
    columns, names = theta.argmax(axis=1), topic_names(state)
    topics = [state.topic_ids[column] for column in columns]
    info = pd.DataFrame({
        "Id": ids,
        "Document": excerpts,
        "Topic": topics,
        "Name": [names[column] for column in columns],
        "Probability": theta.max(axis=1),
    })  # fmt: skip
    if novelty is not None:
        info["Novelty"] = novelty
    for level in levels:
        parents = parents_at(state, level)
        info[f"Level_{level}"] = [parents[topic] for topic in topics]
    return info if df is None else _joined(info, df)


def _joined(info: pd.DataFrame, df: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(df, pd.DataFrame) or len(df) != len(info):
        found = f"{len(df)} rows" if isinstance(df, pd.DataFrame) else type(df).__name__
        raise InputError(f"df is {found}; give a DataFrame with a row for each of {len(info)} documents")
    if common := [str(name) for name in df.columns if name in info.columns]:
        raise InputError(f"df has columns {', '.join(common)}, which the table has, too; rename them")
    return pd.concat([info, df.reset_index(drop=True)], axis=1)


def documents_of(
    state: FittedState,
    topic: int | None = None,
    limit: int | None = None,
    *,
    novelty: Float[np.ndarray, " docs"] | None = None,
) -> pd.DataFrame:
    """Documents of the fit: in order, or those of one topic with the largest share first; at most `limit`.

    Returns
    -------
    DataFrame
        Document (row of the fit) and Text (its beginning), as in `search`; else as `get_document_info`.
    """
    info = get_document_info(state, novelty=novelty).rename(columns={"Document": "Text"})
    info.insert(0, "Document", range(len(info)))
    if limit is not None:
        check_whole("limit", limit, 1)
    if topic is not None:
        info = info.loc[state.columns == column_of(state, topic)]
        info = info.sort_values("Probability", ascending=False, kind="stable", ignore_index=True)
    return info if limit is None else info.head(limit)
