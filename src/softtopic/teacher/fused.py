"""Layers as the processor likes them: weights laid out once, neighbouring operations in one.

Only for a model on a CPU in bfloat16 or float32, and only through operators torch has for its own compiler. What they
change is rounding, and the probe in `softtopic.teacher.reading` checks the result; where the operators are missing or
do not fit, layers stay as they are.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.teacher.attention import packed_attention
from softtopic.teacher.packed import ROWS, Branching, Packing

_FORMATS = (torch.bfloat16, torch.float32)

# Rows the weights are laid out for: those of a full pack.
_ROWS = 2048

_GATED = ("gate_proj", "up_proj", "down_proj")
_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
_LAYER = ("self_attn", "mlp", "input_layernorm", "post_attention_layernorm")


def fuse_linear(body: nn.Module) -> bool:
    """Replace the forward of linear layers and gated MLPs; False, and nothing replaced, where that is not possible."""
    return _replace(body, _linear_forwards)


def fuse_layers(body: nn.Module) -> bool:
    """Replace the forward of whole decoder layers built as Llama's are; False where there are others."""
    return _replace(body, _layer_forwards)


def unfuse(body: nn.Module) -> None:
    """Give every layer its own forward back."""
    for module in body.modules():
        module.__dict__.pop("forward", None)


def let_go(body: nn.Module) -> None:
    """Drop the weights that replaced forwards hold a copy of. There is no way back to the layers' own."""
    for module in body.modules():
        if "forward" in vars(module):
            for part in module.modules():
                if type(part) is nn.Linear:
                    part.weight = nn.Parameter(part.weight.new_empty(0), requires_grad=False)


def _replace(body: nn.Module, forwards: Callable[[nn.Module], Iterator[tuple[nn.Module, Any]]]) -> bool:
    weight = next(body.parameters())
    if weight.device.type != "cpu" or weight.dtype not in _FORMATS or not torch.backends.mkldnn.is_available():
        return False
    try:
        for module, forward in list(forwards(body)):
            vars(module)["forward"] = forward
    except (AttributeError, RuntimeError, TypeError):
        return False
    return True


def _linear_forwards(body: nn.Module) -> Iterator[tuple[nn.Module, Any]]:
    inside: set[nn.Module] = set()
    for module in body.modules():
        if _is_gated(module):
            yield module, _Gated(module)
            inside.update(module.children())
        elif type(module) is nn.Linear and module not in inside:
            yield module, partial(_linear, _packed(module.weight), module.bias)


def _layer_forwards(body: nn.Module) -> Iterator[tuple[nn.Module, Any]]:
    layers = list(body.layers)  # type: ignore[arg-type]
    for layer in layers:
        yield layer, _Layer(layer, last=layer is layers[-1])


@final
class _Layer:
    """x + attention(norm(x)), then that + mlp(norm(that)): norms folded into the products, sums done by them.

    After the last layer only the documents' last tokens matter: it goes on with these alone.
    """

    def __init__(self, layer: nn.Module, *, last: bool) -> None:
        attention, mlp, before, after = (getattr(layer, name) for name in _LAYER)
        if set(dict(layer.named_children())) != set(_LAYER) or set(dict(attention.named_children())) != set(_ATTENTION):
            raise TypeError(f"{type(layer).__name__} is built otherwise")
        linear = [getattr(attention, name) for name in _ATTENTION]
        if not _is_gated(mlp) or any(type(part) is not nn.Linear or part.bias is not None for part in linear):
            raise TypeError(f"{type(layer).__name__} is built otherwise")
        self._attention = attention
        self._last = last
        self._epsilons: tuple[float, float] = (before.variance_epsilon, after.variance_epsilon)
        scale = before.weight.float()
        self._qkv = _packed(torch.cat([_scaled(part.weight, scale) for part in linear[:3]]))
        self._out = _packed(linear[3].weight)
        self._mlp = _Gated(mlp, after.weight.float())
        self._width: int = attention.head_dim
        self._rotated = (linear[0].out_features + linear[1].out_features) // self._width
        self._heads = linear[0].out_features // self._width

    def __call__(
        self,
        hidden_states: Tensor,
        *,
        position_embeddings: tuple[Tensor, Tensor],
        packing: Packing | Branching,
        **_: Any,
    ) -> Tensor:
        x = hidden_states[0]
        heads = _linear(self._qkv, None, _norm(x, self._epsilons[0])).unflatten(1, (-1, self._width))
        rotated = _rotate(heads[:, : self._rotated], *position_embeddings)
        query, key, value = rotated[:, : self._heads], rotated[:, self._heads :], heads[:, self._rotated :]
        if self._last and isinstance(packing, Packing):
            packing.narrowed = True
            ends = packing.last
            rows = torch.tensor([*ends, *[ends[-1]] * (-len(ends) % ROWS)])
            x, query = x[rows], query[rows]
        attended, _none = packed_attention(
            self._attention, *(part.transpose(0, 1)[None] for part in (query, key, value)),
            packing=packing, scaling=self._attention.scaling,
        )  # fmt: skip
        x = _op().binary(attended[0].flatten(1), x, self._out, None, "add")
        return self._mlp(_norm(x, self._epsilons[1]), x)[None]


@final
class _Gated:
    """down(silu(gate(x)) * up(x)), as Llama and its kin have it, without biases; plus a residual where given one."""

    def __init__(self, mlp: nn.Module, scale: Tensor | None = None) -> None:
        gate, up, down = (getattr(mlp, name).weight for name in _GATED)
        if scale is not None:
            gate, up = (_scaled(part, scale) for part in (gate, up))
        self._gate, self._up, self._down = _packed(gate), _packed(up), _packed(down)

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        opened = _op().default(x, self._gate, None, "swish", [], "")
        opened = _op().binary(x, opened, self._up, None, "mul")
        if residual is None:
            return _linear(self._down, None, opened)
        return _op().binary(opened, residual, self._down, None, "add")


def _is_gated(module: nn.Module) -> bool:
    layers = [getattr(module, name, None) for name in _GATED]
    plain = all(type(layer) is nn.Linear and layer.bias is None for layer in layers)
    activation = getattr(module, "act_fn", None)
    return plain and type(activation).__name__ in ("SiLU", "SiLUActivation")


def _norm(x: Float[Tensor, "tokens width"], epsilon: float) -> Float[Tensor, "tokens width"]:
    """Divide by the root of the mean square; the norm's own weights are folded into what follows."""
    wide = x.float()
    length = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
    return (wide * (length.square() / x.shape[1] + epsilon).rsqrt()).to(x.dtype)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Float[Tensor, "tokens heads width"]:
    """Rotary positions (Su et al., 2021), each half of a head turned against the other."""
    half = x.shape[-1] // 2
    sign = torch.cat([-sin[..., :half], sin[..., half:]], dim=-1)
    return (x * cos[0, :, None]).addcmul_(torch.roll(x, half, dims=-1), sign[0, :, None])


def _scaled(weight: Tensor, scale: Tensor) -> Tensor:
    """What a product gives of rows scaled by column, rounded once."""
    return (weight.float() * scale).to(weight.dtype)


def _packed(weight: Tensor) -> Tensor:
    return torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS)


def _linear(weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    return _op().default(x, weight, bias, "none", [], "")


def _op() -> Any:
    return torch.ops.mkldnn._linear_pointwise
