"""Layers as the processor likes them: weights laid out once, neighbouring operations in one.

Only for a model on a CPU in bfloat16 or float32, and only through operators torch has for its own compiler. What they
change is rounding, and the probe in `softtopic.lm.engine` checks the result; where the operators are missing or
do not fit, layers stay as they are.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeGuard, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.lm.attention import packed_attention
from softtopic.lm.kernels.attention import rotate
from softtopic.lm.modules.layers import Linear
from softtopic.lm.packed import ROW_MULTIPLE, PackedBatch, TokenTree, pad_rows

_DTYPES = (torch.bfloat16, torch.float32)

# Rows the weights are laid out for: those of a full pack.
_PACK_ROWS = 2048

_GATED = ("gate_proj", "up_proj", "down_proj")
_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
_LAYER = ("self_attn", "mlp", "input_layernorm", "post_attention_layernorm")


class Norm(NamedTuple):
    """RMSNorm (Zhang & Sennrich, 2019)."""

    weight: Float[Tensor, " width"]
    epsilon: float

    def inverse_rms(self, x: Float[Tensor, "tokens width"]) -> Float[Tensor, "tokens 1"]:
        """What tokens are multiplied with before the weights."""
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return (length.square() / x.shape[1] + self.epsilon).rsqrt()

    def unweighted(self, x: Float[Tensor, "tokens width"]) -> Float[Tensor, "tokens width"]:
        """The norm without its weights, which can be folded into the next product."""
        wide = x.float()
        return (wide * self.inverse_rms(wide)).to(x.dtype)


class LayerWeights(NamedTuple):
    """Weights of a decoder layer built as Llama's, and its two norms."""

    attention_norm: Norm
    qkv: Float[Tensor, "out width"]
    output: Float[Tensor, "width heads"]
    mlp_norm: Norm
    gate: Float[Tensor, "inner width"]
    up: Float[Tensor, "inner width"]
    down: Float[Tensor, "width inner"]


class LayerProducts(ABC):
    """The matrix products of a decoder layer, each with the operations next to it.

    Attributes
    ----------
    attention_dtype : torch.dtype
        Format in which attention is computed.
    """

    attention_dtype: torch.dtype

    @abstractmethod
    def qkv(self, x: Tensor) -> Float[Tensor, "tokens out"]:
        """Queries, keys and values of x after its norm."""

    @abstractmethod
    def output(self, attended: Tensor, x: Tensor) -> Float[Tensor, "tokens width"]:
        """X plus the output projection of attention."""

    @abstractmethod
    def mlp(self, x: Tensor) -> Float[Tensor, "tokens width"]:
        """X plus the gated MLP of x after its norm."""


def fuse_linear(body: nn.Module) -> bool:
    """Replace the forward of linear layers and gated MLPs; False, and nothing replaced, where that is not possible."""
    return _replace_forwards(body, _linear_forwards)


def fuse_layers(body: nn.Module, products: Callable[[LayerWeights], LayerProducts] | None = None) -> bool:
    """Replace the forward of whole decoder layers built as Llama's.

    Parameters
    ----------
    body : nn.Module
        The transformer without its output layer.
    products : callable, optional
        Makes the products of one layer after the other; by default they are in the weights' own format.

    Returns
    -------
    bool
        False, and nothing replaced, where a layer is built otherwise.
    """
    return _replace_forwards(body, partial(_layer_forwards, products=products or _FusedProducts))


def pad_linear(body: nn.Module) -> bool:
    """Replace the forward of linear layers by one that multiplies a multiple of `ROW_MULTIPLE` rows.

    A row's result then does not depend on how many there are. False, and nothing replaced, where that is not possible.
    """
    return _replace_forwards(body, _padded_forwards)


def unfuse(body: nn.Module) -> None:
    """Give every layer its own forward back."""
    for module in body.modules():
        module.__dict__.pop("forward", None)


