"""The plan decides everything before anything is read."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from softtopic import Teacher, TopicModel
from softtopic.data.corpus import equidistant
from softtopic.errors import AssetError, InputError, LanguageModelError
from softtopic.pipeline.plan import FitOptions, FitPlan, resolve_plan
from softtopic.pipeline.sources import source_of
from softtopic.recipes import RECIPES, MedoidsConfig


def lengths(texts: Sequence[str]) -> np.ndarray:
    return np.array([[len(text), text.count(" "), text.count("e") - 2.0] for text in texts], dtype=np.float32)


def plan_of(texts, lm, **options) -> FitPlan:
    options = {"n_topics": 3, "lm": lm, "vocabulary": 12, "embedder": lengths} | options
    source = source_of(
        texts, soft_labels=None, hidden=None, embeddings=None, features="auto", vocabulary=options["vocabulary"]
    )
    plan = resolve_plan(source, FitOptions(**options))
    return plan.choose_documents(lengths(source.corpus.distinct.texts))


@pytest.fixture(autouse=True)
def nothing_is_read(monkeypatch):
    monkeypatch.setattr(Teacher, "open", lambda *_: pytest.fail("the language model was opened"))
    monkeypatch.setattr(Teacher, "read", lambda *_: pytest.fail("the language model was asked"))


def test_where_features_are_kept_never_changes_what_is_read(texts, tiny_lm, tmp_path):
    recipe = RECIPES["default"].with_options(read__max_documents=8)
    plans = [plan_of(texts, tiny_lm, recipe=recipe, features=kept) for kept in ("auto", None, tmp_path / "kept")]
    for plan in plans:
        assert len(plan.read_rows) == 8
        np.testing.assert_array_equal(plan.read_rows, plans[0].read_rows)
        assert plan.teacher == plans[0].teacher
        assert plan.recipe == plans[0].recipe


def test_inputs_do_not_change_with_the_number_of_documents(texts, tiny_lm):
    for max_documents in (8, 12, None):
        recipe = RECIPES["default"].with_options(**{"read__max_documents": max_documents} if max_documents else {})
        plan = plan_of(texts, tiny_lm, recipe=recipe)
        assert plan.recipe.inputs == "embedding+words+tf-idf"
        assert plan.recipe.backbone == RECIPES["default"].backbone


def test_hidden_states_as_an_input_are_read_of_all_documents(texts, tiny_lm):
    recipe = RECIPES["default"].with_options(read__max_documents=8)
    assert len(plan_of(texts, tiny_lm, recipe=recipe, inputs="hidden+embedding").read) == 12
    assert len(plan_of(texts, tiny_lm, recipe="light", sample=None).read) == 12


def test_documents_are_chosen_by_their_vectors_unless_they_are_many(texts, tiny_lm):
    default = RECIPES["default"].with_options(read__max_documents=5)
    at_random = replace(default, read=replace(default.read, medoids=None))
    many = default.with_options(read__medoids=MedoidsConfig(max_clusters=4))
    rows = [plan_of(texts, tiny_lm, recipe=recipe).read_rows for recipe in (default, at_random, many)]
    np.testing.assert_array_equal(rows[1], equidistant(12, 5))
    np.testing.assert_array_equal(rows[2], rows[1])
    assert rows[0].tolist() != rows[1].tolist()
    unchosen = plan_of(texts, tiny_lm, recipe=default)
    with pytest.raises(ValueError, match="see choose_documents"):
        _ = replace(unchosen, read=None).read_rows


def test_the_order_of_documents_does_not_change_the_plan(texts, tiny_lm):
    recipe = RECIPES["default"].with_options(read__max_documents=5)
    first, second = (plan_of(given, tiny_lm, recipe=recipe) for given in (texts, texts[::-1]))
    assert len(first.read_rows) == 5
    np.testing.assert_array_equal(first.read_rows, second.read_rows)
    assert first.vocabulary == second.vocabulary
    assert first.lines() == second.lines()


def test_the_plan_names_every_decision(texts, tiny_lm):
    plan = plan_of([*texts, texts[0], ""], tiny_lm, sample=0.5)
    language, reading, encoding, training, cost = plan.lines()
    assert language == "language: English (100 % of 12 documents); stop words: 316 English"
    assert "reads 6 of 12 distinct documents; soft labels of the others are predicted" in reading
    assert "2 prompts" in reading
    assert encoding == "sentence encoder: a function of the caller's, 12 documents"
    assert training.startswith(
        f"topic model: plsa, 3 topics over {len(plan.vocabulary)} words, inputs embedding + words + tf-idf, target"
    )
    assert training.endswith("trained on all documents")
    assert cost.startswith("expected: about ")


def test_recipes_without_a_language_model_read_nothing(texts):
    plan = plan_of(texts, "nothing-here", recipe="prodlda")
    assert plan.teacher is None
    assert not len(plan.read)
    assert plan.lines()[1] == "language model: none is needed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": 0.0}, "sample is 0.0; give a share above 0"),
        ({"sample": 1.5}, "sample is 1.5; give a share above 0"),
        ({"sample": 0.5, "inputs": "hidden+embedding"}, "hidden states are an input"),
        ({"sample": 0.5, "recipe": "light"}, "hidden states are an input"),
        ({"sample": 0.5, "inputs": "bow", "target": "soft"}, "predicted from sentence vectors or words"),
        ({"demonstrations": "some"}, "none or auto"),
        ({"n_topics": 13}, "12 distinct documents for 13 topics"),
        ({"lm": "nobody/nothing"}, "language model 'nobody/nothing' is not on this machine"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(texts, tiny_lm, options, message):
    with pytest.raises((InputError, LanguageModelError, AssetError), match=message):
        plan_of(texts, **{"lm": tiny_lm} | options)


def test_a_missing_sentence_encoder_is_named_before_anything_is_read(texts, tiny_lm):
    with pytest.raises(LanguageModelError, match="sentence encoder 'nowhere/at-all' is not here"):
        TopicModel(3, lm=tiny_lm, vocabulary=12, embedder="nowhere/at-all").fit(texts)


def test_a_model_shows_its_plan(texts, tiny_lm):
    model = TopicModel(3, lm=tiny_lm, vocabulary=12, embedder=lengths, sample=0.5)
    assert model.plan(texts).lines() == plan_of(texts, tiny_lm, sample=0.5).lines()


def test_more_topics_than_documents_trained_on_are_refused(texts, tiny_lm):
    recipe = RECIPES["zeroshottm"].with_options(max_training_documents=4)
    with pytest.raises(InputError, match=r"max_training_documents is 4 for 6 topics; give"):
        TopicModel(6, recipe=recipe, lm=tiny_lm, features=None).plan(texts)


def test_the_plan_says_how_many_documents_are_truncated(texts, tiny_lm, tiny_encoder):
    long = [f"{text} " + "and so on " * n for text, n in zip(texts[:4], (10, 40, 200, 400), strict=True)]
    lines = plan_of([*texts, *long], tiny_lm, embedder=tiny_encoder).lines()
    said = (
        "about 3 of 16 documents exceed the 80 tokens that the language model reads, 2 the 256 that the encoder reads"
    )
    assert f"truncated: {said}" in lines
    assert not any("truncated" in line for line in plan_of(texts, tiny_lm).lines())
