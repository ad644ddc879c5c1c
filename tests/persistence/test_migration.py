"""Folders written by earlier versions still load; those of version 1 were made by folders/make_version_1.py."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from states import WORDS, save_again

from softtopic import persistence
from softtopic.backbones.registry import name_of
from softtopic.data.tokenizer import LONG_WORD
from softtopic.lm.config import SENTENCE_ENCODER
from softtopic.persistence.folder import VERSION, read_model
from softtopic.recipes import RECIPES

FOLDERS = Path(__file__).parent / "folders"
STORED = sorted(path for path in FOLDERS.glob("v*-*") if path.is_dir())
OLD = [path for path in STORED if path.name.startswith("v1-")]


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("folder", STORED, ids=lambda path: path.name)
def test_a_stored_folder_loads_and_can_be_saved(folder, texts, tmp_path):
    saved_model = persistence.load(folder)
    state, parameters = saved_model.state, saved_model.parameters
    np.testing.assert_array_equal(state.theta, read_model(folder).tensors["theta"])
    np.testing.assert_allclose(state.topic_word.sum(axis=1), 1, atol=1e-5)
    assert (state.n_topics, state.vocabulary.words, len(state.ids)) == (3, WORDS, len(texts))
    persistence.save(state, parameters, tmp_path / "model")
    save_again(persistence.load(tmp_path / "model"), tmp_path / "again")
    assert read_model(tmp_path / "model").version == VERSION
    assert tree(tmp_path / "model") == tree(tmp_path / "again")


@pytest.mark.parametrize("folder", STORED, ids=lambda path: path.name)
def test_stored_folders_are_small(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 60_000


@pytest.mark.parametrize("name", ["prodlda", "etm", "ecrtm", "fastopic", "light", "default"])
def test_settings_of_version_1_are_those_of_today(name):
    """Recipes other than the default have not changed since; these models were trained for less."""
    saved_model = persistence.load(FOLDERS / f"v1-{name}")
    state, parameters = saved_model.state, saved_model.parameters
    today, recipe = RECIPES[name], state.recipe
    assert name_of(recipe.backbone) == name_of(today.backbone)
    if name == "default":
        assert (recipe.graph.agreement, recipe.read.medoids, recipe.read.budget) == (None, None, None)
        today = replace(today, read=recipe.read, training=recipe.training)
    assert recipe.graph == replace(today.graph, n_neighbors=15, n_steps=3, agreement=None)
    # Tokens are found as they were, and in markup too.
    assert recipe.vocabulary == replace(today.vocabulary, token_pattern=LONG_WORD, keep_markup=True)
    assert (state.vocabulary.token_pattern, state.vocabulary.keep_markup) == (LONG_WORD, True)
    # The encoder of English, which then was the only one.
    assert recipe.encoder == replace(today.encoder, name=SENTENCE_ENCODER)
    for part in ("imputation", "words", "groups", "ranking"):
        assert getattr(recipe, part) == getattr(today, part), part
    for part in ("target", "bow_weight", "standardize", "max_training_documents"):
        assert getattr(recipe, part) == getattr(today, part), part
    assert recipe.read == today.read
    assert recipe.training.learning_rate == today.training.learning_rate
    assert recipe.training.theta_weight == today.training.theta_weight
    assert (recipe.training.epochs, recipe.training.batch_size) == (8, 4)
    assert parameters["recipe"] == recipe


def test_inputs_of_version_1():
    assert persistence.load(FOLDERS / "v1-default").state.widths == {"hidden": 6, "embedding": 3}
    saved_model = persistence.load(FOLDERS / "v1-sampled")
    state, parameters = saved_model.state, saved_model.parameters
    assert state.widths == {"embedding": 3, "words": 9, "tf-idf": 11}
    assert (state.encoder, parameters["embedder"]) == (None, None)
    assert persistence.load(FOLDERS / "v1-prodlda").state.encoder is None


def test_examples_chosen_from_the_corpus_are_known_as_such():
    """Version 1 did not say which they were; the recipe did."""
    saved_model = persistence.load(FOLDERS / "v1-sampled")
    state, parameters = saved_model.state, saved_model.parameters
    assert [prompt.from_corpus for prompt in parameters["lm"].prompts] == [False, False, True]
    assert [prompt["from_corpus"] for prompt in state.teacher["prompts"]] == [False, False, True]
    assert state.recipe.read.demonstrations is not None
    assert (parameters["lm"].lm, state.teacher["truncation"], state.teacher["beam_width"]) == ("tiny-lm", "windows", 4)


def test_representative_documents_were_stored_whole():
    from json import loads

    for folder in OLD:
        stored = [topic["representative_documents"] for topic in loads((folder / "topics.json").read_text())["topics"]]
        assert persistence.load(folder).state.representative_docs == stored
