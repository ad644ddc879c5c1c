"""Figures of the words of topics."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from softtopic.errors import check_whole
from softtopic.plots.panels import Panels
from softtopic.plots.style import (
    GREY,
    PALETTE,
    Figure,
    chosen_columns,
    faded,
    figure,
    graph_objects,
    hover,
    label,
    ticks,
)
from softtopic.state import FittedState
from softtopic.topics.table import topic_names, topics_of

# Topics in colour among the curves of all.
_N_COLORED = 8


def visualize_barchart(
    state: FittedState, topics: Sequence[int] | None = None, top_n_topics: int = 8, n_words: int = 5, **layout: Any
) -> Figure:
    """Bars for the first words of topics, as long as their probabilities.

    Parameters
    ----------
    state : FittedState
    topics : sequence of int or None, default=None
        Numbers of the topics; None for the largest.
    top_n_topics : int, default=8
    n_words : int, default=5
        Number of words of each topic, in the order in which the model ranks them.
    **layout
        Settings of the figure: title, width, height and others of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    check_whole("n_words", n_words, 1)
    go, names, words = graph_objects(), topic_names(state), topics_of(state)
    columns = chosen_columns(state, topics, top_n_topics)
    grid = Panels([names[column] for column in columns], 19 * n_words)
    for place, column in enumerate(columns):
        top = words.top(column, n_words)
        bars = go.Bar(
            x=[probability for _, probability in top],
            y=list(range(len(top))),
            orientation="h",
            marker={"color": PALETTE[place % len(PALETTE)]},
            hovertext=[hover(word, f"{probability:.4f}", names[column]) for word, probability in top],
            hoverinfo="text",
        )
        grid.add(place, [bars], {"nticks": 4}, {"autorange": "reversed", **ticks([word for word, _ in top], 16)})
    return grid.figure(layout, bargap=0.25)


def visualize_term_rank(
    state: FittedState,
    topics: Sequence[int] | None = None,
    log_scale: bool = False,
    n_words: int = 30,
    **layout: Any,
) -> Figure:
    """Probabilities of the words of each topic in descending order: how many words make up a topic.

    Parameters
    ----------
    state : FittedState
    topics : sequence of int or None, default=None
        Numbers of topics to be shown in colour; None for the largest. The others are grey.
    log_scale : bool, default=False
    n_words : int, default=30
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    check_whole("n_words", n_words, 1)
    go, names = graph_objects(), topic_names(state)
    colored = chosen_columns(state, topics, _N_COLORED)
    others = [column for column in range(state.n_topics) if column not in colored]
    traces = []
    for place, column in enumerate([*others, *colored]):
        order = np.argsort(-state.topic_word[column], kind="stable")[:n_words]
        values = state.topic_word[column, order].tolist()
        number = place - len(others)
        color = PALETTE[number % len(PALETTE)] if number >= 0 else faded(GREY, 0.6)
        traces.append(
            go.Scatter(
                x=list(range(1, len(order) + 1)),
                y=values,
                mode="lines",
                line={"color": color, "width": 2 if number >= 0 else 1},
                name=label(names[column]),
                showlegend=number >= 0,
                hovertext=[hover(names[column], f"{state.vocabulary.words[word]}: {state.topic_word[column, word]:.4f}")
                           for word in order.tolist()],
                hoverinfo="text",
            )
        )  # fmt: skip
    return figure(
        traces,
        layout,
        height=420,
        xaxis={"title": {"text": "rank of the word"}},
        yaxis={"title": {"text": "probability"}, **({"type": "log", "dtick": "D2"} if log_scale else {})},
        legend={"x": 1, "xanchor": "right", "y": 1, "bgcolor": "rgba(255,255,255,.8)"},
    )
