import numpy as np
import pytest
from topic_states import edited_state

from softtopic.errors import InputError
from softtopic.topics import edits
from softtopic.topics.edits import apply
from softtopic.topics.explain import explain, sentences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It flew. It landed!", ["It flew.", "It landed!"]),
        ('He said: "Go!" Then he left', ['He said: "Go!', "Then he left"]),
        ("version 2.0 is out\n\nget it", ["version 2.0 is out", "get it"]),
        ("这是一。这是二！", ["这是一。", "这是二！"]),
    ],
)
def test_sentences_end_at_marks_and_line_breaks(text, found):
    assert sentences(text) == found


@pytest.mark.parametrize(("text", "said"), [("  \n", "text is empty"), (["a"], "text is list")])
def test_what_is_no_text_is_refused(text, said):
    with pytest.raises(InputError, match=said):
        sentences(text)


def test_words_speak_for_the_topic_that_they_are_most_probable_in():
    state = apply(edited_state(), [edits.drop([0])]).state
    parts = ["SQL table and bread.", "nothing known"]
    table = explain(state, parts, state.theta[:2], 2)
    assert list(table.columns) == ["Sentence", "Topic", "Name", "Share", "Words"]
    assert table["Sentence"].tolist() == [parts[0], parts[0], parts[1], parts[1]]
    assert set(table["Topic"]) <= set(state.topic_ids)
    assert table["Share"].tolist() == [float(x) for row in state.theta[:2] for x in np.sort(row)[::-1][:2]]
    assert set(table["Words"][0]) <= {"sql", "table", "bread"}
    assert table["Words"][2] == []
