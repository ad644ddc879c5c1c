"""New documents of a fitted state, and the topics that are among them."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.preprocessing import normalize
from topic_states import WORDS, edited_state

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.projection import project_points
from softtopic.persistence.edits import edits_of, plain_edits
from softtopic.state import DocumentVectors, scaled
from softtopic.topics import edits
from softtopic.topics.additions import Add, NewTopic
from softtopic.topics.edits import Rename, apply
from softtopic.topics.novelty import NoveltyScale, cosine_distances, topic_centers
from softtopic.topics.renewal import (
    RenewalConfig,
    addition,
    novel_groups,
    widened,
    with_documents,
    with_ids,
    with_vectors,
)
from softtopic.topics.table import get_topic, get_topic_info, topic_names

CONFIG = RenewalConfig(min_topic_size=4)


def points_of(axes, seed, scale=0.1):
    """Directions along some axes of a space of nine dimensions, with noise."""
    points = np.eye(9)[axes] + np.random.default_rng(seed).normal(scale=scale, size=(len(axes), 9))
    return np.asarray(normalize(points), dtype=np.float32)


def placed(seed=0):
    """A state whose six topics lie along the first axes; it knows of the others what two components hold."""
    state = edited_state(seed)
    components = np.eye(8, 9, dtype=np.float32)
    documents, norms = project_points(points_of(np.arange(30) // 5, seed), components)
    words = np.eye(len(WORDS), 8, dtype=np.float32)
    return replace(state, vectors=DocumentVectors(components=components, documents=documents, words=words, norms=norms))


STATE = placed()
NEW = points_of([8] * 6 + [2] * 6, 1)
CORPUS = Corpus.from_rows(["goals of the match table"] * 4 + ["goal and orbit"] * 2 + ["query"] * 6)


def novelty_of(state, points):
    vectors, norms = project_points(points, state.vectors.components)
    return NoveltyScale.of(state).novelty(scaled(vectors, norms))


def added(state=STATE, done=()):
    """The state with new documents, and the edit that makes a topic of the first six."""
    view = apply(state, done).state
    groups = novel_groups(view, NEW, novelty_of(view, NEW), CONFIG)
    known = widened(state.vectors, NEW, groups)
    vectors = with_vectors(known, *project_points(NEW, known.components))
    theta = np.tile(state.theta[10], (len(NEW), 1))
    grown = with_documents(state, with_ids(state, CORPUS, count_on=True), theta, vectors)
    words = Vocabulary((*view.vocabulary.words, "goal", "goals", "match"))
    return grown, addition(apply(grown, done).state, CORPUS, groups, words, CONFIG)


def test_centers_are_where_the_documents_of_topics_are():
    centers = topic_centers(STATE)
    assert (centers.argmax(axis=1) == np.arange(6)).all()
    np.testing.assert_allclose(np.linalg.norm(centers, axis=1), 1, atol=1e-6)
    assert cosine_distances(np.zeros((1, 8), np.float32), centers).tolist() == [[1.0] * 6]
    unused = replace(STATE, theta=(STATE.theta * [1, 1, 1, 1, 1, 1e-3]).astype(np.float32))
    assert np.isfinite(topic_centers(unused)).all()


def test_novelty_is_a_share_of_the_documents():
    scale = NoveltyScale.of(STATE)
    known = scale.novelty(STATE.vectors.projections)
    np.testing.assert_allclose(np.sort(known), np.arange(30) / 30)
    novelty = novelty_of(STATE, NEW)
    assert (novelty[:6] == 1).all()
    assert novelty[6:].mean() < 0.9
    blank = scale.novelty(np.zeros((2, 8), np.float32), np.array([1]))
    assert blank[0] == 1
    assert np.isnan(blank[1])


def test_documents_that_fit_no_topic_are_grouped():
    assert novel_groups(STATE, NEW, novelty_of(STATE, NEW), CONFIG).tolist() == [0] * 6 + [-1] * 6
    two = points_of([8] * 6 + [7] * 5 + [8] * 2, 1)
    assert novel_groups(STATE, two, np.ones(13), CONFIG).tolist() == [0] * 6 + [1] * 5 + [0] * 2
    # Too few of them, or too different from each other, are no topic.
    assert (novel_groups(STATE, NEW, np.ones(12), RenewalConfig(min_topic_size=7)) == -1).all()
    assert (novel_groups(STATE, points_of([6, 7, 8] * 2, 1), np.ones(6), CONFIG) == -1).all()
    # Documents of a topic are none either.
    more = points_of([2] * 12, 1)
    assert (novel_groups(STATE, more, novelty_of(STATE, more), CONFIG) == -1).all()


def test_a_new_topic_takes_the_next_number_and_known_documents_keep_their_mixtures():
    done = (edits.drop([5]), Rename(((3, "photos"),)))
    grown, edit = added(done=done)
    before, after = apply(grown, done), apply(grown, (*done, edit))
    assert after.state.topic_ids == (0, 1, 2, 3, 4, 6)
    np.testing.assert_array_equal(after.state.theta[:30, :5], before.state.theta[:30])
    assert not after.state.theta[:30, 5].any()
    np.testing.assert_allclose(after.state.theta.sum(axis=1), 1, atol=1e-5)
    assert (after.state.topics[30:36] == 6).all()
    assert (after.state.topics[36:] == before.state.topics[36:]).all()
    assert topic_names(after.state)[:5] == topic_names(before.state)
    np.testing.assert_array_equal(after.state.topic_word[:5, :12], before.state.topic_word)
    # Later documents follow.
    vectors, _ = project_points(points_of([8, 8, 2, 2], 5), grown.vectors.components)
    later = after.mixtures(np.tile(grown.theta[10], (4, 1)), vectors)
    assert (later.argmax(axis=1) == [5, 5, 2, 2]).all()
    assert after.needs_vectors
    assert get_topic_info(after.state).set_index("Topic")["Count"][6] == 6
    assert after.state.representatives[5][0] in range(30, 36)


def test_words_of_a_new_topic_need_not_be_in_the_vocabulary():
    grown, edit = added()
    after = apply(grown, [edit])
    first = [word for word, _ in get_topic(after.state, 6)][:4]
    assert {"goal", "goals", "match"} < {*first}
    np.testing.assert_allclose(after.state.topic_word.sum(axis=1), 1, atol=1e-5)
    assert len(after.state.vocabulary) == 15
    assert apply(replace(grown, relevance=grown.topic_word), [edit]).state.relevance.shape == (7, 15)
    # Any edit may follow.
    more = (edit, edits.exclude(["goal", "sql"]), edits.merge([6, 2]), edits.split(after.state, 0, 2), edits.drop([1]))
    state = apply(grown, more).state
    assert state.topic_ids == (0, 2, 3, 4, 5, 7)
    assert not {"goal", "sql"} & {*state.vocabulary.words}
    np.testing.assert_allclose(state.theta.sum(axis=1), 1, atol=1e-5)


def test_added_topics_are_stored_like_other_edits():
    grown, edit = added()
    found = edits_of(plain_edits([edit]), grown)
    np.testing.assert_array_equal(apply(grown, found).state.theta, apply(grown, [edit]).state.theta)
    assert found == (edit,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"topics": ()}, "no topics to add"),
        ({"numbers": (3,)}, "none of them in use"),
        ({"numbers": (6, 7)}, "none of them in use"),
        ({"topics": (NewTopic(("goal",), (1.0,), (0.5,) * 10, 0.0),)}, "have 10 columns, not 9"),
    ],
)
def test_additions_that_do_not_fit_are_one_line(changes, said):
    grown, edit = added()
    with pytest.raises(InputError, match=said):
        apply(grown, [replace(edit, **changes)])
    with pytest.raises(InputError, match="words of a new topic"):
        NewTopic((), (), (0.5,), 0.0)
    with pytest.raises(InputError, match="do not go together"):
        NewTopic(("goal",), (0.0,), (0.5,), 0.0)


def test_ids_go_on_where_they_end():
    new = with_ids(STATE, Corpus.from_texts(["a", "b"]), count_on=True)
    assert new.ids == ("30", "31")
    numbered = replace(STATE, ids=tuple(range(100, 130)))
    assert with_ids(numbered, Corpus.from_texts(["a", "b"]), count_on=True).ids == (130, 131)
    assert with_ids(numbered, Corpus.from_texts(["a", "b"], ids=[5, 7])).ids == (5, 7)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["30", "4", "5"], "2 ids are in the model already, the first is '4'; give new documents"),
        ([30, 31, 32], "ids of the model are strings; give ids like these, as '0'"),
        (["x", "y", "x"], "repeated"),
    ],
)
def test_ids_that_do_not_go_on_are_one_line(ids, said):
    with pytest.raises(InputError, match=said):
        with_ids(STATE, Corpus.from_texts(["a", "b", "c"], ids=ids))


def test_texts_are_kept_of_new_documents_where_they_are_of_the_others():
    corpus = Corpus.from_texts(["new", " ", "other"], times=["2020", "", "2021"])
    vectors = with_vectors(STATE.vectors, STATE.vectors.documents[:3], STATE.vectors.norms[:3])
    grown = with_documents(STATE, with_ids(STATE, corpus, count_on=True), STATE.theta[:3], vectors)
    assert grown.excerpts[30:] == ("new", "", "other")
    assert grown.blank.tolist() == [31]
    assert grown.times == ("",) * 30 + ("2020", "", "2021")
    silent = replace(STATE, excerpts=("",) * 30)
    grown = with_documents(silent, with_ids(STATE, corpus, count_on=True), np.eye(6, dtype=np.float32)[:3], vectors)
    assert not any(grown.excerpts)
    assert grown.representatives[0][0] == 30


def test_a_split_of_an_earlier_version_is_read():
    plain = plain_edits([edits.split(STATE, 0, 2)])
    del plain["edits"][0]["numbers"]
    assert edits_of(plain, STATE)[0].numbers == ()
    assert isinstance(edits_of(plain_edits([added()[1]]), added()[0])[0], Add)


def test_a_split_made_before_new_topics_stays_as_it_was():
    done = (edits.split(STATE, 0, 2),)
    grown, edit = added(done=done)
    state = apply(grown, (*done, edit)).state
    np.testing.assert_array_equal(state.theta[:30, :7], apply(STATE, done).state.theta)
