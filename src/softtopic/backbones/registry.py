"""Backbones by name. Nothing here imports torch before a backbone is built."""

from importlib import import_module
from typing import TYPE_CHECKING

from softtopic.backbones.settings import (
    BackboneSettings,
    ECRTMSettings,
    ETMSettings,
    FASTopicSettings,
    PLSASettings,
    ProdLDASettings,
    Sizes,
)
from softtopic.errors import InputError

if TYPE_CHECKING:
    import torch

    from softtopic.backbones.base import Backbone

# Name, which is also that of the module → settings, and the class in the module.
_REGISTRY: dict[str, tuple[type[BackboneSettings], str]] = {
    "prodlda": (ProdLDASettings, "ProdLDA"),
    "etm": (ETMSettings, "ETM"),
    "ecrtm": (ECRTMSettings, "ECRTM"),
    "fastopic": (FASTopicSettings, "FASTopic"),
    "plsa": (PLSASettings, "PLSA"),
}
BACKBONES = tuple(_REGISTRY)


def check_backbone(name: str) -> str:
    """The name itself; raises InputError with the known names unless it is one of them."""
    if name not in _REGISTRY:
        raise InputError(f"backbone {name!r} is not known; choose one of {', '.join(BACKBONES)}")
    return name


def settings_class(name: str) -> type[BackboneSettings]:
    """The class of a backbone's settings; raises InputError for an unknown name."""
    return _REGISTRY[check_backbone(name)][0]


def default_settings(name: str) -> BackboneSettings:
    """A backbone's default settings; raises InputError for an unknown name."""
    return settings_class(name)()


def name_of(settings: BackboneSettings) -> str:
    """The name of the backbone that settings belong to.

    Examples
    --------
    >>> name_of(PLSASettings(dropout=0.1))
    'plsa'
    """
    for name, (known, _) in _REGISTRY.items():
        if type(settings) is known:
            return name
    raise InputError(f"{type(settings).__name__} belongs to no backbone; give the settings of {', '.join(BACKBONES)}")


def build_backbone(settings: BackboneSettings, sizes: Sizes, rng: "torch.Generator") -> "Backbone":
    """A new backbone with random weights, on the device of the generator.

    Parameters
    ----------
    settings : BackboneSettings
        Hyper-parameters; their class decides which backbone it is.
    sizes : Sizes
        Dimensions.
    rng : torch.Generator
        The only source of randomness.

    Returns
    -------
    Backbone
        In training mode.

    Raises
    ------
    InputError
        If the settings belong to no backbone, or have to be `resolved` first.
    """
    name = name_of(settings)
    backbone = getattr(import_module(f"softtopic.backbones.{name}"), _REGISTRY[name][1])
    with rng.device:
        return backbone(sizes, settings, rng)
