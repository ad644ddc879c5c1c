from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from topic_states import N_TOPICS, WORDS, edited_state

from softtopic.errors import InputError
from softtopic.topics import edits
from softtopic.topics.document_table import get_document_info
from softtopic.topics.edits import Drop, Exclude, Merge, Rename, Renumber, apply
from softtopic.topics.table import get_topic, get_topic_info, get_topics, topic_names

STATE = edited_state()


def view(*done, state=STATE):
    return apply(state, done).state


def test_without_edits_the_state_is_the_fitted_one():
    assert view() is STATE
    assert STATE.topic_ids == (0, 1, 2, 3, 4, 5)


def test_merged_topics_add_their_shares_and_take_the_lowest_number():
    merged = view(edits.merge([[4, 1], [3, 5]]))
    assert merged.topic_ids == (0, 1, 2, 3)
    np.testing.assert_array_equal(merged.theta[:, [0, 2]], STATE.theta[:, [0, 2]])
    np.testing.assert_allclose(merged.theta[:, 1], STATE.theta[:, 1] + STATE.theta[:, 4], atol=1e-6)
    masses = STATE.theta.sum(axis=0)
    expected = (masses[1] * STATE.topic_word[1] + masses[4] * STATE.topic_word[4]) / (masses[1] + masses[4])
    np.testing.assert_allclose(merged.topic_word[1], expected, atol=1e-6)
    np.testing.assert_allclose(merged.mean_theta, merged.theta.mean(axis=0), atol=1e-6)


def test_one_list_is_one_group():
    assert edits.merge([3, np.int64(1)]) == edits.merge([[3, 1]]) == Merge(((3, 1),))


def test_documents_of_dropped_topics_go_to_their_next_topics():
    dropped = view(edits.drop([0, 3]))
    kept = [1, 2, 4, 5]
    assert dropped.topic_ids == tuple(kept)
    np.testing.assert_allclose(dropped.theta.sum(axis=1), 1, atol=1e-6)
    assert dropped.topics.tolist() == [kept[column] for column in STATE.theta[:, kept].argmax(axis=1)]
    np.testing.assert_array_equal(dropped.topic_word, STATE.topic_word[kept])


def test_a_document_of_which_nothing_is_left_gets_the_mean_of_the_others():
    theta = STATE.theta.copy()
    theta[0] = np.eye(N_TOPICS)[0]
    dropped = view(Drop((0,)), state=replace(STATE, theta=theta))
    expected = STATE.mean_theta[1:] / STATE.mean_theta[1:].sum()
    np.testing.assert_allclose(dropped.theta[0], expected, atol=1e-6)


def test_numbers_are_not_used_again_until_topics_are_renumbered():
    done = [edits.drop([5]), edits.split(STATE, 4, 2)]
    assert view(*done).topic_ids == (0, 1, 2, 3, 4, 6)
    done += [edits.merge([3, 6]), edits.split(view(*done), 0, 3)]
    assert view(*done).topic_ids == (0, 1, 2, 3, 4, 7, 8)
    done += [edits.drop([7]), Renumber()]
    assert view(*done).topic_ids == (0, 1, 2, 3, 4, 5)
    assert view(*done, edits.split(view(*done), 2)).topic_ids[-1] == 6


@pytest.mark.parametrize("relevance", [False, True])
def test_a_split_topic_divides_its_documents_and_words_by_their_vectors(relevance):
    state = edited_state(relevance=relevance)
    parts = view(edits.split(state, 2, 2), state=state)
    assert parts.topic_ids == (0, 1, 2, 3, 4, 5, 6)
    np.testing.assert_allclose(parts.theta[:, 2] + parts.theta[:, 6], state.theta[:, 2], atol=1e-6)
    rows = np.flatnonzero(state.topics == 2)
    halves = parts.topics[rows]
    assert set(halves) == {2, 6}
    assert len({(part, row % 2) for part, row in zip(halves, rows, strict=True)}) == 2
    assert (halves == 2).sum() > (halves == 6).sum()
    # Words stand nearer to the half in whose direction they are.
    ratio = parts.topic_word[2] / parts.topic_word[6]
    odd = rows[halves == 2][0] % 2
    assert ratio[odd::2].min() > ratio[1 - odd :: 2].max()
    np.testing.assert_allclose(parts.topic_word.sum(axis=1), 1, atol=1e-5)
    assert (parts.relevance is not None) == relevance


