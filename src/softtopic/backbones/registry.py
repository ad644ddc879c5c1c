"""Backbones by name."""

import torch

from softtopic.backbones.base import Backbone
from softtopic.backbones.prodlda import ProdLDA, ProdLDAConfig
from softtopic.errors import InputError

BACKBONES = ("prodlda",)


def build_backbone(name: str, settings: dict[str, int | float], noise: torch.Generator) -> Backbone:
    """A new backbone; `settings` are the fields of its configuration."""
    if name not in BACKBONES:
        raise InputError(f"backbone {name!r} is not known; choose one of {', '.join(BACKBONES)}")
    return ProdLDA(ProdLDAConfig(**settings), noise)  # type: ignore[arg-type]
