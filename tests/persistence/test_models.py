"""Estimators on disk: a loaded model is the same one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from states import WORDS
from test_privacy import LONG, content, pieces

from softtopic import Prompt, Teacher, TopicModel
from softtopic.backbones.settings import ETMSettings
from softtopic.errors import InputError
from softtopic.inputs.word_vectors import WordVectors
from softtopic.persistence import NotSaved
from softtopic.recipes import RECIPES, get_recipe
from softtopic.teacher import demonstrations
from softtopic.teacher.config import DemonstrationConfig
from softtopic.topics.documents import excerpt

FOLDERS = Path(__file__).parent / "folders"
QUICK = RECIPES["default"].with_options(
    training__epochs=3, training__batch_size=4, read__prompts="published", read__beam_width=0
)
VECTORS = WordVectors(WORDS, np.random.default_rng(0).normal(size=(11, 4)).astype(np.float32))


def lengths(texts) -> np.ndarray:
    return np.array([[len(text), text.count(" "), text.count("e") - 2.0] for text in texts], dtype=np.float32)


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("excerpts", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {"recipe": "prodlda", "vocabulary": 8, "language": "none"},
        {"recipe": get_recipe("prodlda", training__epochs=3), "vocabulary": WORDS},
        {"recipe": "etm", "backbone": ETMSettings(n_hidden=4), "word_vectors": VECTORS, "vocabulary": list(WORDS)},
        {"recipe": QUICK, "inputs": "words+tf-idf", "target": "bow", "random_state": np.int64(7)},
        {"recipe": QUICK, "inputs": "bow", "target": "bow", "n_topics": np.int64(3), "features": Path("nowhere")},
    ],
)
def test_a_loaded_model_is_the_same_estimator(options, excerpts, texts, tmp_path):
    model = TopicModel(**{"n_topics": 3, "features": None} | options).fit(texts)
    model.save(tmp_path / "model", excerpts=excerpts)
    loaded = TopicModel.load(tmp_path / "model")
    expected = model.get_params(deep=False)
    vectors = expected.pop("word_vectors")
    found = loaded.get_params(deep=False)
    if vectors is not None:
        np.testing.assert_array_equal(found.pop("word_vectors").vectors, vectors.vectors)
    assert {name: found[name] for name in expected} == expected
    np.testing.assert_array_equal(loaded.probabilities_, model.probabilities_)
    np.testing.assert_array_equal(loaded.components_, model.components_)
    np.testing.assert_array_equal(loaded.transform(texts), model.transform(texts))
    assert loaded.get_topics() == model.get_topics()
    again = clone(loaded).fit(texts)
    np.testing.assert_array_equal(again.probabilities_, model.probabilities_)
    loaded.save(tmp_path / "again", excerpts=excerpts)
    TopicModel.load(tmp_path / "again").save(tmp_path / "third")
    assert tree(tmp_path / "model") == tree(tmp_path / "again") == tree(tmp_path / "third")


def test_a_model_with_a_language_model_is_the_same_estimator(tiny_lm, texts, tmp_path):
    lm = Teacher(tiny_lm, prompt=Prompt("Name it.", [("My bread does not rise.", "bread")]), dtype="float32")
    model = TopicModel(3, recipe=QUICK, lm=lm, inputs="hidden", vocabulary=WORDS, features=None).fit(texts)
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    assert loaded.get_params(deep=False) == model.get_params(deep=False)
    np.testing.assert_allclose(loaded.transform(texts), model.transform(texts), atol=1e-6)
    np.testing.assert_allclose(loaded.soft_labels(texts[:2]), model.soft_labels(texts[:2]), atol=1e-6)
    np.testing.assert_array_equal(clone(loaded).fit(texts).probabilities_, model.probabilities_)


def test_functions_and_vectorizers_have_to_be_set_again(texts, tmp_path):
    options = {"recipe": QUICK, "inputs": "embedding", "target": "bow", "features": None}
    model = TopicModel(3, embedder=lengths, vocabulary=CountVectorizer(vocabulary=list(WORDS)), **options).fit(texts)
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    assert loaded.embedder == NotSaved("embedder", "function lengths")
    with pytest.raises(InputError, match=r"embedder was function lengths, .* model\.set_params\(embedder=\.\.\.\)"):
        loaded.transform(texts)
    theta = model.transform(texts)
    np.testing.assert_array_equal(loaded.transform(texts, embeddings=lengths(texts)), theta)
    with pytest.raises(InputError, match="embedder was function lengths"):
        clone(loaded).fit(texts)
    np.testing.assert_array_equal(loaded.set_params(embedder=lengths).transform(texts), theta)
    with pytest.raises(InputError, match="vocabulary was an object of class CountVectorizer"):
        clone(loaded).fit(texts)
    again = clone(loaded).set_params(vocabulary=CountVectorizer(vocabulary=list(WORDS))).fit(texts)
    np.testing.assert_array_equal(again.probabilities_, model.probabilities_)


def test_chosen_demonstrations_are_private(tiny_lm, texts, tmp_path, monkeypatch):
    corpus = [f"{text} {word} {word}s" for text in texts for word in ("alpha", "bravo", "carol", "delta")] + LONG
    # The language model is random: the last candidate, with two documents, is declared the best.
    scores = iter(np.linspace(0.1, 0.9, 9).tolist())
    monkeypatch.setattr(demonstrations, "agreement", lambda *_: next(scores))
    config = DemonstrationConfig(sizes=(2,), draws=(1,), min_pairs=1, neighborhood=0.5, max_words=8)
    recipe = QUICK.with_options(read__demonstrations=config)
    model = TopicModel(3, recipe=recipe, lm=tiny_lm, inputs="hidden", vocabulary=WORDS, features=None).fit(corpus)
    chosen = model.teacher_.prompts[-1]
    assert (chosen.from_corpus, len(chosen.demonstrations)) == (True, 2)
    for excerpts in (True, False):
        model.save(tmp_path / "model", excerpts=excerpts)
        whole = content(tmp_path / "model")
        kept = [excerpt(text).rstrip("…") if excerpts else "" for text in corpus]
        assert [text for text in kept if text not in whole] == []
        private = [text[len(beginning) :] for text, beginning in zip(corpus, kept, strict=True)]
        assert [piece for text in private for piece in pieces(text) if len(piece) == 20 and piece in whole] == []
        loaded = TopicModel.load(tmp_path / "model")
        assert loaded.get_params(deep=False) == model.get_params(deep=False)
        if excerpts:
            np.testing.assert_allclose(loaded.transform(texts), model.transform(texts), atol=1e-5)
    assert loaded.get_representative_docs(0) == []
    for use in (loaded.transform, loaded.soft_labels):
        with pytest.raises(InputError, match="was shown documents that were not saved with the model; fit it again"):
            use(texts)


@pytest.mark.parametrize("folder", sorted(filter(Path.is_dir, FOLDERS.glob("v*-*"))), ids=lambda path: path.name)
def test_a_stored_model_infers_the_same_mixtures(folder, texts):
    """Of every version; expected are those of the program that stored it."""
    model, expected = TopicModel.load(folder), np.load(f"{folder}.npy")
    hidden = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    arrays = {"hidden": ("hidden", hidden), "embedding": ("embeddings", lengths(texts))}
    options = dict(arrays[name] for name in model.state_.widths if name in arrays)
    texts = texts if model.recipe_.reads_words else None
    np.testing.assert_allclose(model.transform(texts, **options), expected, atol=1e-5)
    np.testing.assert_allclose(model.probabilities_, expected, atol=1e-5)


def test_a_model_with_a_prompt_file_outlives_the_file(texts, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('instruction = "Name it."\n[[demonstrations]]\ntext = "a text"\ntopic = "word"\n')
    recipe = QUICK.with_options(inputs="bow", target="bow", read__prompts=("published", str(path)))
    model = TopicModel(3, recipe=recipe, vocabulary=WORDS, features=None).fit(texts)
    model.save(tmp_path / "model")
    path.unlink()
    assert TopicModel.load(tmp_path / "model").recipe_.read.prompts == model.recipe_.read.prompts


def test_n_topics_changed_after_a_fit_is_not_saved(texts, tmp_path):
    model = TopicModel(3, recipe=replace(QUICK, inputs="bow", target="bow"), vocabulary=WORDS, features=None).fit(texts)
    with pytest.raises(InputError, match="n_topics is 4, the model was fitted with 3"):
        model.set_params(n_topics=4).save(tmp_path / "model")
