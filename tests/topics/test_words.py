import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from softtopic.topics.words import Topics, top_indices

WORDS = ["apple", "pear", "plum", "fig", "lime"]
TOPICS = Topics(np.array([[0.1, 0.4, 0.1, 0.3, 0.1], [0.5, 0.0, 0.2, 0.1, 0.2]]), WORDS)


@settings(deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.sampled_from([0, 0.25, 0.5])))
def test_best_words_come_first_and_ties_in_vocabulary_order(topic_word):
    for row, best in zip(topic_word, top_indices(topic_word, 5), strict=True):
        expected = sorted(range(len(row)), key=lambda column: (-row[column], column))[:5]
        assert best.tolist() == expected


def test_top_words_have_their_probabilities():
    assert TOPICS.top(0, 3) == [("pear", 0.4), ("fig", 0.3), ("apple", 0.1)]
    assert TOPICS.top(1, 2) == [("apple", 0.5), ("plum", 0.2)]


def test_every_topic_is_listed():
    assert len(TOPICS) == 2
    assert TOPICS.top_words(2) == [["pear", "fig"], ["apple", "plum"]]


def test_more_words_than_there_are_is_all_of_them():
    assert [len(row) for row in TOPICS.top_words(99)] == [5, 5]


def test_a_name_is_the_number_and_the_first_four_words():
    assert TOPICS.names() == ["0_pear_fig_apple_plum", "1_apple_plum_lime_fig"]


def test_words_are_shown_by_relevance_where_it_is_known():
    relevance = np.array([[0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3, 0.4]])
    topics = Topics(TOPICS.topic_word, WORDS, relevance)
    assert topics.top_words(2) == [["lime", "fig"]] * 2
    assert topics.top(0, 5) == [("lime", 0.4), ("fig", 0.3), ("plum", 0.2), ("pear", 0.1), ("apple", 0)]
