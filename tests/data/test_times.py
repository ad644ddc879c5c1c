import datetime

import numpy as np
import pandas as pd
import pytest

from softtopic.data.times import parse_times
from softtopic.errors import InputError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["2020-03-04", "2020-03-05T12:00", "20200306"], ["2020-03-04", "2020-03-05 12:00", "2020-03-06"]),
        (["2020/03/04"], ["2020-03-04"]),
        (["2020-03", "2021-01"], ["2020-03-01", "2021-01-01"]),
        (["2020-01-01T10:00+02:00", "2020-01-01 10:00:00Z"], ["2020-01-01 08:00", "2020-01-01 10:00"]),
        (["1500-01-01"], ["1500-01-01"]),
        ([2020, 2021.0], ["2020-01-01", "2021-01-01"]),
        ([1583020800, "1583107200"], ["2020-03-01", "2020-03-02"]),
        ([1583020800000], ["2020-03-01"]),
        (["1583020800.5"], ["2020-03-01 00:00:00.5"]),
        ([datetime.date(2020, 1, 1), datetime.datetime(2021, 1, 1, 3)], ["2020-01-01", "2021-01-01 03:00"]),
        (np.array(["2020-01-01", "2020-02-01"], dtype="datetime64[D]"), ["2020-01-01", "2020-02-01"]),
        (pd.Series(pd.to_datetime(["2020-01-01T10:00+02:00"])), ["2020-01-01 08:00"]),
        ((str(stamp) for stamp in pd.DatetimeIndex(["2020-01-01 10:00:00"])), ["2020-01-01 10:00"]),
    ],
)
def test_times_of_one_kind_are_read(given, expected):
    assert parse_times(given).tolist() == [pd.Timestamp(one) for one in expected]


def test_a_format_reads_anything_else():
    assert parse_times(["4 March 2020"], format="%d %B %Y").tolist() == [pd.Timestamp("2020-03-04")]
    assert parse_times(["03/04/2020"], format="%d/%m/%Y").tolist() == [pd.Timestamp("2020-04-03")]


@pytest.mark.parametrize("missing", [None, "", "NaT", float("nan"), pd.NaT, pd.NA])
def test_missing_times_are_counted(missing):
    with pytest.warns(UserWarning, match="1 of 3 documents have no time and are left out"):
        times = parse_times(["2020-03-04", missing, "2020-03-05"])
    assert times.isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("given", "format", "said"),
    [
        (["2020-01-01", "03/04/2020"], None, r"times\[1\] is '03/04/2020'.*'%d/%m/%Y' or '%m/%d/%Y'"),
        (["3.4.20"], None, "'%d.%m.%y' or '%m.%d.%y'"),
        (["2020-01-01", "2020"], None, r"times\[0\] is '2020-01-01' \(dates\), times\[1\] is '2020' \(years\)"),
        (["2020-01-01", "", "2020-01-01T00:00Z"], None, r"times\[2\] is '2020-01-01T00:00Z' \(zoned dates\)"),
        ([1583020800, 1583020800000], None, "epoch numbers have different units"),
        (["4 March 2020"], None, "'4 March 2020'; give ISO dates such as 2020-03-04"),
        ([5], None, "is '5'; give ISO dates"),
        (["2020-01-01", "2020-13-04"], None, r"times\[1\] is '2020-13-04', which is no date"),
        (["04/03/2020", "x", "y"], "%d/%m/%Y", r"times\[1\] is 'x', which does not have the format .*1 others"),
        (["2020-01-01"], "%Q", "'%Q' is not one of strptime"),
        (["2020-01-01"], "mixed", "format is 'mixed'"),
        ("2020-01-01", None, "times is str"),
        ([None, ""], None, "none of the 2 documents has a time"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*have no time")
def test_times_that_could_be_misread_are_refused(given, format, said):
    with pytest.raises(InputError, match=said) as caught:
        parse_times(given, format=format)
    assert "\n" not in str(caught.value)