def test_a_split_is_the_same_for_new_documents():
    for n in (2, 3):
        edited = apply(STATE, [edits.merge([0, 1]), edits.split(view(edits.merge([0, 1])), 0, n), edits.drop([3])])
        for row in range(3):
            theta, vectors = STATE.theta[row : row + 1], STATE.vectors.documents[row : row + 1]
            np.testing.assert_array_equal(edited.mixtures(theta, vectors)[0], edited.state.theta[row])
        assert edited.needs_vectors
        np.testing.assert_allclose(edited.state.theta.sum(axis=1), 1, atol=1e-5)


def test_names_are_given_kept_by_merges_and_shown_everywhere():
    named = view(edits.rename({3: "  formula   1 ", 5: "photos"}))
    assert topic_names(named)[3] == "formula 1"
    assert topic_names(named)[0].startswith("0_")
    assert get_topic_info(named).set_index("Topic")["Name"][5] == "photos"
    assert set(get_document_info(named)["Name"]) == set(topic_names(named))
    merged = view(edits.rename({5: "photos"}), edits.merge([2, 5]))
    assert topic_names(merged)[2] == "photos"
    assert topic_names(view(edits.rename({2: "x"}), edits.split(STATE, 2)))[2].startswith("2_")


def test_excluded_words_are_nowhere_and_mixtures_stay():
    state = edited_state(relevance=True)
    left = view(edits.exclude(["sql", "bread", "sql"]), state=state)
    assert left.vocabulary.words == tuple(word for word in WORDS if word not in ("sql", "bread"))
    np.testing.assert_allclose(left.topic_word.sum(axis=1), 1, atol=1e-5)
    assert left.topic_word.shape == left.relevance.shape == (N_TOPICS, len(WORDS) - 2)
    np.testing.assert_array_equal(left.theta, state.theta)
    assert not {"sql", "bread"} & {word for words in get_topics(left, 20).values() for word, _ in words}
    # Words of a split follow.
    assert view(edits.exclude(["sql"]), edits.split(state, 1), state=state).topic_word.shape == (7, 11)


def test_a_topic_without_words_left_is_uniform():
    topic_word = STATE.topic_word.copy()
    topic_word[0] = np.eye(len(WORDS))[0]
    left = view(Exclude(("sql",)), state=replace(STATE, topic_word=topic_word))
    np.testing.assert_allclose(left.topic_word[0], 1 / 11, atol=1e-6)


def test_tables_use_numbers_of_topics():
    dropped = view(edits.drop([0]))
    assert set(get_topics(dropped)) == {1, 2, 3, 4, 5}
    assert get_topic(dropped, 5) == get_topic(STATE, 5)
    info = get_topic_info(dropped)
    assert sorted(info["Topic"]) == [1, 2, 3, 4, 5]
    assert info["Count"].sum() == len(STATE.theta)
    assert (get_document_info(dropped)["Topic"].to_numpy() == dropped.topics).all()
    with pytest.raises(InputError, match="topic 0 does not exist; topics are 1 to 5"):
        get_topic(dropped, 0)
    with pytest.raises(InputError, match="topic 9 does not exist; topics are 0 to 1, 3, 5"):
        get_topic(view(edits.drop([2, 4])), 9)


def test_representative_documents_of_changed_topics_are_chosen_anew():
    merged = view(edits.merge([0, 1]))
    best = np.argsort(-merged.theta[:, 0], kind="stable")[:3]
    assert merged.representatives[0].tolist() == best.tolist()
    assert merged.representatives[2] is STATE.representatives[3]
    silent = view(edits.merge([0, 1]), state=replace(STATE, excerpts=("",) * len(STATE.theta)))
    assert silent.representatives[0].tolist() == best.tolist()


