"""Figures that help to choose and to trust: the number of topics, and stability."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from softtopic.errors import InputError
from softtopic.plots.style import GREY, PALETTE, Figure, error_bars, figure, graph_objects, hover, ticks
from softtopic.selection import Selection
from softtopic.topics.comparison import FittedTopics, topic_similarity


def visualize_selection(selection: Selection | None, **layout: Any) -> Figure:
    """How the number of topics was chosen: agreement and stability of the numbers that were compared.

    Parameters
    ----------
    selection : Selection
        `selection_` of a model.
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    InputError
        If the number of topics was not chosen but given.
    """
    if selection is None:
        raise InputError("the number of topics was given, not chosen; fit with n_topics='auto' to compare numbers")
    go, table = graph_objects(), selection.table
    numbers = table["Topics"].tolist()
    styles = {
        "Agreement": {"mode": "markers", "marker": {"size": 7, "color": PALETTE[1]}},
        "Smoothed": {"mode": "lines", "line": {"color": PALETTE[1], "width": 2}},
        "Stability": {"mode": "lines+markers", "line": {"color": PALETTE[2], "width": 2, "dash": "dash"}},
    }
    titles = {"Agreement": "agreement", "Smoothed": "agreement, smoothed", "Stability": "stability"}
    lines = [
        go.Scatter(
            x=numbers,
            y=table[column].tolist(),
            name=titles[column],
            hovertext=[hover(f"{number} topics", f"{titles[column]} {value:.3f}")
                       for number, value in zip(numbers, table[column], strict=True)],
            hoverinfo="text",
            **style,
        )
        for column, style in styles.items()
    ]  # fmt: skip
    chosen = selection.n_topics
    return figure(
        lines,
        layout,
        height=400,
        xaxis={"title": {"text": "number of topics"}, "type": "log", "tickvals": numbers},
        yaxis={"title": {"text": "score"}},
        legend={"orientation": "h", "y": -0.2},
        shapes=[{"type": "line", "x0": chosen, "x1": chosen, "y0": 0, "y1": 1, "yref": "paper",
                 "line": {"color": GREY, "dash": "dot"}}],
        annotations=[{"x": float(np.log10(chosen)), "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
                      "text": f"chosen: {chosen}"}],
    )  # fmt: skip


def visualize_stability(model: FittedTopics, others: Sequence[FittedTopics], **layout: Any) -> Figure:
    """Similarity of each topic to its partner in other fits, such as those with other seeds.

    Partners are matched one to one as in `softtopic.compare`; similarity is the Bhattacharyya coefficient of the word
    distributions, in [0, 1], and 0 where there is no partner. A dot is the mean over the fits, a line goes from the
    smallest to the largest similarity.

    Parameters
    ----------
    model : TopicModel
    others : sequence of TopicModel
        Other fits of the same documents.
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    InputError
        If there is no other fit, or one shares no word with the model.
    """
    if not isinstance(others, Sequence):
        others = [others]
    if not others:
        raise InputError("stability needs another fit; give models fitted to the same documents with other seeds")
    names = model.topics.names()
    found = np.array([_partners(model, other) for other in others])
    mean = found.mean(axis=0)
    order = np.argsort(-mean, kind="stable").tolist()
    dots = graph_objects().Scatter(
        x=mean[order].tolist(),
        y=list(range(len(order))),
        mode="markers",
        marker={"size": 9, "color": PALETTE[0]},
        error_x=error_bars(mean[order], found.min(axis=0)[order], found.max(axis=0)[order], 0),
        hovertext=[hover(names[topic], ", ".join(f"{value:.2f}" for value in found[:, topic])) for topic in order],
        hoverinfo="text",
    )
    return figure(
        [dots],
        layout,
        height=90 + 21 * len(order),
        xaxis={"title": {"text": "similarity to the partner in other fits"}, "range": [0, 1.02]},
        yaxis={**ticks([names[topic] for topic in order], 40), "range": [len(order) - 0.5, -0.5]},
    )


def _partners(model: FittedTopics, other: FittedTopics) -> np.ndarray:
    similarity = topic_similarity(model.topics, other.topics)
    rows, columns = linear_sum_assignment(-similarity)
    found = np.zeros(len(similarity))
    found[rows] = similarity[rows, columns]
    return found
