"""Times of documents: ISO dates, datetimes, epoch numbers, or a format; nothing is guessed where it could be wrong."""

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from softtopic.errors import InputError

# As pandas, NumPy and spreadsheets print missing times.
_MISSING = {"", "nan", "nat", "none", "null", "<na>"}

# What a string may be, and its name. Times of two kinds in one column are refused.
_KINDS = (
    (re.compile(r"\d{4}"), "years"),
    (re.compile(r"\d{4}-\d{2}"), "months"),
    (re.compile(r"\d{4}-?\d{2}-?\d{2}|\d{4}/\d{2}/\d{2}"), "dates"),
    (re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?"), "dates"),
    (re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)? ?(Z|[+-]\d{2}(:?\d{2})?)"), "zoned dates"),
    (re.compile(r"-?\d{9,19}(\.\d*)?"), "epoch numbers"),
)
_DAY_OR_MONTH = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{2}|\d{4})\b")

# Epoch numbers below these count seconds, milliseconds, microseconds; all others nanoseconds.
_EPOCH_UNITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))


def parse_times(values: Iterable[Any], *, format: str | None = None) -> pd.DatetimeIndex:
    """Times as timestamps without a time zone; those with a time zone are converted to UTC.

    Parameters
    ----------
    values : iterable
        Of one kind: ISO dates, months or years as strings; datetimes of Python, NumPy or pandas; epoch numbers, whose
        unit (seconds to nanoseconds) follows from their size; whole numbers from 1000 to 2999 are years.
    format : str or None, default=None
        Format of strings as in `datetime.strptime`, e.g. "%d/%m/%Y"; None for the above.

    Returns
    -------
    DatetimeIndex
        NaT where a time is missing; a warning says how many are.

    Raises
    ------
    InputError
        If a time cannot be read, could be read in two ways, or is of another kind than the others, or all are missing.

    Examples
    --------
    >>> parse_times(["2020-03-04", "2020-03-05T12:00"])
    DatetimeIndex(['2020-03-04 00:00:00', '2020-03-05 12:00:00'], dtype='datetime64[us]', freq=None)
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InputError(f"times is {type(values).__name__}; give a list of times, one for each document")
    given = list(values)
    known = np.array([not _is_missing(value) for value in given], dtype=bool)
    if not known.any():
        raise InputError(f"none of the {len(given)} documents has a time; give a time for each")
    rows = np.flatnonzero(known).tolist()
    times = np.full(len(given), np.datetime64("NaT", "us"))
    times[known] = _parse([given[row] for row in rows], rows, format)
    if len(rows) < len(given):
        warnings.warn(
            f"{len(given) - len(rows):,} of {len(given):,} documents have no time and are left out", stacklevel=3
        )
    return pd.DatetimeIndex(times)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value) or str(value).strip().lower() in _MISSING


def _parse(values: Sequence[Any], rows: Sequence[int], format: str | None) -> np.ndarray:
    """Times of values none of which is missing; `rows` are their positions, for messages."""
    if format is not None:
        return _formatted([str(value).strip() for value in values], rows, format)
    strings = [_as_string(value) for value in values]
    kinds = [_kind(string, row) for string, row in zip(strings, rows, strict=True)]
    other = next((place for place, kind in enumerate(kinds) if kind != kinds[0]), None)
    if other is not None:
        raise InputError(
            f"times are of several kinds: times[{rows[0]}] is {strings[0]!r} ({kinds[0]}), times[{rows[other]}] is "
            f"{strings[other]!r} ({kinds[other]}); give all in one format"
        )
    if kinds[0] == "epoch numbers":
        return _epoch([float(string) for string in strings], strings, rows)
    # All together, and one by one only to find the one that is wrong.
    try:
        return _to_datetime(strings)
    except (ValueError, OverflowError):
        for string, row in zip(strings, rows, strict=True):
            try:
                _to_datetime([string])
            except (ValueError, OverflowError):
                raise InputError(f"times[{row}] is {string!r}, which is no date; correct it") from None
        raise


def _as_string(value: Any) -> str:
    """Datetimes in ISO format; whole floating-point numbers, as columns with missing values have, without a point."""
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[us]"))
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _kind(string: str, row: int) -> str:
    for pattern, kind in _KINDS:
        if pattern.fullmatch(string):
            return kind
    day = _DAY_OR_MONTH.match(string)
    if day:
        separator = string[len(day[1])]
        formats = [
            separator.join((*order, "%Y" if len(day[3]) == 4 else "%y")) for order in (("%d", "%m"), ("%m", "%d"))
        ]
        raise InputError(
            f"times[{row}] is {string!r}: day and month could be either way round; "
            f"give format={formats[0]!r} or {formats[1]!r} (--time-format)"
        )
    raise InputError(
        f"times[{row}] is {string[:40]!r}; give ISO dates such as 2020-03-04, epoch numbers, or a format of strptime, "
        "e.g. format='%d %B %Y' (--time-format)"
    )


def _to_datetime(strings: list[str]) -> np.ndarray:
    plain = [string.replace("/", "-").replace(",", ".") for string in strings]
    return _naive(pd.to_datetime(plain, format="ISO8601", utc=True))


def _formatted(strings: list[str], rows: Sequence[int], format: str) -> np.ndarray:
    if not isinstance(format, str) or "%" not in format:
        raise InputError(f"format is {format!r}; give one as of strptime, e.g. '%d/%m/%Y'")
    try:
        times = pd.to_datetime(strings, format=format, errors="coerce", utc=True)
    except ValueError as error:
        raise InputError(f"format {format!r} is not one of strptime: {error}") from None
    wrong = np.flatnonzero(times.isna())
    if len(wrong):
        first = int(wrong[0])
        raise InputError(
            f"times[{rows[first]}] is {strings[first]!r}, which does not have the format {format!r}"
            f"{f'; so are {len(wrong) - 1} others' if len(wrong) > 1 else ''}; correct it or the format"
        )
    return _naive(times)


def _epoch(numbers: list[float], strings: list[str], rows: Sequence[int]) -> np.ndarray:
    units = [next(unit for limit, unit in _EPOCH_UNITS if abs(number) < limit) for number in numbers]
    other = next((place for place, unit in enumerate(units) if unit != units[0]), None)
    if other is not None:
        raise InputError(
            f"epoch numbers have different units: times[{rows[0]}] is {strings[0]}, times[{rows[other]}] is "
            f"{strings[other]}; give all in one unit"
        )
    return _naive(pd.to_datetime(numbers, unit=units[0], utc=True))


def _naive(times: pd.DatetimeIndex) -> np.ndarray:
    return times.tz_localize(None).to_numpy().astype("datetime64[us]")
