"""Trends, groups, comparison and the number of topics through the estimator; no language model is needed."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from softtopic import Corpus, TopicModel, compare
from softtopic.errors import InputError
from softtopic.recipes import RECIPES

WORDS = ["sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]
RECIPE = RECIPES["default"].with_options(target="bow", training__epochs=3)


def encode(texts):
    """Vectors of the words a text holds."""
    return np.array([[1.0, *(text.lower().count(word) for word in WORDS)] for text in texts], dtype=np.float32)


def quick(n_topics, **options):
    return TopicModel(n_topics, recipe=RECIPE, embedder=encode, vocabulary=WORDS, features=None, **options)


@pytest.fixture(scope="module")
def many(texts):
    return [f"{text} {n}" for n in range(4) for text in texts]


@pytest.fixture(scope="module")
def dated(many):
    times = [f"2020-{1 + row // 4:02d}-01" for row in range(len(many))]
    return quick(3).fit(Corpus.from_texts(many, times=times))


def test_times_are_kept_with_the_model(dated, tmp_path):
    frame = dated.topics_over_time(bins="month")
    assert len(frame) == 12 * 3
    assert frame["Count"].sum() == 48
    assert frame.groupby("Bin_Start")["Share"].sum().tolist() == pytest.approx([1] * 12)
    assert any(frame["Words"])
    dated.save(tmp_path / "m")
    loaded = TopicModel.load(tmp_path / "m")
    assert loaded.state_.times == dated.state_.times
    pd.testing.assert_frame_equal(loaded.topics_over_time(bins="month"), frame)
    pd.testing.assert_frame_equal(loaded.trend_test(), dated.trend_test())


def test_other_documents_have_trends_too(dated, many):
    theta = dated.transform(many[:10])
    frame = dated.topics_over_time(range(2011, 2021), theta=theta, bins=5)
    assert frame["Count"].sum() == 10
    with pytest.raises(InputError, match="times of the documents are not known"):
        dated.topics_over_time(theta=theta)
    with pytest.raises(InputError, match="48 times for 10 documents"):
        dated.topics_over_time(["2020-01-01"] * 48, theta=theta)


def test_classes_are_compared(dated, many):
    frame = dated.topics_per_class(["a", "b"] * 24, docs=many)
    assert frame.groupby("Class")["Count"].sum().tolist() == [24, 24]


def test_a_model_is_like_itself(dated):
    found = compare(dated, dated)
    assert found.counts["kept"] == 3
    assert found.changes["Similarity"].tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_the_number_of_topics_is_chosen(many, tmp_path):
    model = quick("auto").fit(many)
    selection = model.selection_
    assert model.probabilities_.shape[1] == selection.n_topics == model.plan_.n_topics
    assert any(str(selection) == line for line in model.state_.plan)
    assert model.get_params()["n_topics"] == "auto"
    model.save(tmp_path / "m")
    loaded = TopicModel.load(tmp_path / "m")
    assert loaded.get_params() == model.get_params() | {"embedder": loaded.embedder}
    assert loaded.selection_ == selection
    again = clone(model).fit(many)
    np.testing.assert_array_equal(again.probabilities_, model.probabilities_)
    given = quick(selection.n_topics).fit(many)
    assert given.selection_ is None
    np.testing.assert_array_equal(given.probabilities_, model.probabilities_)


def test_the_plan_says_that_the_number_is_chosen(many):
    plan = quick("auto").plan(many)
    assert plan.n_topics is None
    assert any("number of topics: chosen among 3 from 4 to 6" in line for line in plan.lines())


def test_there_are_no_fewer_topics_than_guides(many):
    guides = {word: [word] for word in ("sql", "orbit", "bread", "taxes", "lens")}
    model = quick("auto", guides=guides).fit(many)
    assert model.selection_.candidates[0].n_topics == 5
    with pytest.raises(InputError, match="13 guides for 48 distinct documents; give n_topics a number"):
        quick("auto", guides={f"guide {n}": ["sql"] for n in range(13)}).plan(many)


def test_recipes_without_groups_choose_too(many):
    recipe = RECIPES["prodlda"].with_options(training__epochs=2)
    model = TopicModel("auto", recipe=recipe, vocabulary=WORDS, features=None).fit(many)
    assert model.selection_ is not None


@pytest.mark.parametrize(
    ("n_topics", "said"),
    [("many", "n_topics is 'many'; give a whole number of at least 2, or 'auto'"), (1, "n_topics is 1; give a whole")],
)
def test_bad_numbers_are_one_line(many, n_topics, said):
    with pytest.raises(InputError, match=said):
        quick(n_topics).fit(many)


def test_too_few_documents_are_one_line(texts):
    with pytest.raises(InputError, match="'auto' needs 20 distinct documents, there are 12; give a number"):
        quick("auto").fit(texts)


def test_a_number_that_was_changed_after_the_fit_is_not_saved(many, tmp_path):
    model = quick("auto").fit(many).set_params(n_topics=7)
    with pytest.raises(InputError, match="n_topics is 7, the model was fitted with auto"):
        model.save(tmp_path / "m")
