"""Topics as a graph: their hierarchy, and which are similar."""

import numpy as np

from softtopic.data.graphml import Graph
from softtopic.state import FittedState
from softtopic.topics.comparison import topic_similarity
from softtopic.topics.hierarchy import hierarchical_topics
from softtopic.topics.table import topics_of

# Edges of each topic to the topics that are most similar to it.
_N_NEIGHBOURS = 3


def topic_graph(state: FittedState, n_neighbours: int = _N_NEIGHBOURS) -> Graph:
    """Topics and the groups of `hierarchical_topics` as nodes; two kinds of edges.

    Parameters
    ----------
    state : FittedState
    n_neighbours : int, default=3
        Number of most similar topics to which each topic has an edge.

    Returns
    -------
    Graph
        Nodes "topic 3" and "group 5/3" (of the level with 5 groups) have the attributes kind, label, level, number,
        count and words; edges have the attributes kind, "hierarchy" or "similarity", and weight: 1 in the hierarchy,
        elsewhere the Bhattacharyya coefficient of the word distributions.
    """
    rows = hierarchical_topics(state).to_dict("records")
    levels = sorted({row["Level"] for row in rows})
    nodes, edges = {}, []
    for row in rows:
        name = _node(row["Topic"], row["Level"], state.n_topics)
        nodes[name] = {
            "kind": "topic" if row["Level"] == state.n_topics else "group",
            "label": str(row["Name"]),
            "level": int(row["Level"]),
            "number": int(row["Topic"]),
            "count": int(row["Count"]),
            "words": ", ".join(row["Words"]),
        }
        if row["Level"] != levels[0]:
            above = levels[levels.index(row["Level"]) - 1]
            edges.append((_node(row["Parent"], above, state.n_topics), name, {"kind": "hierarchy", "weight": 1.0}))
    return Graph(nodes, [*edges, *_similar(state, n_neighbours)])


def _node(topic: int, level: int, n_topics: int) -> str:
    return f"topic {topic}" if level == n_topics else f"group {level}/{topic}"


def _similar(state: FittedState, n_neighbours: int) -> list[tuple[str, str, dict[str, str | float]]]:
    """An edge from each topic to those most similar to it, each pair once."""
    words = topics_of(state)
    similarity = topic_similarity(words, words).astype(np.float64)
    np.fill_diagonal(similarity, -1)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, : min(n_neighbours, state.n_topics - 1)]
    pairs = sorted(
        {(min(row, other), max(row, other)) for row, others in enumerate(nearest.tolist()) for other in others}
    )
    return [
        (
            f"topic {state.topic_ids[one]}",
            f"topic {state.topic_ids[other]}",
            {"kind": "similarity", "weight": round(float(similarity[one, other]), 6)},
        )
        for one, other in pairs
    ]
