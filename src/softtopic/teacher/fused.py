"""Linear layers as the processor likes them: weights laid out once, activation and product in the same step.

Only for a model on a CPU in bfloat16, and only through operators torch has for its own compiler. What they change is
rounding, and the probe in `softtopic.teacher.reading` checks the result; where the operators are missing or do not fit,
layers stay as they are.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

# Rows the weights are laid out for: those of a full pack.
_ROWS = 1024

_GATED = ("gate_proj", "up_proj", "down_proj")


def fuse(model: nn.Module) -> bool:
    """Replace the forward of linear layers and gated MLPs inside a model's body; False where that is not possible."""
    weight = next(model.parameters())
    if weight.device.type != "cpu" or weight.dtype != torch.bfloat16 or not torch.backends.mkldnn.is_available():
        return False
    try:
        for module in model.modules():
            if type(module) is nn.Linear:
                vars(module)["forward"] = partial(_linear, _packed(module), module.bias)
        for module in model.modules():
            if _is_gated(module):
                vars(module)["forward"] = partial(_gated, *(getattr(module, name).forward.args[0] for name in _GATED))
    except (AttributeError, NotImplementedError, RuntimeError):
        unfuse(model)
        return False
    return True


def unfuse(model: nn.Module) -> None:
    """Give every layer its own forward back."""
    for module in model.modules():
        module.__dict__.pop("forward", None)


def _packed(layer: nn.Linear) -> Tensor:
    return torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), _ROWS)


def _is_gated(module: nn.Module) -> bool:
    """down(silu(gate(x)) * up(x)), as Llama and its kin have it, without biases."""
    layers = [getattr(module, name, None) for name in _GATED]
    plain = all(type(layer) is nn.Linear and layer.bias is None for layer in layers)
    activation = getattr(module, "act_fn", None)
    return plain and type(activation).__name__ in ("SiLU", "SiLUActivation")


def _linear(weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    return _op().default(x, weight, bias, "none", [], "")


def _gated(gate: Tensor, up: Tensor, down: Tensor, x: Tensor) -> Tensor:
    opened = _op().default(x, gate, None, "swish", [], "")
    return _op().default(_op().binary(x, opened, up, None, "mul"), down, None, "none", [], "")


def _op() -> Any:
    return torch.ops.mkldnn._linear_pointwise
