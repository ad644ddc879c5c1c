"""Hierarchy of topics: Ward linkage by their words and their documents.

On 2,500 newsgroup posts with 20 topics, Ward linkage at 5 groups agrees better with the main newsgroups (NMI .290) than
average (.235) or complete linkage (.246) of the same distances, of which one cluster takes two thirds of the posts.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.cluster.hierarchy import linkage
from sklearn.preprocessing import normalize

from softtopic.errors import InputError, check_whole
from softtopic.state import FittedState
from softtopic.topics.edits import Merge, apply
from softtopic.topics.table import topic_names, topics_of

# Sizes of the levels that are shown where none are given.
DEFAULT_LEVELS = (5, 15)

# Words of a topic of a level.
_N_WORDS = 10


def topic_points(state: FittedState) -> Float[np.ndarray, "topics width"]:
    """Topics as points, L2-normalised by parts: square roots of their word distributions and, if known, mean vectors.

    The squared distance of two topics is twice the squared Hellinger distance of their words plus twice the cosine
    distance of the mean vectors of their documents.
    """
    words = np.sqrt(state.topic_word)
    if state.vectors is None:
        return words
    vectors = state.vectors.documents.astype(np.float32)
    return np.hstack([words, np.asarray(normalize(state.theta.T @ (vectors - vectors.mean(axis=0))))])


def topic_linkage(state: FittedState, columns: Sequence[int]) -> Float[np.ndarray, "merges 4"]:
    """Ward linkage of the topics in some columns, in the format of `scipy.cluster.hierarchy.linkage`."""
    return linkage(topic_points(state)[list(columns)], "ward")


def merge_order(state: FittedState) -> list[tuple[int, ...]]:
    """Topics of the clusters that Ward linkage forms, most similar first; the last one has all topics."""
    clusters: list[tuple[int, ...]] = [(topic,) for topic in state.topic_ids]
    n_topics = len(clusters)
    if n_topics > 1:
        for left, right, *_ in topic_linkage(state, range(n_topics)):
            clusters.append((*clusters[int(left)], *clusters[int(right)]))
    return [tuple(sorted(cluster)) for cluster in clusters[n_topics:]]


def groups_at(state: FittedState, n_groups: int) -> list[tuple[int, ...]]:
    """Topics of each of so many groups, groups and topics ascending.

    Raises
    ------
    InputError
        If there are fewer topics than groups.
    """
    check_whole("number of topics", n_groups, 1, state.n_topics)
    groups = {(topic,) for topic in state.topic_ids}
    for cluster in merge_order(state)[: state.n_topics - n_groups]:
        groups = {group for group in groups if group[0] not in cluster} | {cluster}
    return sorted(groups)


def reduction(state: FittedState, n_topics: int) -> Merge:
    """The merge of similar topics that leaves so many."""
    check_whole("number of topics", n_topics, 1)
    if n_topics >= state.n_topics:
        raise InputError(f"the model has {state.n_topics} topics; reduce them to fewer than that, not to {n_topics}")
    return Merge(tuple(group for group in groups_at(state, n_topics) if len(group) > 1))


def hierarchical_topics(state: FittedState, levels: Sequence[int] | None = None) -> pd.DataFrame:
    """Topics at several levels of the hierarchy, coarsest level first.

    Parameters
    ----------
    state : FittedState
    levels : sequence of int or None, default=None
        Numbers of topics, each at most that of the model. None: those of 5 and 15 that are fewer.

    Returns
    -------
    DataFrame
        One row for each topic of each level, the finest with the model's own topics: Level (its number of topics),
        Topic (the lowest number of its topics), Parent (its topic at the next coarser level, None at the coarsest),
        Topics (numbers of the model's topics), Count (of documents, the sum over these topics), Name, Words.
    """
    counts = dict(zip(state.topic_ids, state.counts.tolist(), strict=True))
    rows: list[dict[str, Any]] = []
    parents: dict[int, int] = {}
    for level in [*check_levels(state, levels), state.n_topics]:
        groups = groups_at(state, level)
        merged = _merged(state, groups)
        names, words = topic_names(merged), topics_of(merged).top_words(_N_WORDS)
        for group, name, top_words in zip(groups, names, words, strict=True):
            rows.append({
                "Level": level,
                "Topic": group[0],
                "Parent": parents.get(group[0]),
                "Topics": list(group),
                "Count": sum(counts[topic] for topic in group),
                "Name": name,
                "Words": top_words,
            })  # fmt: skip
        parents = {topic: group[0] for group in groups for topic in group}
    return pd.DataFrame(rows).astype({"Parent": "Int64"})


def topic_tree(state: FittedState, levels: Sequence[int] | None = None) -> str:
    """The levels of `hierarchical_topics` as text: a line for each topic, with its number of documents."""
    rows = hierarchical_topics(state, levels).to_dict("records")
    depths = sorted({row["Level"] for row in rows})
    lines: list[str] = []

    def add(parent: int | None, depth: int, indent: str) -> None:
        level = [row for row in rows if row["Level"] == depths[depth] and (depth == 0 or row["Parent"] == parent)]
        level.sort(key=lambda row: -row["Count"])
        for row in level:
            branch, below = ("└─ ", "   ") if row is level[-1] else ("├─ ", "│  ")
            lines.append(f"{indent}{branch if depth else ''}{row['Name']} ({row['Count']})")
            if depth + 1 < len(depths):
                add(row["Topic"], depth + 1, indent + (below if depth else ""))

    add(None, 0, "")
    return "\n".join(lines)


def parents_at(state: FittedState, level: int) -> dict[int, int]:
    """For each topic its topic at a level: the lowest number of its group."""
    check_whole("level", level, 1, state.n_topics)
    return {topic: group[0] for group in groups_at(state, level) for topic in group}


def check_levels(state: FittedState, levels: Sequence[int] | None) -> list[int]:
    """Distinct levels, coarsest first, without that of all topics."""
    if levels is not None and not isinstance(levels, Sequence | np.ndarray):
        raise InputError(f"levels are {levels!r}; give a list of numbers of topics, as [5, 15]")
    chosen = [level for level in DEFAULT_LEVELS if level < state.n_topics] if levels is None else list(levels)
    for level in chosen:
        check_whole("level", level, 1, state.n_topics)
    return sorted({int(level) for level in chosen} - {state.n_topics})


def _merged(state: FittedState, groups: Sequence[tuple[int, ...]]) -> FittedState:
    larger = tuple(group for group in groups if len(group) > 1)
    if not larger:
        return state
    # The name of one topic is not that of its group.
    grouped = {topic for group in larger for topic in group}
    names = tuple("" if topic in grouped else name for topic, name in zip(state.topic_ids, state.names, strict=True))
    return apply(replace(state, names=names), [Merge(larger)]).state
