"""Modules from the two files of a model folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


def open_module(make: Callable[[dict[str, Any]], Model], folder: Path, dtype: torch.dtype) -> Model:
    """Open a folder with config.json and model.safetensors, on the CPU.

    Parameters
    ----------
    make : callable
        From the content of config.json to a module without its weights.
    folder : Path
    dtype : torch.dtype
        Format of the weights in memory.

    Raises
    ------
    ValueError, RuntimeError
        If the files hold another architecture.
    OSError, SafetensorError
        If they cannot be read.
    """
    model = make(json.loads((folder / "config.json").read_bytes()))
    load_weights(model, folder, dtype)
    return model


def known_settings(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The settings of these names; raises ValueError if one is missing."""
    if missing := [name for name in names if settings.get(name) is None]:
        raise ValueError(f"config.json lacks {missing[0]}")
    return {name: settings[name] for name in names}


def load_weights(model: nn.Module, folder: Path, dtype: torch.dtype) -> None:
    """Give a model the weights of model.safetensors.

    Parameters
    ----------
    model : nn.Module
    folder : Path
    dtype : torch.dtype
        Format of the weights in memory.

    Raises
    ------
    ValueError
        If a weight is missing; what the file holds besides is ignored.
    RuntimeError
        If one has another shape.
    """
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", framework="pt") as file:
        known = set(file.keys())
        if missing := [name for name in model.state_dict() if name not in known]:
            raise ValueError(f"model.safetensors lacks {missing[0]}")
        weights = {name: file.get_tensor(name).to(dtype) for name in model.state_dict()}
    model.load_state_dict(weights, assign=True)
