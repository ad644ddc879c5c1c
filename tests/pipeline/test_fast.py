"""The recipe `fast`: a static encoder in place of the sentence encoder, without any downloaded model."""

import numpy as np
import pytest

from softtopic import TopicModel
from softtopic.recipes import RECIPES

WORDS = ["sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]


@pytest.fixture(scope="module")
def recipe(tiny_encoder):
    return RECIPES["fast"].with_options(
        target="bow",
        encoder__name=tiny_encoder,
        static__n_batches=10,
        max_training_documents=9,
        training__epochs=2,
        training__batch_size=4,
    )


@pytest.fixture(scope="module")
def model(recipe, texts):
    return TopicModel(3, recipe=recipe, vocabulary=WORDS, features=None).fit(texts)


def test_only_the_documents_trained_on_are_encoded(recipe, texts, monkeypatch):
    from softtopic.lm.encoder import SentenceEncoder

    encoded = []
    call = SentenceEncoder.__call__
    monkeypatch.setattr(
        SentenceEncoder, "__call__", lambda self, texts, **kw: encoded.append(list(texts)) or call(self, texts, **kw)
    )
    model = TopicModel(3, recipe=recipe, vocabulary=WORDS, features=None).fit(texts)
    assert [len(part) for part in encoded] == [9, len(WORDS)]
    assert set(encoded[0]) < set(texts)
    assert model.plan_.n_train == 9
    assert "9 documents; a static encoder trained on them encodes all" in "\n".join(model.plan_.lines())


def test_new_documents_need_no_encoder(model, texts, tmp_path, monkeypatch):
    monkeypatch.setattr("softtopic.lm.encoder.SentenceEncoder._load", None)
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    assert loaded.state_.encoder is None
    assert loaded.state_.widths["static"] == loaded.state_.static.width
    np.testing.assert_array_equal(loaded.transform(texts), model.probabilities_)
    new = ["A telescope in orbit", "bread and flour", "ohne bekannte Worte"]
    alone = np.vstack([loaded.transform([text]) for text in new])
    np.testing.assert_allclose(loaded.transform(new), alone, atol=1e-6)


def test_mixtures_are_independent_of_the_batch(model, texts):
    alone = np.vstack([model.transform([text]) for text in texts])
    np.testing.assert_allclose(model.transform(texts), alone, atol=1e-6)


def test_the_order_of_documents_does_not_matter(model, recipe, texts):
    turned = TopicModel(3, recipe=recipe, vocabulary=WORDS, features=None).fit(texts[::-1])
    np.testing.assert_array_equal(turned.probabilities_[::-1], model.probabilities_)


def test_vectors_of_the_callers_are_distilled_too(recipe, texts):
    vectors = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    model = TopicModel(3, recipe=recipe, vocabulary=WORDS, features=None).fit(texts, embeddings=vectors)
    assert model.state_.widths["static"] == 4
    assert model.transform(texts[:2]).shape == (2, 3)


def test_documents_read_are_among_those_encoded(recipe, texts, tiny_lm):
    read = RECIPES["fast"].with_options(
        encoder__name=recipe.encoder.name,
        max_training_documents=8,
        read__max_documents=4,
        training__epochs=1,
        static__n_batches=2,
    )
    model = TopicModel(3, recipe=read, vocabulary=WORDS, lm=tiny_lm, features=None).fit(texts)
    assert len(model.plan_.read_rows) == 4
    assert set(model.plan_.read_rows) <= set(model.plan_.train)
    assert model.plan_.n_train == 8
