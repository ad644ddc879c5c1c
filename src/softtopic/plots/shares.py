"""Figures of shares of topics over time and in classes of documents."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from softtopic.errors import InputError, check_whole
from softtopic.plots.panels import Panels
from softtopic.plots.style import PALETTE, Figure, error_bars, faded, graph_objects, hover, ticks

_SHARE = {"tickformat": ".0%", "rangemode": "tozero", "nticks": 5, "zeroline": False}


def visualize_topics_over_time(
    topics_over_time: pd.DataFrame, topics: Sequence[int] | None = None, top_n_topics: int = 8, **layout: Any
) -> Figure:
    """Share of each topic over time with its 95 % interval, a panel for each.

    Parameters
    ----------
    topics_over_time : DataFrame
        Table of `TopicModel.topics_over_time`.
    topics : sequence of int or None, default=None
        Numbers of the topics; None for those of most documents.
    top_n_topics : int, default=8
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    InputError
        If the table is another one, or a topic is not in it.
    """
    table = _checked(topics_over_time, "topics_over_time", "Bin_Start")
    go, parts = graph_objects(), _by_topic(table, topics, top_n_topics)
    grid = Panels([part["Name"].iloc[0] for part in parts], 105)
    for place, part in enumerate(parts):
        color = PALETTE[place % len(PALETTE)]
        line = go.Scatter(
            x=part["Bin_Start"].tolist(),
            y=part["Share"].tolist(),
            mode="lines+markers",
            line={"color": color, "width": 2},
            marker={"size": 4},
            hovertext=[_share_text(row, f"{row['Bin_Start']:%Y-%m-%d}") for row in part.to_dict("records")],
            hoverinfo="text",
        )
        grid.add(place, [*_band(part, color), line], {"nticks": 5}, _SHARE)
    return grid.figure(layout)


def visualize_topics_per_class(
    topics_per_class: pd.DataFrame, topics: Sequence[int] | None = None, top_n_topics: int = 8, **layout: Any
) -> Figure:
    """Share of each topic in each class of documents with its 95 % interval, a panel for each topic.

    Parameters
    ----------
    topics_per_class : DataFrame
        Table of `TopicModel.topics_per_class`.
    topics : sequence of int or None, default=None
        Numbers of the topics; None for those of most documents.
    top_n_topics : int, default=8
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    InputError
        If the table is another one, or a topic is not in it.
    """
    table = _checked(topics_per_class, "topics_per_class", "Class")
    go, parts = graph_objects(), _by_topic(table, topics, top_n_topics)
    grid = Panels([part["Name"].iloc[0] for part in parts], max(60, 18 * len(parts[0])))
    for place, part in enumerate(parts):
        share = part["Share"].to_numpy()
        points = go.Scatter(
            x=share.tolist(),
            y=list(range(len(part))),
            mode="markers",
            marker={"size": 8, "color": PALETTE[place % len(PALETTE)]},
            error_x=error_bars(share, part["Low"].to_numpy(), part["High"].to_numpy(), 3),
            hovertext=[_share_text(row, row["Class"]) for row in part.to_dict("records")],
            hoverinfo="text",
        )
        grid.add(place, [points], _SHARE, {"range": [len(part) - 0.5, -0.5], **ticks(part["Class"].tolist(), 18)})
    return grid.figure(layout)


def _checked(table: object, method: str, column: str) -> pd.DataFrame:
    needed = {"Topic", "Name", column, "Count", "Share", "Low", "High"}
    if not isinstance(table, pd.DataFrame) or not needed <= set(table.columns) or table.empty:
        raise InputError(f"the table is no result of {method}; give that of model.{method}(...)")
    return table


def _by_topic(table: pd.DataFrame, topics: Sequence[int] | None, top_n: int) -> list[Any]:
    """The rows of each topic that is shown, as tables."""
    check_whole("top_n_topics", top_n, 1)
    parts: dict[Any, Any] = dict(iter(table.groupby("Topic")))
    if topics is None:
        topics = sorted(parts, key=lambda topic: -parts[topic]["Count"].sum())[:top_n]
    for topic in topics:
        if topic not in parts:
            raise InputError(f"topic {topic} is not in the table; it has {', '.join(map(str, parts))}")
    if len(topics) == 0:
        raise InputError("topics are empty; give numbers of topics, or None for the largest")
    return [parts[topic] for topic in topics]


def _band(part: Any, color: str) -> list[Any]:
    """The intervals as bands, one for each run of periods with documents."""
    known = part["Share"].notna().to_numpy()
    starts = np.flatnonzero(known & ~np.concatenate([[False], known[:-1]]))
    stops = np.flatnonzero(known & ~np.concatenate([known[1:], [False]])) + 1
    return [
        graph_objects().Scatter(
            x=[*part["Bin_Start"].iloc[start:stop], *part["Bin_Start"].iloc[start:stop][::-1]],
            y=[*part["High"].iloc[start:stop], *part["Low"].iloc[start:stop][::-1]],
            mode="lines",
            fill="toself",
            fillcolor=faded(color),
            line={"width": 0},
            hoverinfo="skip",
        )
        for start, stop in zip(starts, stops, strict=True)
    ]


def _share_text(row: dict[Any, Any], where: object) -> str:
    interval = f"{row['Share']:.1%} ({row['Low']:.1%} to {row['High']:.1%}), {row['Count']:,} documents"
    return hover(row["Name"], where, interval, " ".join(row.get("Words") or []))
