import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from topic_states import N_TOPICS, PER_TOPIC, edited_state

from softtopic.errors import InputError
from softtopic.topics.edits import Exclude, Merge, apply, split
from softtopic.topics.rewording import Reword, reword
from softtopic.topics.table import topics_of

STATE = edited_state(relevance=True)
THEMES = ["sql server", "launch pad", "sour dough", "tax cut", "wide lens", "photo album"]
TEXTS = [f"the {THEMES[row // PER_TOPIC]} and more" for row in range(N_TOPICS * PER_TOPIC)]
PHRASES = CountVectorizer(ngram_range=(2, 2), stop_words="english")


def test_topics_are_described_by_phrases_of_their_documents():
    edit = reword(STATE, TEXTS, PHRASES)
    edited = apply(STATE, [edit])
    assert [words[0] for words in topics_of(edited.state).top_words(1)] == THEMES
    np.testing.assert_array_equal(edited.state.theta, STATE.theta)
    np.testing.assert_allclose(edited.state.topic_word.sum(axis=1), 1, atol=1e-6)
    assert edited.maps == ()
    assert edited.state.vectors.words.shape == (6, 4)


def test_other_edits_go_on_with_the_new_words():
    view = apply(STATE, [reword(STATE, TEXTS, PHRASES)]).state
    after = apply(STATE, [reword(STATE, TEXTS, PHRASES), split(view, 2), Merge(((0, 1),)), Exclude(("tax cut",))]).state
    assert len(after.vocabulary) == 5
    assert {"sql server", "launch pad"} == set(topics_of(after).top_words(2)[0])


def test_the_scores_are_class_based_tf_idf():
    shares = np.random.default_rng(0).dirichlet(np.ones(4), size=N_TOPICS)
    edit = Reword(("a", "b", "c", "d"), tuple(map(tuple, shares.tolist())))
    masses = STATE.theta.sum(axis=0) / STATE.theta.sum()
    # The published formula tf x log(1 + A / f), where classes have 1 word in the mean, so that A is 1 / N_TOPICS.
    expected = shares * np.log(1 + 1 / (N_TOPICS * (masses @ shares)))
    np.testing.assert_allclose(apply(STATE, [edit]).state.relevance, expected, rtol=1e-5)


def test_what_does_not_fit_is_one_line():
    with pytest.raises(InputError, match="2 texts for a model of 30 documents; give those of the fit"):
        reword(STATE, TEXTS[:2], 10)
    with pytest.raises(InputError, match="the texts hold no word of the vocabulary"):
        reword(STATE, TEXTS, ["nothing", "of it"])
    with pytest.raises(InputError, match="probabilities of 2 topics; expected 6 rows"):
        apply(STATE, [Reword(("a", "b"), ((0.5, 0.5), (0.5, 0.5)))])
