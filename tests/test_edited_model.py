"""Edits of a fitted model: in every view, for new documents, after saving, and taken back."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from softtopic import Corpus, TopicModel
from softtopic.errors import InputError
from softtopic.recipes import RECIPES

QUICK = RECIPES["default"].with_options(training__epochs=20, training__batch_size=8, inputs="embedding+words+tf-idf")


def lengths(texts):
    counts = [[len(text), text.count(" "), text.count("e") - 2.0, text.count("t")] for text in texts]
    return np.array(counts, dtype=np.float32)


@pytest.fixture(scope="module")
def documents(texts) -> list[str]:
    return [f"{text} {ending}" for ending in ("", "Thanks!", "Any help?", "See the table.") for text in texts] + [" "]


@pytest.fixture(scope="module")
def fitted(tiny_lm, documents) -> bytes:
    model = TopicModel(6, recipe=QUICK, lm=tiny_lm, vocabulary=40, embedder=lengths, features=None)
    with pytest.warns(UserWarning, match="1 of 49"):
        return pickle.dumps(model.fit(Corpus.from_texts(documents, ids=range(100, 149))))


@pytest.fixture
def model(fitted) -> TopicModel:
    return pickle.loads(fitted)


def edit(model) -> TopicModel:
    """Some of everything."""
    largest = int(model.get_topic_info()["Topic"][0])
    model.split_topic(largest, 3)
    ids = model.topic_ids_.tolist()
    model.merge_topics([ids[0], ids[1]]).drop_topics([ids[2]])
    word = model.vocabulary_.words[0]
    return model.exclude_words([word]).rename({ids[0]: "first of all"})


def test_every_view_is_of_the_edited_state(model, documents):
    state = model.state_
    theta = model.probabilities_.copy()
    assert model.topic_ids_.tolist() == list(range(6))
    assert edit(model) is model
    assert len(model.edits_) == 5
    assert model.state_ is state
    np.testing.assert_array_equal(state.theta, theta)
    ids = model.topic_ids_.tolist()
    assert len(ids) == 6
    assert max(ids) == 7
    assert model.probabilities_.shape == (49, 6)
    assert set(model.topics_) <= set(ids)
    assert (model.topics_ == model.topic_ids_[model.probabilities_.argmax(axis=1)]).all()
    assert model.components_.shape == (6, 39)
    assert len(model.vocabulary_) == 39
    assert list(model.get_topics()) == ids
    assert model.topic_names_[0] == model.get_feature_names_out()[0] == "first of all"
    assert len(set(model.topic_names_)) == 6
    assert sorted(model.get_topic_info()["Topic"]) == ids
    assert model.get_topic_info(ids[-1])["Topic"].tolist() == [ids[-1]]
    assert set(model.get_representative_docs()) == set(ids)
    hits = model.search(documents[3], k=3)
    assert hits["Document"][0] == 3
    assert hits["Topic"][0] == model.topics_[3]
    assert model.find_topics(documents[3])[0][0] == model.topics_[3]
    assert model.get_topic_freq()["Count"].sum() == 48  # one document is blank
    info = model.get_document_info()
    with_text = info["Document"].str.strip() != ""
    assert model.get_topic_freq(ids[0]) == (info["Topic"][with_text] == ids[0]).sum()
    assert set(model.explain("A SQL table. A telescope!")["Topic"]) <= set(ids)


def test_new_documents_follow_the_edits(model, documents):
    edit(model)
    with pytest.warns(UserWarning, match="1 of 49"):
        theta = model.transform(documents)
    np.testing.assert_allclose(theta, model.probabilities_, atol=2e-3)
    np.testing.assert_allclose(theta.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.transform(documents[:1]), theta[:1], atol=1e-4)


def test_edits_are_saved_with_the_model(model, documents, tmp_path):
    edit(model).save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    assert loaded.edits_ == model.edits_
    np.testing.assert_array_equal(loaded.probabilities_, model.probabilities_)
    pd.testing.assert_frame_equal(loaded.get_topic_info(), model.get_topic_info())
    loaded.embedder = lengths
    np.testing.assert_allclose(loaded.transform(documents[:9]), model.transform(documents[:9]), atol=1e-5)
    loaded.reset()
    np.testing.assert_array_equal(loaded.probabilities_, model.state_.theta)
    assert pickle.loads(pickle.dumps(model)).topic_names_ == model.topic_names_


def test_edits_are_taken_back(model):
    before = model.get_topic_info()
    theta = model.probabilities_
    model.merge_topics([[0, 3], [1, 2]])
    merged = model.get_topic_info()
    model.drop_topics([0]).undo()
    pd.testing.assert_frame_equal(model.get_topic_info(), merged)
    model.undo()
    pd.testing.assert_frame_equal(model.get_topic_info(), before)
    with pytest.raises(InputError, match="no edit to undo"):
        model.undo()
    edit(model).reset()
    assert model.edits_ == ()
    np.testing.assert_array_equal(model.probabilities_, theta)
    assert not hasattr(clone(model), "edits_")


def test_a_fit_starts_without_edits(model, documents):
    model.merge_topics([0, 1])
    with pytest.warns(UserWarning, match="1 of 49"):
        model.fit(documents)
    assert model.edits_ == ()
    assert len(model.topic_ids_) == 6


def test_numbers_stay_until_topics_are_renumbered(model):
    assert model.merge_topics([4, 2]).drop_topics([0]).topic_ids_.tolist() == [1, 2, 3, 5]
    assert model.renumber().topic_ids_.tolist() == [0, 1, 2, 3]
    assert model.undo().topic_ids_.tolist() == [1, 2, 3, 5]


def test_topics_are_reduced_to_levels_of_the_hierarchy(model):
    table = model.hierarchical_topics(levels=[2, 4])
    assert set(table["Level"]) == {2, 4, 6}
    info = model.get_document_info(levels=[2])
    levels = info["Level_2"][info["Document"].str.strip() != ""]
    counts = table[table["Level"] == 2].set_index("Topic")["Count"]
    assert levels.value_counts().to_dict() == counts[counts > 0].to_dict()
    assert len(model.get_topic_tree([2]).splitlines()) == 8
    assert model.reduce_topics(4).topic_ids_.tolist() == table[table["Level"] == 4]["Topic"].tolist()
    assert len(model.edits_) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model: model.merge_topics([]), "two or more"),
        (lambda model: model.merge_topics([[0, 9]]), "topic 9 does not exist; topics are 0 to 5"),
        (lambda model: model.merge_topics([[0, 1], [1, 2]]), "named twice"),
        (lambda model: model.split_topic(9), "does not exist"),
        (lambda model: model.split_topic(0, 500), "distinct documents"),
        (lambda model: model.drop_topics(range(6)), "all 6 topics"),
        (lambda model: model.reduce_topics(6), "has 6 topics"),
        (lambda model: model.rename({0: ""}), "one line with letters"),
        (lambda model: model.set_topic_names({0: "a", 1: "a"}), "distinct names"),
        (lambda model: model.exclude_words(["unheard"]), "has no 'unheard'"),
        (lambda model: model.edit(*model.merge_topics([0, 1]).undo().edits_, *edits_that_clash()), "does not exist"),
        (lambda model: model.get_document_info(levels=[9]), "level is 9"),
        (lambda model: model.get_document_info(df=pd.DataFrame({"a": [1]})), "a row for each of 49 documents"),
        (lambda model: model.get_document_info(df=pd.DataFrame({"Topic": range(49)})), "columns Topic"),
    ],
)
def test_what_does_not_fit_changes_nothing(model, change, said):
    before = model.get_topic_info()
    with pytest.raises(InputError, match=said) as caught:
        change(model)
    assert "\n" not in str(caught.value)
    assert model.edits_ == ()
    pd.testing.assert_frame_equal(model.get_topic_info(), before)


def edits_that_clash():
    from softtopic.topics.edits import Drop, Merge

    return Drop((5,)), Merge(((4, 5),))


def test_an_unfitted_model_has_no_topics_to_edit():
    for change in (lambda m: m.merge_topics([0, 1]), TopicModel.undo, TopicModel.reset, TopicModel.suggest_edits):
        with pytest.raises(NotFittedError):
            change(TopicModel(3))


def test_documents_have_a_row_each_with_their_ids_and_columns(model, documents):
    more = pd.DataFrame({"year": range(49)}, index=range(7, 56))
    info = model.get_document_info(df=more)
    assert info["Id"].tolist() == list(range(100, 149))
    assert info["year"].tolist() == list(range(49))
    assert info["Topic"].tolist() == model.topics_.tolist()
    other = model.get_document_info(Corpus.from_texts(documents[5:7], ids=["x", "y"]))
    assert other["Id"].tolist() == ["x", "y"]
    assert other["Topic"].tolist() == model.topics_[5:7].tolist()
    largest = int(model.topics_[0])
    found = model.get_documents(largest, limit=2)
    assert (found["Topic"] == largest).all()
    assert found["Probability"].is_monotonic_decreasing
    assert len(model.get_documents(limit=5)) == 5
    with pytest.raises(InputError, match="limit is 0"):
        model.get_documents(limit=0)


def test_proposals_can_be_applied(model):
    proposals = model.suggest_edits()
    assert model.edits_ == ()
    for proposal in proposals["Edit"]:
        model.edit(proposal).undo()
