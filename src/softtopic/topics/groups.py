"""Groups of documents: shares of topics by group, where they differ, and which words differ."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, hypergeom

from softtopic.data.corpus import valid_value
from softtopic.errors import InputError, check_whole
from softtopic.topics.assignments import Assignments, PartTopic, characteristic_words, log_odds, share_intervals
from softtopic.types import DocInt

# How pandas and NumPy print missing values.
_MISSING = {"", "nan", "NaT", "None", "<NA>"}


def topics_per_class(documents: Assignments, classes: Iterable[Any], *, n_words: int = 5) -> pd.DataFrame:
    """Shares of topics in each class of documents, compared with all other classes.

    Parameters
    ----------
    documents : Assignments
    classes : iterable
        Class of each document: a party, a newspaper, a year. Documents whose class is missing are left out; a warning
        says how many.
    n_words : int, default=5

    Returns
    -------
    DataFrame
        A row for each class and topic: Topic, Name, Class, Count, Share, Low, High, Ratio, P, Adjusted_P, Words. Count
        is the number of documents of the class in which the topic has the largest share, Share its share of all
        documents of the class, Low to High the 95 % interval of `share_intervals`. Ratio is the share divided by that
        in all other classes, with half a document added to each count. P is that of Fisher's exact test, two-sided by
        doubling; Adjusted_P is corrected for the number of rows (Benjamini & Hochberg, 1995). Words are more frequent
        in the topic's documents of this class than in those of other classes (`log_odds`); without texts there are
        none.

    Raises
    ------
    InputError
        If there is not one class for each document, or only one class at all.
    """
    check_whole("n_words", n_words, 0)
    names, parts = _encode(classes, len(documents))
    counts = documents.counts(parts, len(names))
    totals = counts.sum(axis=1, keepdims=True)
    low, high = share_intervals(counts, totals)
    others = counts.sum(axis=0) - counts
    p = _fisher(counts)
    n_topics = len(documents.names)
    return pd.DataFrame({
        "Topic": np.tile(documents.ids, len(names)),
        "Name": [*documents.names] * len(names),
        "Class": np.repeat(np.asarray(names, dtype=object), n_topics),
        "Count": counts.ravel(),
        "Share": (counts / totals).ravel(),
        "Low": low.ravel(),
        "High": high.ravel(),
        "Ratio": ((counts + 0.5) / (totals + 1) / ((others + 0.5) / (totals.sum() - totals + 1))).ravel(),
        "P": p.ravel(),
        "Adjusted_P": false_discovery_control(p.ravel()),
        "Words": _words_that_differ(documents, parts, len(names), n_words),
    })  # fmt: skip


def _encode(classes: Iterable[Any], count: int) -> tuple[list[Any], DocInt]:
    """The classes in order, and the place of each document's among them; -1 where it is missing."""
    if isinstance(classes, str | bytes) or not isinstance(classes, Iterable):
        raise InputError(f"classes is {repr(classes)[:60]}; give a list with the class of each document, or 'language'")
    given = [None if str(value).strip() in _MISSING else valid_value(value) for value in classes]
    if len(given) != count:
        raise InputError(f"{len(given)} classes for {count} documents; give one for each")
    distinct = {value for value in given if value is not None}
    if len(distinct) < 2:
        only = f"the single value {next(iter(distinct))!r}" if distinct else "no value"
        raise InputError(f"classes hold {only}; give at least two to compare")
    # Numbers in order of size, and all else by its text.
    numeric = all(isinstance(value, int | float | np.number) for value in distinct)
    names = sorted(distinct, key=None if numeric else str)
    place = {name: row for row, name in enumerate(names)}
    parts = np.array([-1 if value is None else place[value] for value in given])
    missing = int((parts < 0).sum())
    if missing:
        warnings.warn(f"{missing:,} of {count:,} documents have no class and are left out", stacklevel=4)
    return names, parts


def _fisher(counts: PartTopic) -> np.ndarray:
    """P-values of Fisher's exact test of each entry against the rest of its row and column, two-sided by doubling."""
    total, topics, parts = counts.sum(), counts.sum(axis=0), counts.sum(axis=1, keepdims=True)
    distribution = hypergeom(total, topics, parts)
    return np.clip(2 * np.minimum(distribution.cdf(counts), distribution.sf(counts - 1)), 0, 1)


def _words_that_differ(documents: Assignments, parts: DocInt, n_parts: int, n_words: int) -> list[list[str]]:
    overall = documents.topic_words(np.flatnonzero(parts >= 0))
    if overall is None or n_words == 0:
        return [[] for _ in range(n_parts * len(documents.names))]
    found = []
    for part in range(n_parts):
        counts = documents.topic_words(np.flatnonzero(parts == part))
        scores = log_odds(counts, overall - counts)  # type: ignore[operator]
        found += characteristic_words(scores, documents.vocabulary.words, n_words)
    return found
