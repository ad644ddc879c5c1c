"""Backbones by name."""

from dataclasses import fields
from typing import Any

import torch

from softtopic.backbones.base import Backbone
from softtopic.backbones.ecrtm import ECRTM, ECRTMConfig
from softtopic.backbones.etm import ETM, ETMConfig
from softtopic.backbones.fastopic import FASTopic, FASTopicConfig
from softtopic.backbones.plsa import PLSA, PLSAConfig
from softtopic.backbones.prodlda import ProdLDA, ProdLDAConfig
from softtopic.errors import InputError

_CLASSES: dict[str, tuple[Any, Any]] = {
    "prodlda": (ProdLDA, ProdLDAConfig),
    "etm": (ETM, ETMConfig),
    "ecrtm": (ECRTM, ECRTMConfig),
    "fastopic": (FASTopic, FASTopicConfig),
    "plsa": (PLSA, PLSAConfig),
}
BACKBONES = tuple(_CLASSES)


def build_backbone(name: str, settings: dict[str, int | float], noise: torch.Generator) -> Backbone:
    """A new backbone; `settings` are fields of its configuration."""
    backbone, config = _CLASSES[check_backbone(name)]
    # Weights are drawn where the generator lives.
    with noise.device:
        return backbone(config(**settings), noise)


def settings_of(name: str, offered: dict[str, int | float | None]) -> dict[str, int | float]:
    """Of the settings offered those the backbone has; None leaves the backbone's own."""
    known = {field.name for field in fields(_CLASSES[check_backbone(name)][1])}
    return {setting: value for setting, value in offered.items() if value is not None and setting in known}


def check_backbone(name: str) -> str:
    """The name itself; raises InputError with the names there are."""
    if name not in _CLASSES:
        raise InputError(f"backbone {name!r} is not known; choose one of {', '.join(BACKBONES)}")
    return name
