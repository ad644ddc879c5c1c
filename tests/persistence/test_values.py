import json
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest

from softtopic.backbones.registry import BACKBONES, default_settings
from softtopic.backbones.settings import BackboneSettings
from softtopic.data.vocabulary import VocabularyConfig
from softtopic.errors import InputError
from softtopic.persistence.values import from_plain, to_plain
from softtopic.recipes import RECIPES, ReadConfig, Recipe
from softtopic.teacher.config import DemonstrationConfig
from softtopic.teacher.prompts import Prompt
from softtopic.training.config import TrainingConfig

PROMPT = Prompt("Name it.", [("A cat sat.", "Animals.", "cats"), ("Rain.", "Water.", "weather")], rationale="Keywords:")

VALUES = [
    *RECIPES.values(),
    replace(
        RECIPES["default"],
        read=ReadConfig(prompts=("published", PROMPT), demonstrations=DemonstrationConfig(sizes=(2, 3))),
        graph=replace(RECIPES["default"].graph, whitening=None),
        vocabulary=VocabularyConfig(min_df=0.25, token_pattern=r"\b\w+\b"),
        max_training_documents=None,
    ),
]


@pytest.mark.parametrize("recipe", VALUES)
def test_recipes_come_back_as_they_were(recipe):
    plain = to_plain(recipe)
    assert from_plain(Recipe, json.loads(json.dumps(plain)), "recipe") == recipe
    assert to_plain(from_plain(Recipe, plain, "recipe")) == plain


@pytest.mark.parametrize("name", BACKBONES)
def test_settings_of_a_backbone_are_stored_with_its_name(name):
    plain = to_plain(default_settings(name))
    assert plain["name"] == name
    assert from_plain(BackboneSettings, plain, "backbone") == default_settings(name)


def test_tuples_come_back_as_tuples():
    assert from_plain(TrainingConfig, to_plain(TrainingConfig(betas=(0.8, 0.9))), "training").betas == (0.8, 0.9)
    assert from_plain(Prompt, to_plain(PROMPT), "prompt").demonstrations == PROMPT.demonstrations


def test_numbers_of_numpy_are_numbers():
    plain = to_plain([np.int64(3), np.float32(0.5), np.bool_(True), {"x": np.float64(2)}])
    assert json.dumps(plain) == '[3, 0.5, true, {"x": 2.0}]'


@dataclass(frozen=True)
class Mixed:
    flag: bool
    count: int | None
    choice: Literal["a", "b"]
    parts: tuple[int, str] | None = None

    def __post_init__(self) -> None:
        if self.count == 13:
            raise InputError("count is 13; give another")


SOUND = {"flag": True, "count": 2, "choice": "a", "parts": [1, "x"]}


def test_a_sound_value():
    assert from_plain(Mixed, SOUND, "mixed") == Mixed(True, 2, "a", (1, "x"))
    assert from_plain(Mixed, SOUND | {"count": None, "parts": None}, "mixed") == Mixed(True, None, "a")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flag": 1}, "mixed.flag is 1; expected true or false"),
        ({"count": True}, "mixed.count is True; expected a whole number or null"),
        ({"count": 2.0}, "mixed.count is 2.0; expected a whole number or null"),
        ({"count": "2"}, "mixed.count is '2'; expected a whole number or null"),
        ({"count": 13}, "mixed: count is 13; give another"),
        ({"choice": "c"}, "mixed.choice is 'c'; expected 'a' or 'b'"),
        ({"parts": [1]}, "mixed.parts has 1 values; expected 2"),
        ({"parts": [1, 2]}, r"mixed.parts\[1\] is 2; expected a string"),
        ({"parts": "1x"}, "mixed.parts is '1x'; expected a list or null"),
        ({"more": 1}, r"mixed has unknown values \['more'\]; expected choice, count, flag, parts"),
    ],
)
def test_anything_else_is_refused_by_its_place(changes, said):
    with pytest.raises(InputError, match=said) as caught:
        from_plain(Mixed, SOUND | changes, "mixed")
    assert "\n" not in str(caught.value)


def test_missing_values_are_named():
    with pytest.raises(InputError, match="mixed lacks choice, count, flag"):
        from_plain(Mixed, {"parts": None}, "mixed")


def test_only_plain_values_are_stored():
    with pytest.raises(InputError, match="function cannot be stored"):
        to_plain(lambda: None)
    with pytest.raises(InputError, match="expected Mixed"):
        from_plain(Mixed, [1], "mixed")
