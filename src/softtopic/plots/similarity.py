"""Figures of how topics are related."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import leaves_list

from softtopic.errors import InputError
from softtopic.plots.style import GREY, PALETTE, Figure, chosen_columns, figure, graph_objects, hover, label, ticks
from softtopic.state import FittedState
from softtopic.topics.comparison import topic_similarity
from softtopic.topics.hierarchy import topic_linkage
from softtopic.topics.table import topic_names, topics_of

# Clusters of the hierarchy that have a colour.
_N_GROUPS = 5

# Names in hover texts of a cluster.
_N_NAMES = 8


def visualize_heatmap(
    state: FittedState, topics: Sequence[int] | None = None, top_n_topics: int | None = None, **layout: Any
) -> Figure:
    """Similarity of topics: Bhattacharyya coefficients of their word distributions, in [0, 1].

    Similar topics stand side by side, in the order of `visualize_hierarchy`. The diagonal is blank.

    Parameters
    ----------
    state : FittedState
    topics : sequence of int or None, default=None
        Numbers of the topics; None for all.
    top_n_topics : int or None, default=None
        How many, the largest; None for all.
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    chosen = set(chosen_columns(state, topics, top_n_topics))
    order = [column for column in _leaves(state) if column in chosen]
    words, names = topics_of(state), topic_names(state)
    similarity = topic_similarity(words, words)[np.ix_(order, order)].astype(np.float64)
    np.fill_diagonal(similarity, np.nan)
    shown = [names[column] for column in order]
    text = [
        ["" if row == column else hover(f"{similarity[row, column]:.2f}", shown[row], shown[column])
         for column in range(len(order))]
        for row in range(len(order))
    ]  # fmt: skip
    cells = graph_objects().Heatmap(
        z=[[None if value != value else round(value, 4) for value in row] for row in similarity.tolist()],
        colorscale="Cividis",
        reversescale=True,
        hovertext=text,
        hoverinfo="text",
        xgap=1,
        ygap=1,
        colorbar={"thickness": 12, "title": {"text": "similarity", "side": "right"}},
    )
    side = {"showgrid": False, "tickfont": {"size": 11 if len(order) <= 30 else 9}}
    return figure(
        [cells],
        layout,
        height=260 + max(14, min(22, 440 // len(order))) * len(order),
        xaxis={**side, **ticks(shown, 22), "tickangle": -60},
        yaxis={**side, **ticks(shown, 22), "autorange": "reversed"},
    )


def visualize_hierarchy(
    state: FittedState, topics: Sequence[int] | None = None, top_n_topics: int | None = None, **layout: Any
) -> Figure:
    """Tree of the topics by Ward linkage, see `hierarchical_topics`; the last five clusters have colours.

    Parameters
    ----------
    state : FittedState
    topics : sequence of int or None, default=None
        Numbers of the topics; None for all. The tree is that of these topics alone.
    top_n_topics : int or None, default=None
        How many, the largest; None for all.
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    columns = sorted(chosen_columns(state, topics, top_n_topics))
    if len(columns) < 2:
        raise InputError("a tree needs two topics; give more of them")
    go, names = graph_objects(), topic_names(state)
    merges = topic_linkage(state, columns)
    order = leaves_list(merges).tolist()
    places, heights = [float(order.index(leaf)) for leaf in range(len(columns))], [0.0] * len(columns)
    members = [[column] for column in columns]
    brackets = []
    for (left, right, distance, _), color in zip(merges.tolist(), _colors(merges), strict=True):
        one, other = int(left), int(right)
        members.append(members[one] + members[other])
        brackets.append(
            go.Scatter(
                x=[heights[one], distance, distance, heights[other]],
                y=[places[one], places[one], places[other], places[other]],
                mode="lines",
                line={"color": color, "width": 2},
                hovertext=_cluster_text(state, members[-1], names),
                hoverinfo="text",
            )
        )
        places.append((places[one] + places[other]) / 2)
        heights.append(distance)
    shown = [f"{label(names[columns[leaf]])} ({state.counts[columns[leaf]]:,})" for leaf in order]
    return figure(
        brackets,
        layout,
        height=90 + 21 * len(columns),
        showlegend=False,
        xaxis={"title": {"text": "distance"}, "rangemode": "tozero", "zeroline": False},
        yaxis={"tickvals": list(range(len(shown))), "ticktext": shown, "showgrid": False, "zeroline": False,
               "range": [len(shown) - 0.5, -0.5]},
    )  # fmt: skip


def _leaves(state: FittedState) -> list[int]:
    """Columns of the topics, similar ones side by side."""
    columns = list(range(state.n_topics))
    return leaves_list(topic_linkage(state, columns)).tolist() if len(columns) > 1 else columns


def _colors(merges: np.ndarray) -> list[str]:
    """Colour of each merge: one for each of the last clusters, grey for the merges of these."""
    n_leaves = len(merges) + 1
    colors = [GREY] * len(merges)
    free = iter(PALETTE)
    for place in reversed(range(len(merges))):
        for child in merges[place, :2].astype(int) - n_leaves:
            if child >= 0:
                if colors[place] != GREY:
                    colors[child] = colors[place]
                elif child < n_leaves - _N_GROUPS:
                    colors[child] = next(free)
    return colors


def _cluster_text(state: FittedState, columns: Sequence[int], names: Sequence[str]) -> str:
    largest = sorted(columns, key=lambda column: -state.counts[column])
    more = [f"and {len(columns) - _N_NAMES} more"] if len(columns) > _N_NAMES else []
    count = int(state.counts[list(columns)].sum())
    return hover(f"{len(columns)} topics, {count:,} documents", *(names[c] for c in largest[:_N_NAMES]), *more)
