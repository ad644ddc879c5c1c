"""Names: candidates from documents, and the choice among candidates by vectors alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softtopic.teacher.config import NamingConfig
from softtopic.topics.naming import (
    Candidates,
    as_written,
    choose_names,
    distinct_names,
    frequent_phrases,
    is_name,
    name_key,
)

STOPS = ("the", "and", "for")
EASY = NamingConfig(topic_weight=0.0, decoder_weight=0.0, similarity_weight=0.0)


def test_phrases_are_frequent_in_their_topic_and_not_in_others():
    space = ["The Space Shuttle launch", "a space shuttle, again", "launch of it and news"]
    sport = ["ice hockey news", "the ice hockey and news"]
    first, second = frequent_phrases([space, sport], STOPS, 4)
    assert set(first) == {"space", "shuttle", "space shuttle", "launch"}
    assert second == ["hockey", "ice", "ice hockey", "news"]
    assert frequent_phrases([space, sport], STOPS, 1) == [["launch"], ["hockey"]]


def test_no_phrase_reaches_over_punctuation_and_stop_words():
    (found,) = frequent_phrases([["red car. blue sky and sea", "red car. blue sky and sea"]], STOPS, 99)
    assert set(found) == {"red", "car", "blue", "sky", "sea", "red car", "blue sky"}


def test_lists_of_words_have_no_phrases():
    assert frequent_phrases([(), ()], STOPS, 5) == [[], []]


@pytest.mark.parametrize(
    ("phrase", "fits"),
    [
        ("hockey season", True), ("the season", False), ("season for", False), ("Season season", False), ("", False),
        ("season unheard", False), ("hockey, season!", True),
    ],
)  # fmt: skip
def test_names_are_phrases_of_known_words(phrase, fits):
    assert is_name(phrase, STOPS, {"hockey", "season", "the", "for"}) == fits


@pytest.mark.parametrize(
    ("phrase", "fits"),
    [
        ("km²", False), ("m³", False), ("25 km²", False), ("°C", False), ("90 %", False),
        ("km² of forest", True), ("3d", True), ("1984", True), ("c++", True), ("平方公里", True),
    ],
)  # fmt: skip
def test_units_are_no_names(phrase, fits):
    assert is_name(phrase, ()) == fits


@pytest.mark.parametrize(
    ("phrase", "fits"),
    [("dogs are a danger", False), ("danger of dogs", True), ("dogs and cats", True), ("dogs dogs", False)],
)
def test_a_name_is_no_sentence_and_repeats_no_word(phrase, fits):
    assert is_name(phrase, {"are", "a", "of", "and"}) == fits


def test_a_name_is_spelled_as_most_documents_spell_it():
    documents = ["JEB BUSH today", "Jeb Bush spoke", "with Jeb Bush", "jeb bushel"]
    assert as_written("jeb bush", documents) == "Jeb Bush"
    assert as_written("a+b", ["A+B", "a+b."]) == "A+B"  # of equally frequent spellings the first by its letters
    assert as_written("unseen", documents) == "unseen"


def candidates(*names, vectors, scores=None):
    scores = np.zeros(len(names)) if scores is None else np.array(scores, dtype=float)
    return Candidates(names, scores, np.array(vectors, dtype=float).reshape(-1, 2))


X, Y = [1.0, 0.0], [0.0, 1.0]


def test_a_name_is_the_candidate_nearest_to_words_and_documents():
    own = [candidates("far", "near", vectors=[Y, X]), candidates("left", "right", vectors=[X, Y])]
    centers = np.array([X, Y])
    assert choose_names(own, centers, centers, [["a"], ["b"]], EASY) == ["near", "right"]


def test_the_language_models_score_counts_among_equals():
    own = [candidates("one", "two", vectors=[X, X], scores=[-1, -0.5])]
    config = replace(EASY, decoder_weight=0.1)
    assert choose_names(own, np.array([X]), np.array([X]), [["a"]], config) == ["two"]


def test_a_name_says_which_topic_it_is():
    """The shared candidate is nearer to both topics; with a weight of the topic it names neither."""
    shared, first, second = [1.0, 1.0], [1.0, 0.2], [0.2, 1.0]
    centers = np.array([[1.0, 0.6], [0.6, 1.0]])
    own = [candidates("both", "first", vectors=[shared, first]), candidates("both", "second", vectors=[shared, second])]
    assert "both" in choose_names(own, centers, centers, [["a"], ["b"]], EASY)
    config = replace(EASY, topic_weight=1.0)
    assert choose_names(own, centers, centers, [["a"], ["b"]], config) == ["first", "second"]


def test_no_two_topics_share_a_name():
    """The topic with the better candidate has it; a plural and letter case make no other name."""
    near = [0.9, 0.1]
    own = [candidates("Car", "engine", vectors=[near, Y]), candidates("cars", "motor", vectors=[X, Y])]
    centers = np.array([X, X])
    assert choose_names(own, centers, centers, [["a"], ["b"]], EASY) == ["engine", "cars"]


def test_names_similar_to_those_of_others_are_avoided():
    close, other = [1.0, 0.05], [0.8, 0.6]
    own = [candidates("car", vectors=[X]), candidates("automobile", "engine", vectors=[close, other])]
    centers = np.array([X, [0.97, 0.25]])
    assert choose_names(own, centers, centers, [["a"], ["b"]], EASY) == ["car", "automobile"]
    config = replace(EASY, similarity_weight=1.0)
    assert choose_names(own, centers, centers, [["a"], ["b"]], config) == ["car", "engine"]


def test_topics_without_candidates_have_their_words():
    empty = candidates(vectors=np.zeros((0, 2)))
    centers = np.array([X, X])
    words = [["car", "engine", "road", "dealer"], ["car", "engine", "road", "price"]]
    found = choose_names([empty, empty], centers, centers, words, EASY)
    assert found == ["car engine road", "car engine road (price)"]


@given(st.lists(st.lists(st.sampled_from(["car", "Cars", "road", "r2"]), min_size=1, max_size=3), max_size=8))
def test_distinct_names_are_distinct(words):
    names = distinct_names([" ".join(own) for own in words], words)
    assert len({name_key(name) for name in names}) == len(names) == len(words)
