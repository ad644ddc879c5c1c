"""Names of a fitted model and of lists of words: what is read, and that names are distinct."""

from dataclasses import replace

import numpy as np
import pytest

from softtopic import TopicModel
from softtopic.errors import InputError
from softtopic.pipeline.naming import find_names, texts_of_lists, texts_of_topics, without_guided
from softtopic.teacher.config import NamingConfig
from softtopic.teacher.local import Teacher
from softtopic.topics.edits import Renumber, apply
from softtopic.topics.naming import name_key, words_of

CONFIG = NamingConfig(phrase_tokens=2, beam_width=2, n_documents=3)


def encode(texts):
    """Counts of hashed words: a deterministic encoder."""
    rows = np.zeros((len(texts), 16), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in words_of(text):
            rows[row, sum(map(ord, word)) % 16] += 1
    return rows + 1e-3


@pytest.fixture(scope="module")
def teacher(tiny_lm):
    return Teacher(tiny_lm, dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def model(texts):
    rng = np.random.default_rng(0)
    model = TopicModel(3, vocabulary=["sql", "space", "bread", "taxes", "lens"], features=None, embedder=encode)
    labels = np.log(rng.dirichlet(np.ones(5), len(texts))).astype(np.float32)
    return model.fit(texts, soft_labels=labels, hidden=encode(texts), embeddings=encode(texts))


def test_every_topic_has_a_name_in_words_of_its_documents(model, teacher, texts):
    names = model.name_topics(lm=teacher, config=CONFIG)
    assert sorted(names) == [0, 1, 2]
    assert len({name_key(name) for name in names.values()}) == 3
    known = {word for text in (*texts, *model.vocabulary_.words) for word in words_of(text)}
    assert all(set(words_of(name)) <= known for name in names.values())
    assert model.name_topics(lm=teacher, config=CONFIG) == names
    assert model.name_topics(texts, lm=teacher, config=CONFIG) == names


def test_a_model_without_texts_needs_them(model, teacher, texts, tmp_path):
    model.save(tmp_path / "m", excerpts=False)
    loaded = TopicModel.load(tmp_path / "m").set_params(embedder=encode)
    with pytest.raises(InputError, match="holds no text of its documents; give the training documents"):
        loaded.name_topics(lm=teacher)
    assert loaded.name_topics(texts, lm=teacher, config=CONFIG) == model.name_topics(lm=teacher, config=CONFIG)


def test_names_in_another_language_have_no_english_stop_words(model):
    english, french = (texts_of_topics(model.state_, None, language, CONFIG) for language in ("english", "french"))
    assert {"and", "the", "table"} <= set(english.known_words)
    assert "table" in french.known_words
    assert not {"and", "the"} & set(french.known_words)


def test_texts_are_those_of_the_fit(model, teacher, texts):
    with pytest.raises(InputError, match="3 texts for a model of 12 documents"):
        model.name_topics(texts[:3], lm=teacher)


def test_lists_of_words_need_no_documents(teacher):
    names = find_names(texts_of_lists([["orbit", "moon"], ["bread"], ["bread"]]), teacher, encode, CONFIG)
    assert len({name_key(name) for name in names}) == 3


def test_an_empty_list_is_refused():
    with pytest.raises(InputError, match="list 1 is empty"):
        texts_of_lists([["orbit"], []])


def test_guided_topics_keep_the_names_of_their_guides(model):
    fitted = replace(model.state_, names=("baking", "", ""))
    view = apply(fitted, (Renumber(),)).state
    names = without_guided({0: "bread", 1: "space", 2: "baking"}, view, fitted)
    assert names == {1: "space"}
