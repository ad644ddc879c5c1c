"""The two files of a model folder that modules are opened from."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn


def read_config(folder: Path) -> dict[str, Any]:
    """The content of config.json."""
    return json.loads((folder / "config.json").read_bytes())


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
    KeyError
        If a weight is missing; what the file holds besides is ignored.
    RuntimeError
        If one has another shape.
    """
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", framework="pt") as file:
        known = set(file.keys())
        if missing := [name for name in model.state_dict() if name not in known]:
            raise KeyError(f"model.safetensors holds no {missing[0]}")
        weights = {name: file.get_tensor(name).to(dtype) for name in model.state_dict()}
    model.load_state_dict(weights, assign=True)
