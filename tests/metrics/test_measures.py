from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.bench.tables import Row, present
from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.metrics.coherence import COHERENCE_MEASURES, coherences
from softtopic.metrics.evaluation import evaluate
from softtopic.metrics.measure import Measure, MeasureInputs
from softtopic.metrics.reference import Reference
from softtopic.metrics.registry import MEASURES, available, compute, get_measure

TEXTS = ["cat dog cat bird", "dog cat", "fish water fish", "water sand", "cat water"]
TOPICS = [["cat", "dog", "bird"], ["fish", "water", "sand"]]


def inputs(seed: int = 0, n_documents: int = 12) -> MeasureInputs:
    rng = np.random.default_rng(seed)
    theta = rng.dirichlet([0.5] * 3, n_documents)
    return MeasureInputs(
        theta=theta,
        clusters=theta.argmax(axis=1),
        labels=["a", "b", *rng.choice(["a", "b", "c"], n_documents - 2).tolist()],
        topics=[rng.choice(["cat", "dog", "bird", "fish", "xyz"], 4, replace=False).tolist() for _ in range(3)],
        reference=Reference.from_texts(TEXTS),
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_every_measure_is_in_its_range(seed, n_documents):
    values = compute(inputs(seed, n_documents), MEASURES)
    assert list(values) == list(MEASURES)
    for name, value in values.items():
        assert type(value) is float
        assert MEASURES[name].low - 1e-9 <= value <= MEASURES[name].high + 1e-9, name


def test_names_are_keys_and_titles_are_distinct():
    assert all(name == measure.name for name, measure in MEASURES.items())
    assert len({measure.title for measure in MEASURES.values()}) == len(MEASURES)


def test_what_is_available_follows_from_what_is_there():
    whole = inputs()
    assert set(available(whole)) == MEASURES.keys() - {"uci", "umass"}
    assert available(MeasureInputs()) == []
    assert available(MeasureInputs(topics=TOPICS)) == ["topic_diversity", "inverted_rbo"]
    assert available(MeasureInputs(topics=TOPICS, reference=whole.reference), needing="reference") == ["c_v", "npmi"]
    labelled = MeasureInputs(theta=whole.theta, labels=whole.labels)
    assert available(labelled, needing="labels") == ["precision_at_1", "precision_at_5", "precision_at_10"]
    assert list(compute(labelled)) == [*available(labelled, needing="labels"), "dominant_share"]


def test_unknown_measures_and_missing_inputs_are_refused():
    for find in (get_measure, lambda name: compute(inputs(), [name])):
        with pytest.raises(InputError, match="measure 'purty' is not known; choose from c_v, npmi"):
            find("purty")
    with pytest.raises(InputError, match="measure 'purity' needs clusters and labels; give them, or leave it out"):
        compute(MeasureInputs(topics=TOPICS), ["purity"])


def test_coherence_is_that_of_the_coherence_module():
    whole = inputs()
    found = compute(whole, COHERENCE_MEASURES)
    expected = {one.measure: one.mean for one in coherences(whole.topics, whole.reference)}
    assert found == expected


def test_measures_with_a_common_function_call_it_once(monkeypatch):
    calls = []

    def function(theta):
        calls.append(len(theta))
        return 0.5

    for name in ("one", "two"):
        measure = Measure(name=name, title=name, needs=("theta",), function=function, low=0.0, high=1.0)
        monkeypatch.setitem(MEASURES, name, measure)
    assert compute(inputs(), ["one", "two"]) == {"one": 0.5, "two": 0.5}
    assert calls == [12]


def test_a_new_measure_is_evaluated_and_has_a_column(monkeypatch):
    share = Measure(
        name="share_of_a", title="share of a", needs=("labels",),
        function=lambda labels: labels.count("a") / len(labels), low=0.0, high=1.0,
    )  # fmt: skip
    monkeypatch.setitem(MEASURES, "share_of_a", share)
    theta = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], dtype=np.float32)
    assert evaluate(theta, Corpus.from_texts(["x", "y", "z"], labels=["a", "b", "b"])).share_of_a == 1 / 3
    row = Row("x", "lda", None, ({"metrics": {"share_of_a": 0.5}},))
    assert present([row], MEASURES) == ["share_of_a"]


def test_every_measure_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    directions = {True: "higher", False: "lower", None: "neither"}
    for name, measure in MEASURES.items():
        needs = ", ".join(measure.needs)
        row = f"| `{name}` | {measure.low:g} to {measure.high:g} | {directions[measure.higher_is_better]} | {needs} |"
        assert row in page, row