def release_weights(body: nn.Module) -> None:
    """Drop the weights of which replaced forwards hold a copy; `unfuse` is not possible any more."""
    for module in body.modules():
        if "forward" in vars(module):
            for part in module.modules():
                if _is_linear(part):
                    part.weight = nn.Parameter(part.weight.new_empty(0), requires_grad=False)


def _replace_forwards(body: nn.Module, forwards: Callable[[nn.Module], Iterator[tuple[nn.Module, Any]]]) -> bool:
    weight = next(body.parameters())
    if weight.device.type != "cpu" or weight.dtype not in _DTYPES or not torch.backends.mkldnn.is_available():
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
            yield module, _GatedMLP(*(getattr(module, name).weight for name in _GATED))
            inside.update(module.children())
        elif _is_linear(module) and module not in inside:
            yield module, partial(_linear, prepack(module.weight), module.bias)


def _padded_forwards(body: nn.Module) -> Iterator[tuple[nn.Module, Any]]:
    for module in body.modules():
        if _is_linear(module):
            yield module, partial(_padded_linear, prepack(module.weight), module.bias)


def _layer_forwards(
    body: nn.Module, products: Callable[[LayerWeights], LayerProducts]
) -> Iterator[tuple[nn.Module, Any]]:  # fmt: skip
    layers = list(body.layers)  # type: ignore[arg-type]
    for layer in layers:
        yield layer, _DecoderLayer(layer, products(_layer_weights(layer)), last=layer is layers[-1])


def _layer_weights(layer: nn.Module) -> LayerWeights:
    """The weights of a decoder layer; raises TypeError or AttributeError where it is built otherwise than Llama's."""
    attention, mlp, before, after = (getattr(layer, name) for name in _LAYER)
    if set(dict(layer.named_children())) != set(_LAYER) or set(dict(attention.named_children())) != set(_ATTENTION):
        raise TypeError(f"{type(layer).__name__} is built otherwise")
    linear = [getattr(attention, name) for name in _ATTENTION]
    if not _is_gated(mlp) or any(not _is_linear(part) or part.bias is not None for part in linear):
        raise TypeError(f"{type(layer).__name__} is built otherwise")
    query, key, value = (part.weight for part in linear[:3])
    qkv = torch.cat([*(_pairs_together(part, attention.head_dim) for part in (query, key)), value])
    before, after = (Norm(norm.weight, norm.variance_epsilon) for norm in (before, after))
    return LayerWeights(before, qkv, linear[3].weight, after, *(getattr(mlp, name).weight for name in _GATED))


@final
class _DecoderLayer:
    """x + attention(norm(x)), then that + mlp(norm(that)).

    After the last layer only the documents' last tokens matter: it goes on with these alone.
    """

    def __init__(self, layer: nn.Module, products: LayerProducts, *, last: bool) -> None:
        self._attention: Any = layer.self_attn
        self._products = products
        self._last = last
        queries, keys = (getattr(self._attention, name).out_features for name in _ATTENTION[:2])
        self._width: int = self._attention.head_dim
        self._heads = queries // self._width
        self._rotated = (queries + keys) // self._width

    def __call__(
        self,
        hidden_states: Tensor,
        *,
        position_embeddings: tuple[Tensor, Tensor],
        packing: PackedBatch | TokenTree,
        **_: Any,
    ) -> Tensor:
        x = hidden_states[0]
        heads = self._products.qkv(x).unflatten(1, (-1, self._width))
        dtype = self._products.attention_dtype
        rotated = rotate(heads[:, : self._rotated], *position_embeddings, dtype)
        query, key, value = rotated[:, : self._heads], rotated[:, self._heads :], heads[:, self._rotated :].to(dtype)
        if self._last and isinstance(packing, PackedBatch):
            packing.narrowed = True
            ends = packing.last
            rows = torch.tensor([*ends, *[ends[-1]] * (-len(ends) % ROW_MULTIPLE)])
            x, query = x[rows], query[rows]
        attended, _none = packed_attention(
            self._attention, *(part.transpose(0, 1)[None] for part in (query, key, value)),
            packing=packing, scaling=self._attention.scaling,
        )  # fmt: skip
        return self._products.mlp(self._products.output(attended[0].flatten(1), x))[None]


