"""Maps: topics and documents in two dimensions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from softtopic.errors import InputError, check_number
from softtopic.plots.style import (
    FAINT,
    PALETTE,
    Figure,
    chosen_columns,
    excerpt,
    faded,
    figure,
    graph_objects,
    hover,
    label,
)
from softtopic.state import FittedState
from softtopic.topics.documents import training_texts
from softtopic.topics.map import color_numbers, document_map, topic_centers
from softtopic.topics.table import topic_names, topics_of

# With more points, browsers are smooth by WebGL alone, which images show as pixels.
_MAX_VECTOR_POINTS = 5000

# Pixels of the plot, of a letter and of a line, to keep names apart.
_SIDE, _LETTER, _LINE = 620, 7.5, 17

# Diameter of the largest disc, and space around the outermost points, in pixels.
_DISC, _MARGIN = 70, 40

# Characters of a name on a map.
_NAME = 24


def visualize_topics(
    state: FittedState,
    topics: Sequence[int] | None = None,
    top_n_topics: int | None = None,
    *,
    reduced_embeddings: np.ndarray | None = None,
    **layout: Any,
) -> Figure:
    """Map of the topics: discs with areas in proportion to their numbers of documents, on the map of the documents.

    Parameters
    ----------
    state : FittedState
    topics : sequence of int or None, default=None
        Numbers of the topics; None for all.
    top_n_topics : int or None, default=None
        How many, the largest; None for all.
    reduced_embeddings : ndarray of shape (n_documents, 2) or None, default=None
        Coordinates of the training documents; None for `softtopic.topics.map.document_map`.
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    go, names, words = graph_objects(), topic_names(state), topics_of(state).top_words(8)
    centers = topic_centers(state, _checked(state, reduced_embeddings))
    columns = chosen_columns(state, topics, top_n_topics)
    colors = color_numbers(centers, state.counts, len(PALETTE))
    sizes = state.counts[columns]
    discs = go.Scatter(
        x=centers[columns, 0].tolist(),
        y=centers[columns, 1].tolist(),
        mode="markers",
        # In a figure of another size discs may reach beyond the axes.
        cliponaxis=False,
        marker={
            "size": sizes.tolist(),
            "sizemode": "area",
            "sizeref": 2 * max(int(sizes.max(initial=1)), 1) / _DISC**2,
            "sizemin": 4,
            "color": [faded(PALETTE[colors[column]], 0.55) for column in columns],
            "line": {"color": [PALETTE[colors[column]] for column in columns], "width": 1},
        },
        hovertext=[
            hover(names[column], f"{state.counts[column]:,} documents", " ".join(words[column])) for column in columns
        ],
        hoverinfo="text",
    )
    return _map([discs], centers, columns, names, layout)


def visualize_documents(
    state: FittedState,
    docs: Sequence[str] | None = None,
    topics: Sequence[int] | None = None,
    *,
    sample: float | None = None,
    reduced_embeddings: np.ndarray | None = None,
    **layout: Any,
) -> Figure:
    """Map of the training documents, coloured by topic, with their beginnings as hover texts.

    Parameters
    ----------
    state : FittedState
    docs : sequence of str or None, default=None
        Texts of the training documents, in order, for the hover texts; None for the beginnings that the model keeps.
    topics : sequence of int or None, default=None
        Numbers of the topics in colour; the documents of others are grey. None for all.
    sample : float in (0, 1] or None, default=None
        Share of the documents of each topic to show; None for all.
    reduced_embeddings : ndarray of shape (n_documents, 2) or None, default=None
        Coordinates of the documents, from UMAP for instance; None for `softtopic.topics.map.document_map`.
    **layout
        Settings of a plotly layout.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    InputError
        If there is not one text, or one pair of coordinates, for each training document.
    """
    go, names = graph_objects(), topic_names(state)
    texts = training_texts(state, docs)
    points = _checked(state, reduced_embeddings)
    centers = topic_centers(state, points)
    colors = color_numbers(centers, state.counts, len(PALETTE))
    colored = chosen_columns(state, topics, None)
    shown = _sampled(state, sample)
    kind = go.Scatter if len(shown) <= _MAX_VECTOR_POINTS else go.Scattergl
    shades = [PALETTE[color] if column in colored else FAINT for column, color in enumerate(colors)]
    traces = []
    # Documents of the other topics first, so that they lie below.
    for column in [*(column for column in range(state.n_topics) if column not in colored), *reversed(colored)]:
        rows = shown[state.columns[shown] == column]
        traces.append(
            kind(
                x=points[rows, 0].round(4).tolist(),
                y=points[rows, 1].round(4).tolist(),
                mode="markers",
                name=label(names[column]),
                marker={
                    "size": 4,
                    "opacity": 0.7,
                    "color": shades[column],
                },
                hovertext=[hover(names[column], excerpt(texts[int(row)], 200)) for row in rows],
                hoverinfo="text",
            )
        )
    return _map(traces, centers, colored, names, layout)


