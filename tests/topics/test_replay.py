"""Numbers and edits of an earlier model, on a refit of the same documents and a few more."""

from dataclasses import replace

import numpy as np
import pytest
from topic_states import edited_state

from softtopic.topics import edits
from softtopic.topics.edits import Renumber, apply
from softtopic.topics.replay import Earlier, changes, contingency, dice, replay, with_numbers

OLD = edited_state()


def earlier(*done, state=OLD):
    return Earlier(state=state, edits=done, theta=state.theta, vectors=state.vectors.documents)


def refit(*order, state=OLD):
    """The state with its topics in another order, as another fit may have them."""
    order = list(order or range(6))
    return replace(
        state, theta=state.theta[:, order], topic_word=state.topic_word[order], mean_theta=state.mean_theta[order]
    )


def test_overlap_of_documents():
    table = contingency(np.array([0, 0, 1]), np.array([1, 1, 0]), 2, 3)
    assert table.tolist() == [[0, 2, 0], [1, 0, 0]]
    assert dice(table).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_topics_that_continue_keep_numbers_and_names():
    named = replace(OLD, names=("sql", "", "", "", "", "photos"))
    new = with_numbers(refit(5, 1, 2, 3, 4, 0), earlier(state=named), 0.5)
    assert new.topic_ids == (5, 1, 2, 3, 4, 0)
    assert new.names == ("photos", "", "", "", "", "sql")


def test_other_topics_count_on():
    theta = OLD.theta.copy()
    theta[:10] = np.eye(6)[[0, 1, 2, 3, 4] * 2]  # the documents of topics 0 and 1 are dispersed
    new = with_numbers(replace(OLD, theta=theta), earlier(edits.drop([1]), edits.split(OLD, 3, 2)), 0.7)
    assert new.topic_ids == (7, 8, 2, 3, 4, 5)


def test_all_edits_are_repeated():
    done = [edits.rename({3: "formula 1"}), edits.split(OLD, 2, 2), edits.merge([0, 1]), edits.drop([5])]
    done += [edits.exclude(["sql"]), Renumber(), edits.rename({1: "photos"})]
    new = with_numbers(refit(5, 1, 2, 4, 3, 0), earlier(*done), 0.5)
    old_ids = apply(OLD, done).state.topic_ids
    found, skipped = replay(new, earlier(*done[:5]))
    assert skipped == []
    after, before = apply(new, found).state, apply(OLD, done[:5]).state
    assert sorted(after.topic_ids) == sorted(before.topic_ids) == [0, 2, 3, 4, 6]
    assert (after.topics == before.topics).mean() > 0.9
    assert dict(zip(after.topic_ids, after.names, strict=True))[3] == "formula 1"
    # Numbers of topics in another order cannot be made dense in the same way.
    found, skipped = replay(new, earlier(*done))
    assert old_ids == (0, 1, 2, 3, 4)
    assert [line.split(" (")[0] for line in skipped] == ["renumber", "rename 1"]
    assert "are not the same" in skipped[0]
    assert "are gone" in skipped[1]
    same, skipped = replay(OLD, earlier(*done))
    assert skipped == []
    assert apply(OLD, same).state.topic_ids == old_ids


def test_what_cannot_be_repeated_is_named():
    done = [edits.merge([[0, 1], [2, 3]]), edits.rename({2: "a", 4: "b"}), edits.drop([4]), edits.exclude(["sql"])]
    new = replace(
        OLD, topic_ids=(0, 1, 2, 9, 8, 5), vocabulary=replace(OLD.vocabulary, words=("x", *OLD.vocabulary.words[1:]))
    )
    found, skipped = replay(new, earlier(*done))
    assert [type(edit).__name__ for edit in found] == ["Merge", "Rename"]
    assert [line.split(" (")[0] for line in skipped] == ["merge 0, 1, 2, 3", "rename 2, 4", "drop 4", "exclude sql"]
    assert skipped[0].endswith("(without topics 2, 3, which are gone)")
    assert all("\n" not in line for line in skipped)


def test_a_split_without_documents_is_not_repeated():
    done = [edits.split(OLD, 2, 2)]
    known = earlier(*done)
    flat = replace(known, vectors=np.tile(known.vectors[10], (30, 1)))
    found, skipped = replay(OLD, flat)
    assert found == ()
    assert "one of the parts has no documents" in skipped[0]


def test_changes_are_by_number():
    new = replace(OLD, topic_ids=(0, 1, 2, 3, 8, 9))
    columns = OLD.columns.copy()
    columns[0:3] = 5  # most of topic 0, all of topic 4 and nothing of topic 5
    columns[OLD.columns == 4] = 5
    columns[OLD.columns == 5] = 4
    table = changes((OLD, OLD.columns), (new, columns))
    found = list(zip(table["Change"], table["Topic_A"], table["Topic_B"], strict=True))
    assert found[:4] == [("kept", n, n) for n in range(4)]
    assert ("split", 5, 8) in found
    assert ("split", 4, 9) in found
    assert ("merged", 4, 9) in found
    assert table["Share_B"].dropna().between(0, 1).all()
    known = changes((OLD, OLD.columns), (new, columns), appeared=[4])
    assert "appeared" in known["Change"].tolist()


@pytest.mark.parametrize("min_overlap", [0.0, 1.0])
def test_any_overlap_gives_distinct_numbers(min_overlap):
    rng = np.random.default_rng(3)
    new = replace(OLD, theta=rng.dirichlet(np.ones(6), size=30).astype(np.float32))
    assert len(set(with_numbers(new, earlier(edits.drop([2])), min_overlap).topic_ids)) == 6
