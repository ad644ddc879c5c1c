import numpy as np
import pytest

from softtopic.data.guides import Guide, parse_guides, word_places, word_shares
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError


def test_words_and_examples_are_told_apart_by_length():
    (guide,) = parse_guides({"inflation": ["prices", "cost of living", "Prices rose by four percent last year."]})
    assert guide == Guide("inflation", ("prices", "cost of living"), ("Prices rose by four percent last year.",))


def test_a_list_holds_names_alone():
    assert parse_guides(["space", "hockey"]) == (
        Guide("space", ("space",), by_name_alone=True),
        Guide("hockey", ("hockey",), by_name_alone=True),
    )
    assert parse_guides(None) == ()


@pytest.mark.parametrize(
    ("guides", "message"),
    [
        ("space", "guides are str; give a dict of names to words, or a list of names"),
        (3, "guides are int"),
        ({"space": []}, "guide 'space' has no words"),
        ({"space": ["orbit", 3]}, "guide 'space' has no words, or something that is no text"),
        ({"space": 3}, "guide 'space' has int; give a list of words"),
        ({" ": ["orbit"]}, "' ' is no name of a guided topic"),
        (["space", None], "None is no name of a guided topic"),
        (["space", "Space"], "guides name 'space' twice"),
    ],
)
def test_what_is_no_guide_is_refused(guides, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        parse_guides(guides)


def test_shares_of_words_ignore_case_and_the_vocabulary_of_topics():
    guides = parse_guides({"space": ["Orbit", "rocket"], "food": ["bread"]})
    shares = word_shares(guides, ["The ROCKET in orbit", "orbit", "Bread and bread"], Vocabulary(("word",)))
    np.testing.assert_array_equal(shares, np.array([[1, 0], [0.5, 0], [0, 1]], dtype=np.float32))


def test_a_guide_of_unknown_words_is_refused_unless_something_else_stands_for_it():
    texts = ["The rocket in orbit"]
    with pytest.raises(InputError, match="no word of guide 'food' stands in the documents"):
        word_shares(parse_guides({"food": ["bread", "flour"]}), texts, Vocabulary(("word",)))
    for guides in (["food"], {"food": ["bread", "Bake the bread in a hot oven."]}):
        assert not word_shares(parse_guides(guides), texts, Vocabulary(("word",))).any()


def test_places_of_unknown_words_are_left_out():
    assert word_places(Vocabulary(("orbit", "Bread")), ["bread", "rocket", "ORBIT"]) == [1, 0]
