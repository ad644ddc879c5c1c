"""New documents of a fitted model, and refits that continue it; no language model is needed."""

import logging
import pickle

import numpy as np
import pandas as pd
import pytest

from softtopic import Corpus, TopicModel
from softtopic.errors import InputError
from softtopic.recipes import RECIPES

THEMES = {
    "space": ["rocket", "orbit", "moon", "engine"],
    "bread": ["flour", "oven", "yeast", "dough"],
    "money": ["loan", "bank", "credit", "interest"],
    "sport": ["match", "goal", "team", "coach"],
}
WORDS = [word for words in THEMES.values() for word in words]
RECIPE = RECIPES["default"].with_options(target="bow", training__epochs=20, training__batch_size=16)


def documents(n, *themes, seed=0):
    """n texts of the themes in turn, none twice."""
    rng = np.random.default_rng(seed)
    return [f"{' '.join(rng.choice(THEMES[themes[row % len(themes)]], 3))} {seed}x{row}" for row in range(n)]


def encode(texts):
    """Vectors of the words a text holds."""
    return np.array([[0.1, *(text.lower().count(word) for word in WORDS)] for text in texts], dtype=np.float32)


def quick(n_topics=3, **options):
    return TopicModel(n_topics, recipe=RECIPE, embedder=encode, features=None, **options)


KNOWN = documents(60, "space", "bread", "money")
MORE = documents(9, "space", "bread", "money", seed=1) + documents(12, "sport", seed=2)


@pytest.fixture(scope="module")
def fitted() -> bytes:
    return pickle.dumps(quick().fit(Corpus.from_texts(KNOWN, ids=range(100, 160))))


@pytest.fixture
def model(fitted) -> TopicModel:
    return pickle.loads(fitted)


def renamed(model) -> TopicModel:
    return model.rename({int(model.topics_[0]): "space travel"})


def test_new_documents_are_added_and_a_new_topic_appears(model):
    renamed(model)
    before, names = model.probabilities_.copy(), model.topic_names_
    assert model.update(MORE) is model
    assert model.topic_ids_.tolist() == [0, 1, 2, 3]
    assert model.topic_names_[:3] == names
    np.testing.assert_array_equal(model.probabilities_[:60, :3], before)
    assert (model.topics_[:60] == model.topics_[60:69].tolist()[:3] * 20).all()
    assert (model.topics_[69:] == 3).all()
    assert {word for word, _ in model.get_topic(3)} >= set(THEMES["sport"])
    assert model.get_document_info()["Id"].tolist() == list(range(100, 181))
    assert model.get_topic_freq()["Count"].sum() == 81
    assert model.changes_["Change"].tolist() == ["kept"] * 3 + ["appeared"]
    # Later documents follow, and searches find the new ones.
    assert model.find_topics("a goal of the team")[0][0] == 3
    assert model.search("a goal of the team", k=3)["Id"].min() >= 169
    theta = model.transform(documents(8, "sport", "money", seed=3))
    assert set(theta[::2].argmax(axis=1)) == {3}
    assert 3 not in theta[1::2].argmax(axis=1)
    # Nothing of this is forgotten by another update, and it can be taken back.
    model.update(documents(6, "sport", seed=4), times=["2020"] * 6)
    assert (model.topics_[81:] == 3).all()
    assert model.state_.times[-1] == "2020"
    assert len(model.edits_) == 2
    assert model.undo().topic_ids_.tolist() == [0, 1, 2]
    assert len(model.topics_) == 87


def test_documents_of_known_topics_make_no_new_one(model):
    model.update(documents(40, "space", "bread", "money", seed=5))
    assert model.topic_ids_.tolist() == [0, 1, 2]
    assert model.edits_ == ()


def test_documents_that_are_in_the_model_already_are_a_warning(model, tmp_path):
    model.save(tmp_path / "model", excerpts=False)
    with pytest.warns(UserWarning, match="2 of 8 documents are already in the model and count twice"):
        model.update([KNOWN[3], *documents(5, "sport", seed=7), f" {KNOWN[8]}", ""])
    # Without texts their vectors are compared.
    loaded = TopicModel.load(tmp_path / "model").set_params(embedder=encode)
    with pytest.warns(UserWarning, match="2 of 8 documents have the vectors of documents of the model; where the tex"):
        loaded.update([KNOWN[3], *documents(5, "sport", seed=7), f" {KNOWN[8]}", ""])


def test_an_updated_model_is_saved_and_loaded(model, tmp_path):
    renamed(model).update(MORE).save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.probabilities_, model.probabilities_)
    pd.testing.assert_frame_equal(loaded.get_topic_info(), model.get_topic_info())
    loaded.embedder = encode
    loaded.update(documents(6, "sport", seed=4))
    assert (loaded.topics_[81:] == 3).all()
    loaded.save(tmp_path / "model")
    assert len(TopicModel.load(tmp_path / "model").topics_) == 87


