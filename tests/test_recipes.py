from dataclasses import replace

import pytest

from softtopic.errors import InputError
from softtopic.recipes import RECIPES, Recipe, get_recipe
from softtopic.teacher.prompts import PROMPTS, Prompt


def test_a_recipe_follows_its_backbone():
    assert get_recipe("paper", "ecrtm") is not get_recipe("paper")
    assert get_recipe("paper", "ecrtm") == RECIPES["paper-ecrtm"]
    assert get_recipe("paper", "prodlda") == RECIPES["paper"] == Recipe()
    assert get_recipe("default", "etm") == replace(RECIPES["default"], backbone="etm")
    assert get_recipe(Recipe(standardise=True), "etm").standardise


def test_inputs_and_targets_are_free_choices():
    chosen = get_recipe("light", inputs="hidden+embedding", target="soft+bow")
    assert (chosen.inputs, chosen.target, chosen.backbone) == ("hidden+embedding", "soft+bow", "prodlda")
    assert chosen.training == RECIPES["light"].training


def test_the_bag_of_words_models_need_no_language_model():
    names = ("prodlda", "zeroshottm", "combinedtm", "etm", "ecrtm", "fastopic")
    assert [RECIPES[name].asks_lm for name in names] == [False] * 6
    assert all(RECIPES[name].target == "bow" for name in names)
    assert RECIPES["default"].asks_lm
    assert get_recipe("default", inputs="embedding").asks_lm
    assert get_recipe("default", target="bow").asks_lm


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": "alphabet"},
        {"backbone": "lda"},
        {"inputs": "word"},
        {"target": "labels"},
        {"bow_share": 0.0},
        {"bow_share": 1.0},
    ],
)
def test_impossible_recipes_are_refused(wrong):
    with pytest.raises(InputError):
        Recipe(**wrong)
    with pytest.raises(InputError, match="combinedtm"):
        get_recipe("secret")


def test_how_many_documents_are_read():
    default, light = RECIPES["default"], RECIPES["light"]
    assert [default.reads(count, None) for count in (10, 2500, 50_000)] == [10, 2500, 2500]
    assert [default.reads(50_000, share) for share in (1.0, 0.5)] == [50_000, 25_000]
    assert replace(light, read_at_most=10).reads(50, None) == 50, "nothing spreads"
    assert replace(default, target="bow").reads(50_000, None) == 50_000
    with pytest.raises(InputError, match="read_at_most is 0"):
        replace(default, read_at_most=0)


def test_of_few_documents_more_is_read():
    for name, prompts in (("default", 2), ("light", 1)):
        counts = (one // prompts for one in (0, 2, 1250, 1252, 5000, 5002, 20_000))
        asked = [get_recipe(name).asks(count) for count in counts]
        assert [one["cut"] for one in asked] == ["head", *2 * ["windows"], "windows-7", "windows-2", "head", "head"]
        assert {one["branches"] for one in asked} == {4}
    paper = {"prompt": [PROMPTS["published"]], "branches": 0, "cut": "head"}
    assert get_recipe("paper").asks(10) == paper


def test_a_recipe_asks_prompts_by_name_and_the_more_it_asks_the_less_is_read_for_each(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('instruction = "Name it."\n')
    recipe = replace(get_recipe("light"), prompts=["tag", str(mine)])
    asked = recipe.asks(1000)
    assert asked["prompt"] == [PROMPTS["tag"], Prompt("Name it.")]
    assert (asked["cut"], replace(recipe, prompts=["tag"]).asks(1000)["cut"]) == ("windows-5", "windows")
    assert get_recipe("light", prompts=["tag"]) == get_recipe("light", prompts="tag")
    for wrong, said in (([], "at least one"), (["x"], "choose one of published")):
        with pytest.raises(InputError, match=said):
            replace(recipe, prompts=wrong)


def test_words_take_the_place_of_hidden_states_that_are_not_read():
    default = RECIPES["default"]
    assert default.sampled().inputs == "embedding+words+tf-idf"
    parts = {
        "hidden": "embedding+words+tf-idf", "embedding": "embedding",
        "words+hidden": "words", "tf-idf+hidden": "tf-idf",
    }  # fmt: skip
    for inputs, sampled in parts.items():
        assert replace(default, inputs=inputs).sampled().inputs == sampled
    assert (default.dropout, default.sampled().dropout) == (None, 0.1)
    assert replace(default, dropout=0.3).sampled().dropout == 0.3, "what was asked for stays"
    assert replace(default, backbone="etm").sampled().dropout is None
    free = {"inputs": False, "target": True}
    with pytest.raises(InputError, match="words of the documents are counted; give texts"):
        replace(default, inputs="hidden+words").suited(free, texts=False, embeddings=True)
