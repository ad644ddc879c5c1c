import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact
from test_dynamics import documents_of

from softtopic.errors import InputError
from softtopic.topics.groups import topics_per_class


def test_shares_and_tests_of_classes():
    topics = [0] * 30 + [1] * 10 + [0] * 8 + [1] * 32
    classes = ["a"] * 40 + ["b"] * 40
    frame = topics_per_class(documents_of(topics), classes)
    assert frame["Class"].tolist() == ["a", "a", "b", "b"]
    assert frame["Count"].tolist() == [30, 10, 8, 32]
    assert frame["Share"].tolist() == [0.75, 0.25, 0.2, 0.8]
    assert frame["Ratio"][0] == pytest.approx(30.5 / 8.5)
    exact = [fisher_exact([[30, 10], [8, 32]], alternative=side)[1] for side in ("greater", "less")]
    assert frame["P"][0] == pytest.approx(2 * min(exact))
    assert (frame["Adjusted_P"] >= frame["P"]).all()
    assert frame["Words"].tolist() == [[]] * 4


def test_words_that_differ_are_those_of_a_class():
    texts = ["rocket bread"] * 20 + ["orbit bread"] * 20
    frame = topics_per_class(documents_of([0] * 40, texts=texts), [2] * 20 + [10] * 20)
    assert frame["Class"].tolist() == [2, 2, 10, 10]
    assert frame["Words"].tolist() == [["rocket"], [], ["orbit"], []]


def test_equal_classes_do_not_differ():
    rng = np.random.default_rng(0)
    frame = topics_per_class(documents_of(rng.integers(0, 20, 2000), 20), rng.choice(list("abc"), 2000))
    assert (frame["Adjusted_P"] > 0.05).all()


@pytest.mark.parametrize("missing", [None, "", float("nan"), pd.NA])
def test_missing_classes_are_counted(missing):
    with pytest.warns(UserWarning, match="1 of 3 documents have no class"):
        frame = topics_per_class(documents_of([0, 1, 0]), ["a", "b", missing])
    assert frame["Count"].sum() == 2


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (["a", "a"], "classes hold the single value 'a'; give at least two"),
        ([None, ""], "classes hold no value"),
        (["a"], "1 classes for 2 documents"),
        ("ab", "classes is 'ab'; give a list with the class of each document, or 'language'"),
    ],
)
def test_bad_classes_are_one_line(classes, said):
    with pytest.raises(InputError, match=said):
        topics_per_class(documents_of([0, 1]), classes)