BAD = [
    (lambda s: edits.merge([]), "give two or more topics"),
    (lambda s: edits.merge([[]]), "give two or more topics"),
    (lambda s: edits.merge([3]), "give two or more topics"),
    (lambda s: edits.merge([[3, 3]]), "topic 3 is named twice among the topics to merge"),
    (lambda s: edits.merge([[1, 2], [2, 3]]), "topic 2 is named twice among the topics to merge"),
    (lambda s: edits.merge([[1, 77]]), "topic 77 does not exist; topics are 0 to 5"),
    (lambda s: edits.merge([[1, "2"]]), "topic is '2'; give a whole number"),
    (lambda s: edits.merge("1,2"), "give a list"),
    (lambda s: edits.merge([[1, 2], 3]), "give a list|whole number"),
    (lambda s: edits.drop([]), "no topics to drop"),
    (lambda s: edits.drop([1, 1]), "named twice"),
    (lambda s: edits.drop(3), "give a list"),
    (lambda s: edits.drop([-1]), "at least 0"),
    (lambda s: edits.drop([True, 5]), "topic is True; give a whole number"),
    (lambda s: edits.drop([1, 6]), "topic 6 does not exist"),
    (lambda s: edits.drop(range(6)), "all 6 topics would be dropped"),
    (lambda s: edits.split(s, 77), "topic 77 does not exist"),
    (lambda s: edits.split(s, 2, 1), "n is 1; give a whole number of at least 2"),
    (lambda s: edits.split(s, 2, 99), r"has \d+ distinct documents; give n, the number of parts, of at most that"),
    (lambda s: edits.split(edited_state(vectors=False), 2), "no vectors of its documents"),
    (lambda s: edits.rename({}), "there are no names"),
    (lambda s: edits.rename({2: " "}), "give one line with letters"),
    (lambda s: edits.rename({2: 5}), "is int; give a string"),
    (lambda s: edits.rename({77: "x"}), "topic 77 does not exist"),
    (lambda s: edits.rename(["x"]), "give names by topic"),
    (lambda s: edits.rename({2: "x", 3: "x"}), "give distinct names"),
    (lambda s: Rename(((2, "a\x00b"),)), "give one line"),
    (lambda s: edits.exclude([]), "no words to exclude"),
    (lambda s: edits.exclude("sql"), "give a list"),
    (lambda s: edits.exclude([5]), "give strings"),
    (lambda s: edits.exclude(["sql", "Nonsense"]), "the vocabulary has no 'Nonsense'"),
    (lambda s: edits.exclude(WORDS), "0 of 12 words would remain"),
    (lambda s: edits.without_last(()), "there is no edit to undo"),
]


@pytest.mark.parametrize(("make", "said"), BAD, ids=[said for _, said in BAD])
def test_bad_edits_are_one_line(make, said):
    with pytest.raises(InputError, match=said) as caught:
        apply(STATE, [make(STATE)])
    assert "\n" not in str(caught.value)


def draw_edits(draw):
    """Edits that fit one after the other."""
    done, state = [], STATE
    for _ in range(draw(st.integers(1, 5))):
        ids = st.sampled_from(state.topic_ids)
        kind = draw(st.sampled_from(["merge", "drop", "split", "renumber", "exclude"]))
        if kind in ("merge", "drop") and state.n_topics > 2:
            edit = getattr(edits, kind)(draw(st.lists(ids, min_size=2, max_size=2, unique=True)))
        elif kind == "split" and state.counts.max() > 2:
            edit = edits.split(state, state.topic_ids[int(state.counts.argmax())], 2)
        elif kind == "exclude" and len(state.vocabulary) > 4:
            edit = edits.exclude([draw(st.sampled_from(state.vocabulary.words))])
        else:
            edit = Renumber()
        done.append(edit)
        state = view(*done)
    return done


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_sequence_of_edits_leaves_mixtures_of_numbered_topics(data):
    done = draw_edits(data.draw)
    edited = apply(STATE, done)
    state = edited.state
    assert len(state.topic_ids) == len(set(state.topic_ids)) == state.n_topics == len(state.topic_word)
    assert list(state.topic_ids) == sorted(state.topic_ids)
    assert max(state.topic_ids) < edited.next_id
    np.testing.assert_allclose(state.theta.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(state.topic_word.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(state.mean_theta.sum(), 1, atol=1e-5)
    again = edited.mixtures(STATE.theta[::3], STATE.vectors.documents[::3])
    np.testing.assert_array_equal(again, state.theta[::3])
    assert state.counts.sum() == len(state.theta)
    assert len(set(topic_names(state))) == state.n_topics