@final
class _FusedProducts(LayerProducts):
    """Products in the weights' own format, with norms folded into them and residuals added by them."""

    def __init__(self, weights: LayerWeights) -> None:
        self.attention_dtype = weights.qkv.dtype
        self._attention_norm, self._mlp_norm = weights.attention_norm, weights.mlp_norm
        self._qkv = prepack(_scaled(weights.qkv, weights.attention_norm.weight.float()))
        self._output = prepack(weights.output)
        self._mlp = _GatedMLP(weights.gate, weights.up, weights.down, weights.mlp_norm.weight.float())

    def qkv(self, x: Tensor) -> Tensor:
        return _linear(self._qkv, None, self._attention_norm.unweighted(x))

    def output(self, attended: Tensor, x: Tensor) -> Tensor:
        return linear_pointwise().binary(attended, x, self._output, None, "add")

    def mlp(self, x: Tensor) -> Tensor:
        return self._mlp(self._mlp_norm.unweighted(x), x)


@final
class _GatedMLP:
    """down(silu(gate(x)) * up(x)) without biases (SwiGLU; Shazeer, 2020), plus a residual where one is given."""

    def __init__(self, gate: Tensor, up: Tensor, down: Tensor, scale: Tensor | None = None) -> None:
        if scale is not None:
            gate, up = (_scaled(part, scale) for part in (gate, up))
        self._gate, self._up, self._down = prepack(gate), prepack(up), prepack(down)

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        gate = linear_pointwise().default(x, self._gate, None, "swish", [], "")
        inner = linear_pointwise().binary(x, gate, self._up, None, "mul")
        if residual is None:
            return _linear(self._down, None, inner)
        return linear_pointwise().binary(inner, residual, self._down, None, "add")


def _is_linear(module: Any) -> TypeGuard[nn.Linear]:
    """Whether a module is a plain linear layer: others may use their weights elsewhere or otherwise."""
    return type(module) in (nn.Linear, Linear)


def _is_gated(module: nn.Module) -> bool:
    layers = [getattr(module, name, None) for name in _GATED]
    plain = all(_is_linear(layer) and layer.bias is None for layer in layers)
    activation = getattr(module, "act_fn", None)
    return plain and type(activation).__name__ in ("SiLU", "SiLUActivation")


def _pairs_together(weight: Float[Tensor, "out width"], head_width: int) -> Float[Tensor, "out width"]:
    """Rows in an order in which both numbers of a pair that is rotated together are neighbours, head by head.

    Llama rotates the first half of a head against the second. Products of queries and keys do not depend on the order.
    """
    heads = weight.unflatten(0, (-1, 2, head_width // 2))
    return heads.transpose(1, 2).flatten(0, 2)


def _scaled(weight: Tensor, scale: Tensor) -> Tensor:
    """Weights with scaled columns, rounded once."""
    return (weight.float() * scale).to(weight.dtype)


def prepack(weight: Tensor) -> Tensor:
    return torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _PACK_ROWS)


def _linear(weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    return linear_pointwise().default(x, weight, bias, "none", [], "")


def _padded_linear(weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    rows = x.flatten(0, -2)
    return _linear(weight, bias, pad_rows(rows))[: len(rows)].view(*x.shape[:-1], -1)


def transposed_product(weight: Float[Tensor, "out width"]) -> Callable[[Tensor], Tensor]:
    """A function from x to x @ weight.T; on a CPU the weight is laid out once, which takes half the time.

    Parameters
    ----------
    weight : tensor of shape (out, width), float32
    """
    if weight.device.type == "cpu" and torch.backends.mkldnn.is_available():
        with suppress(AttributeError, RuntimeError, TypeError):
            return partial(_linear, prepack(weight), None)
    return partial(torch.nn.functional.linear, weight=weight)


def linear_pointwise() -> Any:
    return torch.ops.mkldnn._linear_pointwise
