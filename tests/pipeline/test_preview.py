"""A preview is made within seconds and leaves the fit as it is."""

import shutil

import numpy as np
import pytest

from softtopic import Teacher, TopicModel
from softtopic.data import languages
from softtopic.errors import InputError
from softtopic.lm import vectors
from softtopic.lm.encoder import SentenceEncoder
from softtopic.pipeline import preview as previews
from softtopic.pipeline import represent

OPTIONS = {"n_topics": 3, "vocabulary": 40}


@pytest.fixture
def kept(monkeypatch):
    """Vectors of few documents are kept, five to a file."""
    monkeypatch.setattr(vectors, "_FILE_TEXTS", 5)
    for module in (represent, previews):
        monkeypatch.setattr(module, "MIN_KEPT", 1)


@pytest.fixture
def encoded(monkeypatch):
    """Numbers of texts that were encoded together."""
    counts, real = [], SentenceEncoder.__call__
    monkeypatch.setattr(
        SentenceEncoder, "__call__", lambda self, part, **given: counts.append(len(part)) or real(self, part, **given)
    )
    return counts


def test_a_preview_is_a_table_of_topics_without_the_language_model(texts, tiny_lm, monkeypatch):
    monkeypatch.setattr(Teacher, "open", lambda *_: pytest.fail("the language model was opened"))
    model = TopicModel(**OPTIONS, lm=tiny_lm)
    table = model.preview([*texts, texts[0], ""])
    assert list(table.columns) == ["Topic", "Count", "Representation", "Representative_Docs"]
    assert len(table) == 2  # at least 5 documents for each
    assert table["Count"].sum() == 12
    assert table["Count"].is_monotonic_decreasing
    assert all(words for words in table["Representation"])
    assert {document for row in table["Representative_Docs"] for document in row} <= set(texts)
    assert not hasattr(model, "state_")
    assert table.equals(model.preview(texts[::-1]))


def test_the_language_is_detected_once(texts, tiny_lm, monkeypatch):
    found, detect = [], languages.detect_language
    monkeypatch.setattr(languages, "detect_language", lambda corpus: found.append(detect(corpus)) or found[-1])
    TopicModel(**OPTIONS, lm=tiny_lm).preview(texts)
    assert [one.codes for one in found] == [("en",)]


@pytest.mark.slow
def test_a_fit_after_a_preview_is_the_same_and_encodes_less(texts, tiny_lm, kept, encoded, monkeypatch, cache_folder):
    alone = TopicModel(**OPTIONS, lm=tiny_lm).fit(texts)
    assert encoded[:3] == [5, 5, 2]
    for name in ("embeddings", "features"):
        shutil.rmtree(cache_folder / name)
    after = TopicModel(**OPTIONS, lm=tiny_lm)
    monkeypatch.setattr(previews, "_ENCODING_SECONDS", 0.0)
    encoded.clear()
    assert after.preview(texts)["Count"].sum() == 5
    assert encoded == [5]
    after.fit(texts)
    assert encoded[1:3] == [5, 2]
    np.testing.assert_array_equal(after.probabilities_, alone.probabilities_)
    np.testing.assert_array_equal(after.components_, alone.components_)


@pytest.mark.parametrize("recipe", ["light", "etm"])
def test_recipes_without_an_encoder_are_previewed_by_words(texts, tiny_lm, recipe, encoded):
    table = TopicModel(**OPTIONS, recipe=recipe, lm=tiny_lm).preview(texts)
    assert table["Count"].sum() == 12
    assert encoded == []


def test_vectors_of_the_callers_are_used(texts, tiny_lm, encoded):
    vectors = np.eye(12, 8, dtype=np.float32)
    assert TopicModel(**OPTIONS, lm=tiny_lm).preview(texts, embeddings=vectors)["Count"].sum() == 12
    labels = np.full((12, 2), np.log(0.5), dtype=np.float32)
    model = TopicModel(3, vocabulary=["sql", "orbit"])
    assert model.preview(texts, soft_labels=labels, hidden=vectors)["Count"].sum() == 12
    assert encoded == []


def test_without_texts_there_is_no_preview():
    labels = np.full((12, 2), np.log(0.5), dtype=np.float32)
    with pytest.raises(InputError, match="a preview is made from texts"):
        TopicModel(3, vocabulary=["sql", "orbit"]).preview(soft_labels=labels, hidden=np.eye(12, dtype=np.float32))
