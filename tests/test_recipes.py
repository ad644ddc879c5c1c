from dataclasses import replace

import pytest

from softtopic.backbones.settings import ECRTMSettings, ETMSettings, PLSASettings, ProdLDASettings
from softtopic.errors import InputError
from softtopic.recipes import RECIPES, ReadConfig, Recipe, get_recipe
from softtopic.teacher.prompts import PROMPTS, Prompt


def test_a_recipe_follows_its_backbone():
    assert get_recipe("paper", "ecrtm") == RECIPES["paper-ecrtm"]
    assert get_recipe("paper", "prodlda") == RECIPES["paper"] == Recipe()
    assert get_recipe("default", "etm") == replace(RECIPES["default"], backbone=ETMSettings())
    assert get_recipe("default", "plsa") == RECIPES["default"], "settings of the recipe's own backbone stay"
    assert get_recipe("default", PLSASettings(n_hidden=64)).backbone == PLSASettings(n_hidden=64)
    assert get_recipe(Recipe(standardize=True), "etm").standardize


def test_nested_settings_are_reached_by_name():
    recipe = RECIPES["default"].with_options(
        read__beam_width=8, training__epochs=5, backbone__n_hidden=32, graph__whitening__n_classes=7
    )
    assert (recipe.read.beam_width, recipe.training.epochs, recipe.backbone.n_hidden) == (8, 5, 32)
    assert recipe.graph.whitening.n_classes == 7
    assert recipe.read.prompts == RECIPES["default"].read.prompts
    assert recipe.target == RECIPES["default"].target


def test_none_is_a_setting_of_a_recipe_and_leaves_it_as_it_is_where_options_are_none():
    assert RECIPES["default"].with_options(max_training_documents=None).max_training_documents is None
    assert RECIPES["default"].with_options(training__batch_size=None).training.batch_size is None
    assert get_recipe("default", None, target=None, training__batch_size=None) == RECIPES["default"]


@pytest.mark.parametrize("name", ["beam_width", "read__beam", "target__beam_width", "read__beam_width__more"])
def test_unknown_settings_are_named(name):
    with pytest.raises(InputError, match=r"has no setting .*; choose from "):
        RECIPES["default"].with_options(**{name: 1})


def test_bag_of_words_recipes_need_no_language_model():
    names = ("prodlda", "zeroshottm", "combinedtm", "etm", "ecrtm", "fastopic")
    assert [RECIPES[name].needs_lm for name in names] == [False] * 6
    assert all(RECIPES[name].target == "bow" for name in names)
    assert RECIPES["default"].needs_lm
    assert get_recipe("light", target="bow").needs_lm, "hidden states are an input"
    assert not get_recipe("default", target="bow").needs_lm


def test_new_documents_of_the_default_recipe_need_no_language_model():
    assert "hidden" not in RECIPES["default"].inputs


@pytest.mark.parametrize(
    "options",
    [
        {"ranking__order": "alphabet"},
        {"inputs": "word"},
        {"target": "labels"},
        {"bow_weight": 0.0},
        {"bow_weight": 1.0},
        {"max_training_documents": 1},
        {"read__max_documents": 0},
        {"read__max_chunks": 1},
        {"read__beam_width": -1},
        {"read__calibration": "magic"},
        {"read__calibration_strength": 3.0},
        {"read__prompts": ()},
        {"graph__restart": 1.5},
        {"graph__n_neighbors": 0},
        {"graph__inverse_temperature": float("nan")},
        {"imputation__alpha": 0.0},
        {"words__n_lsa_components": 0},
    ],
)
def test_impossible_settings_are_refused_in_one_line(options):
    with pytest.raises(InputError) as caught:
        Recipe().with_options(**options)
    assert "\n" not in str(caught.value)


def test_unknown_recipes_list_the_known():
    with pytest.raises(InputError, match="combinedtm"):
        get_recipe("secret")
    with pytest.raises(InputError, match="backbone 'lda' is not known; choose one of prodlda"):
        get_recipe("default", "lda")


def test_the_fewer_documents_the_more_is_read_of_each():
    for n_prompts in (1, 2):
        read = RECIPES["light"].with_options(read__prompts=("published", "four-shot")[:n_prompts]).read
        counts = (one // n_prompts for one in (1250, 1252, 5000, 5002, 20_000))
        options = [read.teacher_options(count) for count in (None, *counts)]
        truncations = ["head", "windows", "windows-7", "windows-2", "head", "head"]
        assert [one["truncation"] for one in options] == truncations
        assert {one["beam_width"] for one in options} == {4}
    assert {RECIPES["default"].read.teacher_options(count)["truncation"] for count in (None, 10, 10_000)} == {"head"}
    paper = {"prompt": [PROMPTS["published"]], "beam_width": 0, "max_tokens": 160, "truncation": "head"}
    assert paper.items() <= RECIPES["paper"].read.teacher_options(10).items()


def test_prompts_are_names_files_or_prompts(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('instruction = "Name it."\n')
    read = ReadConfig(prompts=("published", str(path), Prompt("Say it.")))
    path.unlink()
    assert read.prompts == ("published", Prompt("Name it."), Prompt("Say it."))
    assert len(read.teacher_options(10)["prompt"]) == 3
    with pytest.raises(InputError, match="one of published"):
        ReadConfig(prompts="nonsense")


def test_the_settings_of_published_models():
    assert RECIPES["paper"].backbone == ProdLDASettings()
    assert RECIPES["paper-ecrtm"].backbone == ECRTMSettings()
    assert (RECIPES["paper"].training.temperature, RECIPES["paper"].training.distillation_weight) == (3.0, 1000.0)