def test_a_model_without_texts_keeps_none_of_the_new_ones(model, tmp_path, caplog):
    model.save(tmp_path / "model", excerpts=False)
    loaded = TopicModel.load(tmp_path / "model").set_params(embedder=encode)
    with caplog.at_level(logging.WARNING, "softtopic"):
        loaded.update(MORE)
    assert "texts of the new documents are not kept" in caplog.text
    assert (loaded.topics_[69:] == 3).all()
    assert not any(loaded.state_.excerpts)
    assert loaded.search("a goal of the team", k=3)["Id"].min() >= 169


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ([], {}, "there are no new documents; give one or more"),
        (["", " "], {}, "2 new documents, none with text"),
        (["a goal"], {"ids": [100]}, "1 ids are in the model already, the first is 100; give new documents"),
        (["a goal"], {"ids": ["x"]}, "ids of the model are whole numbers"),
        (["a goal"], {"ids": [1, 2]}, "2 ids for 1 texts"),
        (["a goal"], {"min_topic_size": 1}, "min_topic_size is 1; give a whole number of at least 2"),
        (["a goal"], {"embeddings": np.zeros((1, 3))}, r"embedding has shape \(1, 3\); expected \[documents, 17\]"),
        ("a goal", {}, "texts is one string"),
    ],
)
def test_bad_updates_are_one_line_and_change_nothing(model, given, options, said):
    state = model.state_
    with pytest.raises(InputError, match=said):
        model.update(given, **options)
    assert model.state_ is state
    assert len(model.topics_) == 60


def test_another_encoder_is_one_line(model):
    model.embedder = lambda texts: encode(texts)[:, :5]
    with pytest.raises(InputError, match="embedding has 5 columns; expected"):
        model.update(["a goal"])
    with pytest.raises(InputError, match="embedding has 5 columns; expected"):
        quick().fit(KNOWN, like=model)


def test_novelty_is_of_any_documents(model):
    novelty = model.novelty(["match of the team", documents(1, "bread", seed=7)[0], ""])
    assert novelty[0] > 0.95
    assert novelty[1] < 0.95
    assert np.isnan(novelty[2])
    np.testing.assert_allclose(model.novelty().mean(), 0.5, atol=0.1)
    assert model.topic_distances().shape == (60, 3)
    assert (model.topic_distances(KNOWN[:3]).argmin(axis=1) == model.probabilities_[:3].argmax(axis=1)).all()
    given = encode(KNOWN[:2])
    np.testing.assert_allclose(model.novelty(KNOWN[:2], embeddings=given), model.novelty(KNOWN[:2]))
    assert model.get_document_info()["Novelty"].between(0, 1).all()
    assert model.get_document_info(["match of the team"])["Novelty"][0] == novelty[0]


def test_a_refit_continues_topics_and_edits(model, caplog):
    renamed(model).update(MORE)
    first, second = (int(model.topics_[row]) for row in (1, 2))
    model.merge_topics([first, second]).exclude_words(["loan"])
    with caplog.at_level(logging.WARNING, "softtopic"):
        new = quick().fit(Corpus.from_texts([*KNOWN, *MORE], ids=range(100, 181)), like=model)
    assert "could not be repeated" not in caplog.text
    assert new.topic_ids_.tolist() == model.topic_ids_.tolist()
    assert "space travel" in new.topic_names_
    assert [type(edit).__name__ for edit in new.edits_] == ["Rename", "Add", "Merge", "Exclude"]
    assert (new.topics_ == model.topics_).mean() >= 0.95
    assert set(new.changes_["Change"]) == {"kept"}
    assert "loan" not in new.vocabulary_.words


def test_a_refit_with_more_topics_finds_new_ones(model, tmp_path):
    renamed(model).save(tmp_path / "old")
    old = TopicModel.load(tmp_path / "old").set_params(embedder=encode)
    new = quick(4).fit([*KNOWN, *MORE], like=old)
    assert new.topic_ids_.tolist() == [0, 1, 2, 3]
    assert (new.topics_[:60] == old.topics_).mean() >= 0.95
    assert (new.topics_[69:] == 3).mean() > 0.9
    assert new.topic_names_[int(old.topics_[0])] == "space travel"
    fewer = quick(2).fit(KNOWN, like=old)
    assert set(fewer.topic_ids_) < {0, 1, 2, 3}
    assert "kept" in set(fewer.changes_["Change"])
    fewer.save(tmp_path / "new")
    loaded = TopicModel.load(tmp_path / "new")
    assert loaded.topic_ids_.tolist() == fewer.topic_ids_.tolist()
    assert loaded.topic_names_ == fewer.topic_names_


def test_new_guides_do_not_go_with_an_earlier_model(model):
    with pytest.raises(InputError, match="'sport' is new"):
        quick(4, guides={"sport": ["goal"]}).fit([*KNOWN, *MORE], like=model)
    with pytest.raises(InputError, match="give more documents or fewer topics"):
        quick(99).fit(KNOWN, like=model)


def test_words_alone_are_continued_too():
    old = TopicModel(3, recipe="prodlda", features=None).fit(KNOWN)
    new = TopicModel(3, recipe="prodlda", features=None).fit(
        [*KNOWN, *documents(3, *list(THEMES)[:3], seed=9)], like=old
    )
    assert len(set(new.topic_ids_)) == 3
    assert old.update(documents(3, "bread", seed=4)).topics_.shape == (63,)


def test_no_document_has_no_distance_and_no_novelty(model):
    assert model.topic_distances([]).shape == (0, 3)
    assert model.topic_distances([""]).shape == (1, 3)
    assert model.novelty([]).shape == (0,)
    theta, _ = model.approximate_distribution([""])
    assert theta.shape == (1, 3)


def test_what_changed_is_gone_when_the_update_is_taken_back(model):
    assert (model.update(MORE).changes_["Change"] == "appeared").any()
    assert model.undo().changes_ is None


def test_like_is_a_model_or_its_folder(model):
    with pytest.raises(InputError, match="like is int; give a TopicModel or a model folder"):
        quick().fit(KNOWN, like=3)
