"""Trends: shares of topics over time, their words in each period, and tests for rising and falling topics."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control
from scipy.stats import t as student_t

from softtopic.data.times import parse_times
from softtopic.errors import InputError, check_number, check_whole
from softtopic.topics.assignments import Assignments, class_tf_idf, frequent_words, share_intervals
from softtopic.types import DocInt

# Frequencies of `bins=None`, shortest first: the first with at most so many periods is taken.
_CALENDAR = ("h", "D", "W", "M", "Q", "Y")
_MAX_SHOWN = 24
# In a simulation of bursts of documents over a year, weeks rejected 4 to 5 % of true null hypotheses; months rejected
# 2 to 5 % and found less than half as many trends.
_MAX_TESTED = 60

MAX_BINS = 10_000

# Names people use, and those pandas has for the beginnings and ends of periods.
_ALIASES = {
    "h": "hour hourly H",
    "D": "day daily d",
    "W": "week weekly w",
    "M": "month monthly m MS ME",
    "Q": "quarter quarterly q QS QE",
    "Y": "year yearly y YS YE A",
}
_UNITS = {alias: unit for unit, aliases in _ALIASES.items() for alias in aliases.split()}

# Periods with documents that a trend needs: below, the dispersion cannot be estimated.
_MIN_PERIODS = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Periods:
    """Consecutive periods, empty ones included.

    Attributes
    ----------
    starts : DatetimeIndex of shape (n_periods,)
    rows : ndarray of shape (n_documents,)
        Period of each document; -1 where its time is missing.
    """

    starts: pd.DatetimeIndex
    rows: DocInt


def periods_of(times: pd.DatetimeIndex, bins: int | str | None = None, *, limit: int = _MAX_SHOWN) -> Periods:
    """Divide time into periods.

    Parameters
    ----------
    times : DatetimeIndex
    bins : int, str or None, default=None
        Number of periods of equal length; or the length of a calendar period: "hour", "day", "week" (from Monday),
        "month", "quarter", "year", or a frequency of pandas, such as "2W". None: the shortest of these of which there
        are at most `limit`.
    limit : int, default=24

    Raises
    ------
    InputError
        If `bins` is neither, or there would be more than 10,000 periods.

    Examples
    --------
    >>> periods_of(pd.DatetimeIndex(["2020-01-15", "2020-03-01"]), "month").starts.strftime("%Y-%m").tolist()
    ['2020-01', '2020-02', '2020-03']
    """
    known = ~times.isna()
    if not known.any():
        raise InputError("no document has a time; give a time for each")
    if bins is None:
        choices = (_calendar_periods(times, known, frequency) for frequency in _meaningful(times[known]))
        return next((found for found in choices if found and len(found.starts) <= limit), None) or (
            _equal_periods(times, known, limit)
        )
    if not isinstance(bins, str):
        check_whole("bins", bins, 1, MAX_BINS)
        return _equal_periods(times, known, int(bins))
    found = _calendar_periods(times, known, _frequency(bins))
    if found is None:
        raise InputError(f"bins {bins!r} divide the time into more than {MAX_BINS:,} periods; give longer ones")
    return found


def _meaningful(times: pd.DatetimeIndex) -> tuple[str, ...]:
    """Calendar frequencies, shortest first, no shorter than the unit in which times were noted: of years, years."""
    units = ("Y", "M", "D")
    coarsest = next((unit for unit in units if (pd.PeriodIndex(times, freq=unit).start_time == times).all()), "h")
    return _CALENDAR[_CALENDAR.index(coarsest) :]


def _frequency(name: str) -> str:
    """The name of a frequency as pandas has it for periods."""
    count, unit = re.fullmatch(r"\s*(\d*)\s*(.*?)\s*", name).groups()  # type: ignore[union-attr]
    unit = _UNITS.get(unit, _UNITS.get(unit.lower().removesuffix("s"), unit))
    try:
        pd.Period("2020-01-01", freq=count + unit)
    except (ValueError, AttributeError):
        raise InputError(
            f"bins is {name!r}; give a number, or hour, day, week, month, quarter, year or a frequency of pandas"
        ) from None
    return count + unit


def _calendar_periods(times: pd.DatetimeIndex, known: np.ndarray, frequency: str) -> Periods | None:
    """Periods of a frequency from the first time to the last; None if there are too many."""
    offset: Any = pd.PeriodIndex(["2020-01-01"], freq=frequency).freq
    # Of a multiple, pandas would begin a period at each document.
    unit = pd.PeriodIndex(times[known], freq=offset.base)
    places = (unit.asi8 - unit.asi8.min()) // offset.n
    n_periods = int(places.max()) + 1
    if n_periods > MAX_BINS:
        return None
    rows = np.full(len(times), -1)
    rows[known] = places
    every = pd.period_range(unit.min(), periods=n_periods * offset.n, freq=offset.base)
    return Periods(starts=every.start_time[:: offset.n], rows=rows)


def _equal_periods(times: pd.DatetimeIndex, known: np.ndarray, count: int) -> Periods:
    """Periods of equal length from the first time to the last."""
    values = times.to_numpy().astype("datetime64[us]").astype(np.int64)
    low, high = values[known].min(), values[known].max()
    if low == high and count > 1:
        raise InputError(f"all documents have the time {times[known][0]}; give bins=1, or times that differ")
    edges = np.linspace(low, high, count + 1).round().astype(np.int64)[:-1]
    rows = np.where(known, np.clip(np.searchsorted(edges, values, side="right") - 1, 0, count - 1), -1)
    return Periods(starts=pd.DatetimeIndex(edges.astype("datetime64[us]")), rows=rows)


def topics_over_time(
    documents: Assignments,
    times: Iterable[Any] | None = None,
    *,
    bins: int | str | None = None,
    format: str | None = None,
    n_words: int = 5,
) -> pd.DataFrame:
    """Shares of topics in each period, with intervals, and their words there.

    Parameters
    ----------
    documents : Assignments
    times : iterable or None, default=None
        See `parse_times`; None for those of the documents.
    bins : int, str or None, default=None
        See `periods_of`.
    format : str or None, default=None
        See `parse_times`.
    n_words : int, default=5

    Returns
    -------
    DataFrame
        A row for each period and topic: Topic, Name, Bin_Start, Count, Share, Low, High, Words. Count is the number of
        documents of the period in which the topic has the largest share, Share its share of all documents of the
        period, Low to High the 95 % interval of `share_intervals`; they are NaN where a period has no documents. Words
        are ranked by class-based tf-idf; without texts there are none.
    """
    check_whole("n_words", n_words, 0)
    periods = periods_of(_times(documents, times, format), bins)
    n_periods, n_topics = len(periods.starts), len(documents.names)
    counts = documents.counts(periods.rows, n_periods)
    totals = counts.sum(axis=1, keepdims=True)
    low, high = share_intervals(counts, totals)
    values = {"Share": counts / np.maximum(totals, 1), "Low": low, "High": high}
    return pd.DataFrame({
        "Topic": np.tile(documents.ids, n_periods),
        "Name": [*documents.names] * n_periods,
        "Bin_Start": np.repeat(periods.starts, n_topics),
        "Count": counts.ravel(),
        **{name: np.where(totals > 0, value, np.nan).ravel() for name, value in values.items()},
        "Words": _words_of_periods(documents, periods, n_words),
    })  # fmt: skip


def _words_of_periods(documents: Assignments, periods: Periods, n_words: int) -> list[list[str]]:
    n_periods = len(periods.starts)
    overall = documents.topic_words(np.flatnonzero(periods.rows >= 0))
    if overall is None or n_words == 0:
        return [[] for _ in range(n_periods * len(documents.names))]
    frequency, mean_length = overall.sum(axis=0), float(overall.sum()) / overall.shape[0]
    found = []
    for period in range(n_periods):
        counts = documents.topic_words(np.flatnonzero(periods.rows == period))
        weights = class_tf_idf(counts, frequency, mean_length)  # type: ignore[arg-type]
        found += frequent_words(weights, documents.vocabulary.words, n_words)
    return found


def trend_test(
    documents: Assignments,
    times: Iterable[Any] | None = None,
    *,
    bins: int | str | None = None,
    format: str | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Test which topics rise and which fall.

    For each topic the Cochran-Armitage test for a linear trend of its share over the periods, with the variance
    multiplied by the dispersion around that trend (at least 1) and Student's distribution: documents of one event come
    together, so that counts vary more than those of independent documents. P-values are corrected for the number of
    topics (Benjamini & Hochberg, 1995).

    Parameters
    ----------
    documents : Assignments
    times, format
        See `parse_times`.
    bins : int, str or None, default=None
        See `periods_of`; None: the shortest calendar periods of which there are at most 60.
    alpha : float in (0, 1), default=0.05
        False discovery rate at which a trend is named.

    Returns
    -------
    DataFrame
        A row for each topic, smallest p-value first: Topic, Name, Trend ("rising", "falling" or ""), Early and Late
        (its shares of the first and the last third of the documents), Statistic, P, Adjusted_P.

    Raises
    ------
    InputError
        If fewer than four periods have documents.

    References
    ----------
    Armitage (1955). Tests for linear trends in proportions and frequencies. Biometrics 11.
    Benjamini & Hochberg (1995). Controlling the false discovery rate. JRSS B 57.
    """
    check_number("alpha", alpha, 0, 1, closed="neither")
    parsed = _times(documents, times, format)
    periods = periods_of(parsed, bins, limit=_MAX_TESTED)
    counts = documents.counts(periods.rows, len(periods.starts))
    full = counts.sum(axis=1) > 0
    if full.sum() < _MIN_PERIODS:
        raise InputError(
            f"{full.sum()} periods have documents, a trend needs {_MIN_PERIODS}; give shorter bins, or more documents"
        )
    statistic = _trend_statistic(np.flatnonzero(full).astype(np.float64), counts[full])
    p = 2 * student_t.sf(np.abs(statistic), full.sum() - 2)
    adjusted = false_discovery_control(p)
    order = np.argsort(np.where(parsed.isna(), np.datetime64("NaT"), parsed.to_numpy()), kind="stable")
    order = order[: int((~parsed.isna()).sum())]
    third = max(1, len(order) // 3)
    early, late = (
        np.bincount(documents.columns[part], minlength=len(documents.names)) / third
        for part in (order[:third], order[-third:])
    )
    frame = pd.DataFrame({
        "Topic": documents.ids,
        "Name": list(documents.names),
        "Trend": np.where(adjusted > alpha, "", np.where(statistic > 0, "rising", "falling")),
        "Early": early,
        "Late": late,
        "Statistic": statistic,
        "P": p,
        "Adjusted_P": adjusted,
    })  # fmt: skip
    return frame.sort_values("P", kind="stable", ignore_index=True)


def _trend_statistic(places: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Student's t of each topic's linear trend over periods at `places`, none of them empty."""
    totals = counts.sum(axis=1, keepdims=True)
    share = counts.sum(axis=0) / totals.sum()
    centered = (places - np.average(places, weights=totals[:, 0]))[:, None]
    variance = np.maximum(share * (1 - share), 1e-12)
    spread = (totals * centered**2).sum()
    slope = (centered * (counts - totals * share)).sum(axis=0) / spread
    residuals = counts / totals - share - slope * centered
    dispersion = (totals * residuals**2).sum(axis=0) / variance / (len(places) - 2)
    return slope / np.sqrt(np.maximum(dispersion, 1) * variance / spread)


def _times(documents: Assignments, times: Iterable[Any] | None, format: str | None) -> pd.DatetimeIndex:
    if times is None and documents.times is None:
        raise InputError(
            "the times of the documents are not known; fit with --time COLUMN (a Corpus with times), or give the "
            "documents with --time COLUMN (times=)"
        )
    parsed = parse_times(documents.times if times is None else times, format=format)  # type: ignore[arg-type]
    if len(parsed) != len(documents):
        raise InputError(f"{len(parsed)} times for {len(documents)} documents; give one for each")
    return parsed
