"""What the page shows, as values that JSON can hold: topics, documents, trends and classes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softtopic.data.times import parse_times
from softtopic.errors import InputError
from softtopic.plots.style import PALETTE
from softtopic.state import FittedState
from softtopic.topics.assignments import Assignments
from softtopic.topics.comparison import topic_similarity
from softtopic.topics.documents import one_each
from softtopic.topics.dynamics import periods_of, topics_over_time
from softtopic.topics.groups import topics_per_class
from softtopic.topics.map import Coordinates, color_numbers, topic_centers
from softtopic.topics.table import topic_names, topics_of
from softtopic.types import DocInt

# Documents that are points with texts; of more, the others are counted in cells of the map.
MAX_DOCUMENTS = 20_000

# Cells along one side of the map.
_CELLS = 160

# Coordinates are whole numbers up to this, either side of 0; shares are in thousandths.
_UNIT = 9999

_N_WORDS, _N_LABEL, _N_NEIGHBOURS = 10, 3, 5

# Classes that can be filtered; with more, a list of them is no help.
_MAX_CLASSES = 200

Rows = Int[np.ndarray, " rows"]


def report_data(
    state: FittedState,
    coordinates: Coordinates,
    *,
    classes: Iterable[Any] | None = None,
    times: Iterable[Any] | None = None,
    max_documents: int = MAX_DOCUMENTS,
) -> dict[str, Any]:
    """Values of a page.

    Parameters
    ----------
    state : FittedState
    coordinates : ndarray of shape (n_documents, 2)
        Map of the training documents, in [-1, 1].
    classes : iterable or None, default=None
        Class of each training document, by which documents can be filtered.
    times : iterable or None, default=None
        Time of each training document; None for those that the model keeps, if any.
    max_documents : int, default=20000
        Number of documents with texts. Of more, a random sample has them, with the representative documents of all
        topics; the others are counted in cells of the map.

    Returns
    -------
    dict
        Lists, numbers and strings alone. `documents` holds a list for each property, with a value for each document.

    Raises
    ------
    InputError
        If there is not one class, or one time, for each training document.
    """
    kept = None if classes is None else one_each("classes", classes, state)
    known = state.times if times is None else one_each("times", times, state)
    assignments = Assignments(
        theta=state.theta,
        names=topic_names(state),
        vocabulary=state.vocabulary,
        times=None,
        topic_ids=state.topic_ids,
        blank=state.blank,
    )
    trends, period = _trends(assignments, known)
    groups, member = _classes(assignments, kept)
    rows = _shown_rows(state, max_documents)
    others = np.setdiff1d(state.with_text, rows)
    return {
        "n_documents": len(state.with_text),
        "topics": _topics(state, coordinates),
        "documents": _documents(state, coordinates, rows)
        | {"period": _part(period, rows), "class": _part(member, rows)},
        "cells": _cells(state, coordinates, others),
        "trends": trends,
        "classes": groups,
    }


def _topics(state: FittedState, coordinates: Coordinates) -> list[dict[str, Any]]:
    words, names = topics_of(state), topic_names(state)
    similarity = topic_similarity(words, words)
    np.fill_diagonal(similarity, -1)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, : min(_N_NEIGHBOURS, state.n_topics - 1)]
    centers = topic_centers(state, coordinates)
    colors = color_numbers(centers, state.counts, len(PALETTE))
    return [
        {
            "number": state.topic_ids[column],
            "name": names[column],
            # Names of numbers and words are too long for a map.
            "label": state.names[column] or " ".join(word for word, _ in words.top(column, _N_LABEL)),
            "words": [[word, round(probability, 5)] for word, probability in words.top(column, _N_WORDS)],
            "count": int(state.counts[column]),
            "color": colors[column],
            "at": _whole(centers[column]),
            "neighbours": nearest[column].tolist(),
        }
        for column in range(state.n_topics)
    ]


def _documents(state: FittedState, coordinates: Coordinates, rows: Rows) -> dict[str, Any]:
    theta = state.theta[rows]
    first = state.columns[rows]
    others = theta.copy()
    others[np.arange(len(rows)), first] = -1
    second = others.argmax(axis=1)
    places = (coordinates[rows] * _UNIT).round().astype(int)
    return {
        "id": [state.ids[row] for row in rows.tolist()],
        "text": [state.excerpts[row] for row in rows.tolist()],
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
        "topic": first.tolist(),
        "share": _thousandths(theta.max(axis=1)),
        "second": second.tolist(),
        "second_share": _thousandths(np.maximum(others.max(axis=1), 0)),
    }


def _shown_rows(state: FittedState, most: int) -> Rows:
    """Documents that are points: all, or the representative ones and a random sample."""
    rows = state.with_text
    if len(rows) <= most:
        return rows
    always = np.unique(np.concatenate([*state.representatives, rows[:0]])).astype(np.int64)[:most]
    rest = np.setdiff1d(rows, always)
    drawn = np.random.default_rng(0).choice(rest, most - len(always), replace=False)
    return np.sort(np.concatenate([always, drawn]))


def _cells(state: FittedState, coordinates: Coordinates, rows: Rows) -> list[list[int]]:
    """Numbers of documents by cell of the map and topic: x, y, topic and count, a list each."""
    places = np.clip(((coordinates[rows] + 1) / 2 * _CELLS).astype(int), 0, _CELLS - 1)
    keys = (places[:, 0] * _CELLS + places[:, 1]) * state.n_topics + state.columns[rows]
    found, counts = np.unique(keys, return_counts=True)
    cell, topic = np.divmod(found, state.n_topics)
    x, y = np.divmod(cell, _CELLS)
    centers = [((axis + 0.5) / _CELLS * 2 - 1) * _UNIT for axis in (x, y)]
    return [*(center.round().astype(int).tolist() for center in centers), topic.tolist(), counts.tolist()]


def _trends(documents: Assignments, times: Sequence[Any] | None) -> tuple[dict[str, Any] | None, DocInt | None]:
    """Shares of the topics in each period, and the period of each document."""
    if times is None:
        return None, None
    parsed = parse_times(times)
    periods = periods_of(parsed)
    table = topics_over_time(documents, times, n_words=0)
    return {
        "labels": _period_labels(periods.starts),
        "counts": _by_topic(table, "Count", documents),
        **{name.lower(): [list(map(_thousandth, row)) for row in _by_topic(table, name, documents)]
           for name in ("Share", "Low", "High")},
    }, periods.rows  # fmt: skip


def _classes(documents: Assignments, classes: Sequence[Any] | None) -> tuple[dict[str, Any] | None, DocInt | None]:
    """Shares of the topics in each class, and the class of each document; -1 for none."""
    if classes is None:
        return None, None
    table = topics_per_class(documents, classes, n_words=0)
    names = table["Class"].drop_duplicates().tolist()
    if len(names) > _MAX_CLASSES:
        raise InputError(f"there are {len(names)} classes; give a column with at most {_MAX_CLASSES}")
    place = {name: number for number, name in enumerate(names)}
    member = np.array([place.get(value, -1) for value in classes])
    return {
        "names": [str(name) for name in names],
        "counts": _by_topic(table, "Count", documents),
        "share": [list(map(_thousandth, row)) for row in _by_topic(table, "Share", documents)],
    }, member


def _by_topic(table: pd.DataFrame, column: str, documents: Assignments) -> list[list[Any]]:
    """Values of a table of parts × topics, a list for each topic."""
    return table[column].to_numpy().reshape(-1, len(documents.names)).T.tolist()


def _period_labels(starts: pd.DatetimeIndex) -> list[str]:
    """Beginnings of periods, as short as they are distinct."""
    formats = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d %H:%M")
    for one in formats:
        labels = starts.strftime(one).tolist()
        if len(set(labels)) == len(labels):
            return labels
    return starts.strftime(formats[-1]).tolist()


def _part(values: DocInt | None, rows: Rows) -> list[int] | None:
    return None if values is None else values[rows].tolist()


def _whole(place: Float[np.ndarray, " 2"]) -> list[int]:
    return (place * _UNIT).round().astype(int).tolist()


def _thousandths(shares: Float[np.ndarray, " rows"]) -> list[int]:
    return (shares * 1000).round().astype(int).tolist()


def _thousandth(share: float) -> int | None:
    return None if share != share else round(share * 1000)
