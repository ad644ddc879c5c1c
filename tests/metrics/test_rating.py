import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softtopic.errors import InputError, LanguageModelError
from softtopic.metrics.rating import ANSWERS, EXAMPLES, INSTRUCTION, expected_ratings, rate_topics

TOPICS = [["orbit", "moon", "rocket", "launch"], ["bread", "tax", "lens"], ["flour", "oven", "bread"]]
SHARES = [[0.1, 0.2, 0.5], [0.3, 0.0, 0.0], [0.2, 0.2, 0.2]]


class Fake:
    """Answers with given probabilities, and keeps what it was asked."""

    name = "fake"

    def __init__(self, shares=SHARES) -> None:
        self.shares = shares
        self.heard: list[tuple] = []

    def log_probs(self, instruction, lists, ratings, examples=()):
        self.heard.append((instruction, lists, ratings, examples))
        with np.errstate(divide="ignore"):
            return np.log(np.array(self.shares))


def test_a_rating_is_the_expected_value_of_the_answers():
    fake = Fake()
    found = rate_topics(TOPICS, fake, top_n=3)
    np.testing.assert_allclose(found.per_topic, [(0.1 + 2 * 0.2 + 3 * 0.5) / 0.8, 1, 2])
    np.testing.assert_allclose(found.mass, [0.8, 0.3, 0.6])
    assert (found.mean, found.std) == pytest.approx((np.mean(found.per_topic), np.std(found.per_topic)))
    assert (found.lm, found.top_n, found.n_examples) == ("fake", 3, 3)
    assert fake.heard == [
        (INSTRUCTION, ["orbit, moon, rocket", "bread, tax, lens", "flour, oven, bread"], ANSWERS, EXAMPLES)
    ]
    assert json.loads(json.dumps(found.to_dict()))["lm"] == "fake"
    assert "rating 1.833 ± 0.624 of 1 to 3 over 3 topics, top 3 words, by fake after 3 examples" in str(found)


@given(st.lists(st.lists(st.floats(-700, 0), min_size=3, max_size=3), min_size=1, max_size=5))
def test_ratings_stay_between_1_and_3_and_do_not_see_the_mass(log_probs):
    scores = np.array(log_probs)
    found = expected_ratings(scores)
    assert ((found >= 1 - 1e-12) & (found <= 3 + 1e-12)).all()
    np.testing.assert_allclose(expected_ratings(scores - 5), found)
    np.testing.assert_allclose(expected_ratings(scores[:, ::-1].copy()), 4 - found)


def test_the_published_question_has_no_examples():
    fake = Fake()
    assert rate_topics(TOPICS, fake, examples=()).n_examples == 0
    assert fake.heard[0][-1] == ()
    with pytest.raises(InputError, match="the example 'a, b' is rated '4'; expected one of 1, 2, 3"):
        rate_topics(TOPICS, fake, examples=[("a, b", "4")])


def test_words_are_given_once_and_on_one_line():
    fake = Fake([[0.1, 0.1, 0.1]])
    rate_topics([["new\nyork", "tax", "tax", " ", "state"]], fake)
    assert fake.heard[0][1] == ["new york, tax, state"]


def test_a_language_model_that_does_not_answer():
    with pytest.raises(LanguageModelError, match="fake finds none of the answers 1, 2, 3 likely for topic 1; give a"):
        rate_topics(TOPICS, Fake([[0.1, 0, 0], [0, 0, 0], [0, 0, 0]]))


@pytest.mark.parametrize(
    ("topics", "top_n", "said"),
    [
        ([], 10, "no topics to rate; give a list of words"),
        (["orbit moon"], 10, "topic 0 is one string; give a list of words"),
        ([["a", "b"], ["orbit", "orbit", ""]], 10, "topic 1 has 1 distinct words; give two or more"),
        (TOPICS, 1, "top_n is 1; .* give at least 2"),
    ],
)
def test_what_cannot_be_rated(topics, top_n, said):
    fake = Fake()
    with pytest.raises(InputError, match=said):
        rate_topics(topics, fake, top_n=top_n)
    assert not fake.heard
