"""Every named model and every pair of the two axes: fit, transform, save, load."""

import numpy as np
import pytest

from softtopic import Teacher, TopicModel, WordVectors
from softtopic.backbones.registry import BACKBONES, name_of
from softtopic.errors import InputError
from softtopic.recipes import RECIPES, get_recipe

WORDS = ["sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]
BAGS = ("prodlda", "zeroshottm", "combinedtm", "etm", "ecrtm", "fastopic")


def vectors_of(texts) -> np.ndarray:
    """An encoder in one line: what matters is that equal texts have equal vectors."""
    return np.asarray([[hash_of(text, place) for place in range(8)] for text in texts], dtype=np.float32)


def hash_of(text: str, place: int) -> float:
    return sum(ord(letter) * (position + place + 1) for position, letter in enumerate(text)) % 101 / 101


def quick(recipe, **choices) -> TopicModel:
    recipe = get_recipe(recipe, choices.pop("backbone", None))
    recipe = recipe.with_options(training__epochs=3, read__beam_width=0)
    return TopicModel(**({"n_topics": 3, "recipe": recipe, "vocabulary": WORDS, "features": None} | choices))


@pytest.fixture
def no_lm(monkeypatch):
    monkeypatch.setattr(Teacher, "open", lambda *_: pytest.fail("the language model was opened"))
    monkeypatch.setattr(Teacher, "read", lambda *_: pytest.fail("the language model was asked"))


def whole(model: TopicModel, texts, tmp_path) -> TopicModel:
    """Fit, then the same mixtures by every way."""
    theta = model.fit_transform(texts)
    np.testing.assert_allclose(theta.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.transform(texts[::-1])[::-1], theta, atol=1e-4)
    np.testing.assert_allclose(np.vstack([model.transform([text]) for text in texts]), theta, atol=1e-4)
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    loaded.embedder = model.embedder
    np.testing.assert_allclose(loaded.transform(texts), theta, atol=1e-4)
    assert loaded.recipe_ == model.recipe_
    assert np.array_equal(loaded.components_, model.components_)
    return loaded


@pytest.mark.parametrize("name", BAGS)
def test_a_bag_of_words_model_is_one_name_and_opens_no_language_model(name, texts, tmp_path, no_lm):
    loaded = whole(quick(name, embedder=vectors_of), texts, tmp_path)
    assert loaded.teacher_ is None
    assert loaded.recipe_.backbone == RECIPES[name].backbone


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("recipe", ["paper", "default"])
def test_soft_labels_on_every_backbone(recipe, backbone, texts, tiny_lm, tmp_path):
    lm = Teacher(tiny_lm, dtype="float32")
    loaded = whole(quick(recipe, backbone=backbone, lm=lm), texts, tmp_path)
    assert name_of(loaded.recipe_.backbone) == backbone


@pytest.mark.parametrize("inputs", ["hidden", "bow", "embedding", "bow+embedding", "hidden+embedding", "tf-idf"])
@pytest.mark.parametrize("target", ["soft", "bow", "soft+bow"])
def test_any_input_with_any_target(inputs, target, texts, tiny_lm, tmp_path):
    lm = Teacher(tiny_lm, dtype="float32")
    model = quick("default", lm=lm, inputs=inputs, target=target, embedder=vectors_of)
    loaded = whole(model, texts, tmp_path)
    assert list(loaded.state_.widths) == inputs.split("+")
    assert (loaded.teacher_ is None) == (target == "bow" and "hidden" not in inputs)


def test_vectors_given_are_those_of_the_callable(texts, no_lm):
    many = [*texts, texts[0]]
    by_callable = quick("combinedtm", embedder=vectors_of).fit(many)
    by_array = quick("combinedtm").fit(many, embeddings=vectors_of(many))
    assert np.array_equal(by_array.probabilities_, by_callable.probabilities_)
    np.testing.assert_allclose(by_array.transform(texts, embeddings=vectors_of(texts)), by_callable.transform(texts))
    with pytest.raises(InputError, match=r"give embeddings=, or set model\.embedder"):
        by_array.transform(texts)
    by_array.embedder = vectors_of
    np.testing.assert_allclose(by_array.transform(texts), by_callable.transform(texts))


def test_vectors_alone_are_enough_where_nothing_is_counted(texts, no_lm):
    model = quick("zeroshottm").fit(texts, embeddings=vectors_of(texts))
    np.testing.assert_allclose(model.transform(embeddings=vectors_of(texts)), model.probabilities_, atol=1e-6)
    for wrong, said in (({"embeddings": np.ones((4, 9))}, r"expected \[documents, 8\]"), ({}, "reads embedding"),
                        ({"hidden": np.ones((4, 8), dtype=np.float32)}, "reads embedding"),
                        ({"X": texts, "embeddings": vectors_of(texts[1:])}, "each of 12")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            model.transform(**wrong)
    with pytest.raises(InputError, match="reads bow"):
        quick("prodlda").fit(texts).transform(embeddings=vectors_of(texts))


def test_soft_labels_of_any_teacher_go_with_embeddings():
    rng = np.random.default_rng(0)
    scores = np.log(rng.dirichlet(np.ones(11), size=30)).astype(np.float32)
    vectors = rng.normal(size=(30, 6)).astype(np.float32)
    model = quick("default", inputs="embedding").fit(soft_labels=scores, embeddings=vectors)
    np.testing.assert_allclose(model.transform(embeddings=vectors), model.probabilities_, atol=1e-6)
    with pytest.raises(InputError, match="give texts beside soft_labels="):
        quick("default", target="soft+bow").fit(soft_labels=scores, hidden=vectors)


def test_blank_documents_and_documents_without_words(texts, no_lm):
    with pytest.warns(UserWarning, match="1 of 14 documents are empty"):
        model = quick("prodlda").fit([*texts, "", "zzz"])
    assert np.isfinite(model.probabilities_).all()
    np.testing.assert_allclose(model.probabilities_[12], model.state_.mean_theta)
    with pytest.raises(InputError, match="no document holds a word"):
        quick("prodlda", vocabulary=["quux", "zzzz"]).fit(texts)


@pytest.mark.parametrize("name", ["etm", "ecrtm"])
def test_words_may_begin_with_vectors(name, texts, no_lm, tmp_path):
    vectors = WordVectors(tuple(WORDS[:-1]), np.random.default_rng(0).normal(size=(10, 7)).astype(np.float32))
    loaded = whole(quick(name, word_vectors=vectors), texts, tmp_path)
    assert loaded.state_.word_width == 7
    with pytest.raises(InputError, match="no word vectors"):
        quick("prodlda", word_vectors=vectors).fit(texts)


def test_a_second_fit_may_read_other_vectors(texts, no_lm):
    model = quick("zeroshottm").fit(texts, embeddings=vectors_of(texts))
    model.fit(texts, embeddings=vectors_of(texts)[:, :5])
    assert model.state_.widths == {"embedding": 5}
