"""The topics of one document."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from softtopic.errors import InputError, check_number
from softtopic.plots.style import GREY, PALETTE, Figure, figure, graph_objects, hover, label, styled, ticks
from softtopic.state import FittedState
from softtopic.topics.table import topic_names

# Characters of a sentence beside its bar.
_SENTENCE = 52


def visualize_distribution(
    state: FittedState,
    mixture: Float[np.ndarray, " topics"],
    sentences: pd.DataFrame | None = None,
    min_probability: float = 0.015,
    **layout: Any,
) -> Figure:
    """Bars for the shares of topics in one document and, below, for the topic of each of its sentences.

    Parameters
    ----------
    state : FittedState
    mixture : ndarray of shape (n_topics,)
        The document's mixture.
    sentences : DataFrame or None, default=None
        Table of `TopicModel.explain` with one topic for each sentence.
    min_probability : float in [0, 1), default=0.015
        Smallest share of the document that has a bar.
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    InputError
        If the mixture is not one of this model, or no share is large enough.
    """
    check_number("min_probability", min_probability, 0, 1)
    shares, names = np.asarray(mixture, dtype=np.float64).ravel(), topic_names(state)
    if shares.shape != (state.n_topics,) or not np.isfinite(shares).all():
        raise InputError(f"the mixture has {shares.size} values; give a finite one for each of {state.n_topics} topics")
    order = [int(column) for column in np.argsort(-shares, kind="stable") if shares[column] >= min_probability]
    if not order:
        raise InputError(f"no topic has a share of {min_probability:g}; give a smaller min_probability")
    colors = {column: PALETTE[place % len(PALETTE)] for place, column in enumerate(order)}
    labels = [names[column] for column in order]
    bars = _bars(shares[order].tolist(), [colors[column] for column in order], [
        hover(names[column], f"{shares[column]:.1%}") for column in order
    ])  # fmt: skip
    if sentences is None:
        return figure([bars], layout, height=90 + 24 * len(order), xaxis=_share_axis(), yaxis=_side(labels, 40))
    return _with_sentences(state, bars, labels, sentences, colors, layout)


def _with_sentences(
    state: FittedState,
    bars: Any,
    labels: list[str],
    sentences: pd.DataFrame,
    colors: dict[int, str],
    layout: dict[str, Any],
) -> Figure:
    from plotly.subplots import make_subplots

    parts = sentences.to_dict("records")
    heights = [24 * len(labels), 24 * len(parts)]
    made = make_subplots(2, 1, row_heights=heights, vertical_spacing=50 / (sum(heights) + 50))
    made.add_trace(bars, row=1, col=1)
    columns = [state.topic_ids.index(part["Topic"]) for part in parts]
    below = _bars(
        [part["Share"] for part in parts],
        [colors.get(column, GREY) for column in columns],
        [hover(part["Sentence"], part["Name"], f"{part['Share']:.1%}", " ".join(part["Words"])) for part in parts],
    )
    below.update(text=[label(part["Name"], 24) for part in parts], textposition="auto", insidetextanchor="start")
    made.add_trace(below, row=2, col=1)
    return styled(
        made,
        layout,
        height=sum(heights) + 130,
        showlegend=False,
        xaxis={**_share_axis(), "title": None},
        xaxis2=_share_axis(),
        yaxis=_side(labels, 40),
        yaxis2=_side([part["Sentence"] for part in parts], _SENTENCE),
    )


def _bars(values: list[float], colors: list[str], texts: list[str]) -> Any:
    return graph_objects().Bar(
        x=values,
        y=list(range(len(values))),
        orientation="h",
        marker={"color": colors},
        hovertext=texts,
        hoverinfo="text",
    )


def _share_axis() -> dict[str, Any]:
    return {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "share"}}


def _side(labels: list[str], length: int) -> dict[str, Any]:
    return {**ticks(labels, length), "range": [len(labels) - 0.5, -0.5], "showgrid": False}
