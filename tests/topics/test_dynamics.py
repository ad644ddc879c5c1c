import numpy as np
import pandas as pd
import pytest

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.topics.assignments import Assignments, share_intervals
from softtopic.topics.dynamics import periods_of, topics_over_time, trend_test

WORDS = Vocabulary(("rocket", "orbit", "bread", "flour"))


def documents_of(topics, n_topics=2, **options):
    theta = np.full((len(topics), n_topics), 0.1, dtype=np.float32)
    theta[np.arange(len(topics)), topics] = 1
    options = {"names": [f"topic {k}" for k in range(n_topics)], "vocabulary": WORDS} | options
    return Assignments(theta=theta / theta.sum(axis=1, keepdims=True), **options)


FOUR = documents_of(
    [0, 0, 1, 0],
    texts=["rocket rocket", "orbit", "bread", "orbit"],
    times=["2020-01-31", "2020-02-01", "2020-02-29", "2020-04-01"],
)


def test_every_period_and_topic_is_there_zeros_included():
    frame = topics_over_time(FOUR, bins="month")
    assert list(frame.columns) == ["Topic", "Name", "Bin_Start", "Count", "Share", "Low", "High", "Words"]
    assert frame["Bin_Start"].tolist() == [pd.Timestamp(2020, month, 1) for month in (1, 2, 3, 4) for _ in range(2)]
    assert frame["Topic"].tolist() == [0, 1] * 4
    assert frame["Count"].tolist() == [1, 0, 1, 1, 0, 0, 1, 0]
    np.testing.assert_array_equal(frame["Share"], [1, 0, 0.5, 0.5, np.nan, np.nan, 1, 0])
    assert frame["Words"].tolist() == [["rocket"], [], ["orbit"], ["bread"], [], [], ["orbit"], []]
    known = frame.dropna()
    assert ((known["Low"] <= known["Share"]) & (known["Share"] <= known["High"])).all()


def test_topics_keep_their_numbers():
    frame = topics_over_time(documents_of([0, 1], topic_ids=[4, 9], times=["2020", "2021"]))
    assert frame["Topic"].tolist() == [4, 9] * 2


@pytest.mark.parametrize(
    ("bins", "starts"),
    [
        (2, ["2020-01-01", "2020-01-16"]),
        ("week", ["2019-12-30", "2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27"]),
        ("2W", ["2019-12-30", "2020-01-13", "2020-01-27"]),
        ("MS", ["2020-01-01"]),
        ("Months", ["2020-01-01"]),
        (None, ["2019-12-30", "2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27"]),
    ],
)
def test_periods_are_numbers_names_or_frequencies(bins, starts):
    found = periods_of(pd.DatetimeIndex(["2020-01-01", "2020-01-31", "NaT"]), bins)
    assert found.starts.tolist() == [pd.Timestamp(start) for start in starts]
    assert found.rows.tolist() == [0, len(starts) - 1, -1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bins": 0}, "bins is 0; give a whole number"),
        ({"bins": "fortnight"}, "bins is 'fortnight'; give a number, or hour"),
        ({"bins": "s"}, "more than 10,000 periods"),
        ({"times": ["2020"]}, "1 times for 4 documents; give one for each"),
        ({"times": ["2020"] * 4, "bins": 2}, "all documents have the time"),
    ],
)
def test_bad_times_and_bins_are_one_line(options, said):
    with pytest.raises(InputError, match=said):
        topics_over_time(FOUR, **options)


def test_what_does_not_fit_the_documents_is_one_line():
    with pytest.raises(InputError, match="times of the documents are not known"):
        topics_over_time(documents_of([0, 1]))
    with pytest.raises(InputError, match="1 docs for 2 documents"):
        documents_of([0, 1], texts=["one"])
    with pytest.raises(InputError, match="a column for each of 3 topics"):
        documents_of([0, 1], names=["a", "b", "c"])


def test_intervals_cover_the_true_share():
    rng = np.random.default_rng(0)
    for share in (0.02, 0.3):
        counts = rng.binomial(80, share, size=(2000, 1))
        low, high = share_intervals(counts, np.full((2000, 1), 80))
        assert 0.92 < ((low <= share) & (share <= high)).mean() < 0.99
    low, high = share_intervals(np.array([[0, 5]]), np.array([[5]]))
    assert (low[0, 0], high[0, 1]) == (0, 1)
    assert 0.3 < high[0, 0] < 0.5


def test_rising_and_falling_topics_are_named():
    rng = np.random.default_rng(0)
    day = rng.integers(0, 365, size=1500)
    rising = rng.random(1500) < 0.1 + 0.3 * day / 365
    topics = np.where(rising, 0, rng.integers(1, 5, size=1500))
    times = pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D")
    frame = trend_test(documents_of(topics, 5), times)
    assert frame["Topic"][0] == 0
    assert frame["Trend"].tolist()[0] == "rising"
    assert frame["Late"][0] > frame["Early"][0] + 0.1
    assert (frame["Adjusted_P"] >= frame["P"]).all()
    mirrored = trend_test(documents_of(topics, 5), pd.Timestamp("2021-12-31") - (times - pd.Timestamp("2020-01-01")))
    assert mirrored["Trend"][0] == "falling"


def test_bursts_are_no_trends():
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(40):
        day = rng.integers(0, 365, size=1000)
        mixtures = rng.dirichlet(np.ones(10), size=365)[day]
        topics = (mixtures.cumsum(axis=1) > rng.random((1000, 1))).argmax(axis=1)
        frame = trend_test(documents_of(topics, 10), pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D"))
        rejected += int((frame["P"] < 0.05).sum())
    assert rejected / 400 < 0.08


def test_a_trend_needs_periods():
    with pytest.raises(InputError, match="3 periods have documents, a trend needs 4"):
        trend_test(FOUR, bins="month")
    with pytest.raises(InputError, match="alpha is 2"):
        trend_test(FOUR, alpha=2.0)
