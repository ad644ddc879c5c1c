from dataclasses import replace

import numpy as np
from topic_states import WORDS, edited_state

from softtopic.data.vocabulary import Vocabulary
from softtopic.topics.edits import Drop, Exclude, Merge, apply
from softtopic.topics.suggestions import as_options, is_junk, suggest_edits


def of_words(rows: list[str], n_words: int = 10):
    """A state whose topics have these first words."""
    words = sorted({word for row in rows for word in row.split()})
    weights = np.full((len(rows), len(words)), 1e-3)
    for topic, row in enumerate(rows):
        for place, word in enumerate(row.split()):
            weights[topic, words.index(word)] = n_words - place
    state = edited_state(vectors=False)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    n = len(rows)
    theta = state.theta[:, :n] / state.theta[:, :n].sum(axis=1, keepdims=True)
    return replace(
        state, vocabulary=Vocabulary(tuple(words)), topic_word=weights, theta=theta, mean_theta=theta.mean(axis=0),
        representatives=state.representatives[:n], topic_ids=tuple(range(n)), names=("",) * n,
    )  # fmt: skip


A, B, C = (" ".join(f"{letter}{n}word" for n in range(10)) for letter in "abc")


def test_topics_that_share_half_of_their_words_are_merged():
    near = " ".join([*A.split()[:5], *B.split()[5:]])
    found = suggest_edits(of_words([A, C, near]))
    assert found["Edit"].tolist() == [Merge(((0, 2),))]
    assert found["Topics"].tolist() == [[0, 2]]
    assert found["Reason"][0].startswith("common words: a0word")


def test_topics_of_junk_are_dropped_and_placeholders_excluded():
    junk = "username https the of 42 a0word a1word a2word a3word a4word"
    one = f"url {' '.join(B.split()[:9])}"
    found = suggest_edits(of_words([C, junk, one]))
    assert found["Edit"].tolist() == [Drop((1,)), Exclude(("url",))]
    assert [as_options(edit) for edit in found["Edit"]] == ["--drop 1", "--exclude url"]
    assert as_options(Merge(((3, 17),))) == "--merge 3,17"


def test_nothing_is_proposed_where_nothing_is_wrong_and_nothing_is_changed():
    state = of_words([A, B, C])
    found = suggest_edits(state)
    assert list(found.columns) == ["Edit", "Topics", "Names", "Reason"]
    assert len(found) == 0
    # Proposals can be applied.
    state = edited_state()
    for edit in suggest_edits(state)["Edit"]:
        apply(state, [edit])


def test_what_junk_is():
    assert all(map(is_junk, ["username", "URL", "the", "42", "a"]))
    assert not any(map(is_junk, [*WORDS, "日本", "uk", "c#", "5g"]))
