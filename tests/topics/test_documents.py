import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from topic_states import edited_state

from softtopic.errors import InputError
from softtopic.topics.documents import EXCERPT_LENGTH, excerpt, representative_rows, training_texts

THETA = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.95, 0.05]], dtype=np.float32)


def representatives(texts, n=3):
    return [rows.tolist() for rows in representative_rows(THETA, texts, n)]


def test_representative_documents_have_the_largest_shares_and_ties_in_order():
    assert representatives(["a", "b", "c", "d", "e"]) == [[4, 0, 1], [2, 3, 0]]


def test_blank_and_repeated_texts_represent_nothing():
    assert representatives(["a", "a", "c", "d", " \n"], n=2) == [[0, 3], [2, 3]]


@pytest.mark.parametrize(("texts", "expected"), [(["", "", "", "", ""], []), (["same"] * 5, None)])
def test_there_may_be_fewer_representatives(texts, expected):
    found = representatives(texts)
    assert [len(rows) for rows in found] == ([0, 0] if expected == [] else [1, 1])


@given(st.text(max_size=1000))
def test_excerpts_are_one_line_of_bounded_length(text):
    line = excerpt(text)
    assert len(line) <= EXCERPT_LENGTH
    assert line.splitlines() in ([], [line])


def test_training_texts_are_those_of_the_model_in_their_order():
    state = edited_state()
    assert training_texts(state, None) == state.excerpts
    assert training_texts(state, list(state.excerpts)) == list(state.excerpts)
    other = [f"{text}, lemmatised" for text in state.excerpts]
    assert training_texts(state, other) == other
    with pytest.raises(InputError, match="in another order; give them in the order of the fit"):
        training_texts(state, state.excerpts[::-1])
    with pytest.raises(InputError, match="1 texts for a model of 30 documents; give those of the fit, then those of"):
        training_texts(state, ["one"])