def _checked(state: FittedState, coordinates: np.ndarray | None) -> np.ndarray:
    if coordinates is None:
        return document_map(state)
    points = np.asarray(coordinates, dtype=np.float64)
    if points.shape != (len(state.theta), 2) or not np.isfinite(points).all():
        raise InputError(
            f"reduced_embeddings have shape {points.shape}; give two numbers for each of {len(state.theta)} documents"
        )
    return points


def _sampled(state: FittedState, share: float | None) -> np.ndarray:
    """Rows of the documents to show, evenly spaced in the documents of each topic."""
    rows = state.with_text
    if share is None:
        return rows
    check_number("sample", share, 0, 1, closed="right")
    of_topics = (rows[state.columns[rows] == column] for column in range(state.n_topics))
    kept = [part[np.linspace(0, len(part) - 1, int(np.ceil(share * len(part)))).astype(int)] for part in of_topics]
    return np.sort(np.concatenate(kept))


def _map(
    traces: Sequence[Any], centers: np.ndarray, columns: Sequence[int], names: Sequence[str], layout: dict[str, Any]
) -> Figure:
    """Points without axes, and on them the names that fit, those of the first columns first."""
    points = np.array([[x, y] for trace in traces for x, y in zip(trace.x, trace.y, strict=True)] or [[0.0, 0.0]])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN / (_SIDE - 2 * _MARGIN) * np.maximum(high - low, 1e-9)
    low, high = low - margin, high + margin
    shown = [excerpt(names[column], _NAME) for column in columns]
    placed = _place_names((centers[columns] - low) / (high - low) * _SIDE, shown)
    annotations = [
        {
            "x": float(low[0] + x / _SIDE * (high[0] - low[0])),
            "y": float(low[1] + y / _SIDE * (high[1] - low[1])),
            "text": label(shown[place], _NAME),
            "showarrow": False,
            "bgcolor": "rgba(255,255,255,.75)",
            "borderpad": 1,
            "font": {"size": 12},
        }
        for place, (x, y) in placed.items()
    ]
    axis = {"visible": False, "automargin": False}
    return figure(
        traces,
        layout,
        height=_SIDE + 40,
        showlegend=False,
        margin={"l": 20, "r": 20, "t": 20, "b": 20},
        annotations=annotations,
        xaxis={**axis, "range": [float(low[0]), float(high[0])]},
        yaxis={**axis, "range": [float(low[1]), float(high[1])]},
    )


def _place_names(places: np.ndarray, names: Sequence[str]) -> dict[int, tuple[float, float]]:
    """Where names stand: at their places in pixels or nearby, such that none covers another; those left out are absent.

    Names come in order of importance.
    """
    placed: dict[int, tuple[float, float]] = {}
    boxes: list[tuple[float, float, float]] = []
    for number, (name, (x, y)) in enumerate(zip(names, places.tolist(), strict=True)):
        half = len(name) * _LETTER / 2 + 2
        x = min(max(x, half), max(_SIDE - half, half))
        for shift in (0, 1, -1, 2, -2):
            at = y + shift * _LINE * 0.7
            if all(abs(x - left) >= half + width or abs(at - top) >= _LINE for left, top, width in boxes):
                boxes.append((x, at, half))
                placed[number] = (x, at)
                break
    return placed
