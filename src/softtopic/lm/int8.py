"""Products in 8 bits: 2.5 to 4 times as fast as in float32 on processors that multiply bytes, but have no tiles.

Weights are rounded by row, activations by token, so that what a token gives does not depend on the others. Two things
would be lost in that, and are not: channels that are large in every token are made smaller and their weights larger
(SmoothQuant; Xiao et al., 2023), and a token that is little but a spike is multiplied in float32.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from softtopic.lm.devices import MAX_PAIR_SUM, int8_product
from softtopic.lm.fused import Norm, Products, Weights
from softtopic.lm.packed import ROWS

# Rows that go through several operations before the next ones do, so that what lies between stays in the cache.
_BLOCK = 512

# How much of a channel's size its weights take over; 1/2 in the publication. Below it tokens lose, above it weights.
_SHARE = 0.6

# A token whose largest value is so much of its length (the root of the sum of squares) is a spike.
_SPIKE = 0.9

# What tokens are usually like is seen on this.
TEXT = (
    "The committee met on Tuesday, March 4, 2014, and agreed to spend $3.2 million (12% more than in 2013) on the new "
    "hospital.\nHow do I sort a list of dictionaries by two keys in Python? def key(x): return x['name'], -x['age']\n"
    "Patients with chronic kidney disease were treated for 24 weeks; side effects were mild.\nlol just saw the game, "
    "what a goal!! #football @friend http://example.org\nLe gouvernement a annoncé hier une réforme des retraites. Die "
    "Zahl der Bewerber ist gestiegen."
)

_LARGEST = 127.0

_TINY = 1e-30


class Ranges(NamedTuple):
    """The largest values seen before the products of one layer, by channel, after its norms."""

    opening: Float[Tensor, " width"]
    mlp: Float[Tensor, " width"]
    gated: Float[Tensor, " inner"]


def int8_products(model: Any, tokens: Sequence[int]) -> Callable[[Weights], Products] | None:
    """What makes the products of one layer after the other, fitted to tokens that the model's own forward reads.

    None for a model whose layers are built otherwise than Llama's.
    """
    try:
        ranges = iter(_ranges(model, tokens))
    except (AttributeError, TypeError):
        return None
    return lambda weights: Int8Products(weights, next(ranges))


def _ranges(model: Any, tokens: Sequence[int]) -> list[Ranges]:
    """Without the first token, which may be one spike whatever it is, and is not what the others are like."""
    found: list[list[Tensor]] = []
    with ExitStack() as hooks:
        for layer in model.base_model.layers:
            into: list[Tensor] = []
            found.append(into)
            for part in (layer.input_layernorm, layer.post_attention_layernorm):
                hooks.enter_context(part.register_forward_hook(lambda _, __, out, into=into: into.append(out)))
            down = layer.mlp.down_proj
            hooks.enter_context(down.register_forward_pre_hook(lambda _, inputs, into=into: into.append(inputs[0])))
        model(input_ids=torch.tensor([list(tokens)]), use_cache=False, logits_to_keep=1)
    return [Ranges(*(seen[0, 1:].abs().amax(0) for seen in into)) for into in found]


class Rounded(NamedTuple):
    """Tokens as 8-bit numbers times a step of their own."""

    values: UInt8[Tensor, "tokens channels"]  # 128 more than the number
    steps: Float[Tensor, "tokens 1"]

    @classmethod
    def of(cls, x: Float[Tensor, "tokens channels"]) -> "Rounded":
        """To the nearest; a token of zeros stays one."""
        largest = torch.maximum(x.amax(1, keepdim=True), x.amin(1, keepdim=True).neg_())
        steps = largest.clamp_min_(_TINY).div_(_LARGEST)
        signed = (x / steps).round_().to(torch.int8)
        return cls(signed.view(torch.uint8).bitwise_xor_(128), steps)


@final
class Int8Products(Products):
    """The products of a decoder layer in 8 bits, sums in float32 (see `softtopic.lm.fused.Products`)."""

    def __init__(self, weights: Weights, ranges: Ranges) -> None:
        smaller = _smaller(ranges.opening, weights.joined)
        self._before = Norm(weights.before.weight / smaller, weights.before.epsilon)
        self._joined = _product(weights.joined * smaller)
        self._width = len(weights.joined)
        self._out = _product(weights.out)
        smaller = _smaller(ranges.mlp, torch.cat([weights.gate, weights.up]))
        self._after = Norm(weights.after.weight / smaller, weights.after.epsilon)
        self._gate = _product(weights.gate * smaller)
        # What makes the inner channels smaller is done by the weights they come from.
        inner = _smaller(ranges.gated, weights.down)
        self._up = _product(weights.up * smaller / inner[:, None])
        self._exact = weights.down * inner
        self._down = _product(self._exact)

    def opening(self, x: Tensor) -> Tensor:
        out = x.new_empty(len(x), self._width)
        for rows, into in zip(x.split(_BLOCK), out.split(_BLOCK), strict=True):
            rounded = _normed(rows, self._before)
            torch.mul(self._joined(rounded.values), rounded.steps, out=into)
        return out

    def closing(self, attended: Tensor, x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        for found, rows, into in zip(*(side.split(_BLOCK) for side in (attended, x, out)), strict=True):
            rounded = Rounded.of(found)
            torch.addcmul(rows, self._out(rounded.values), rounded.steps, out=into)
        return out

    def mlp(self, x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        for rows, into in zip(x.split(_BLOCK), out.split(_BLOCK), strict=True):
            rounded = _normed(rows, self._after)
            # The steps of what the gate opens can wait: the last product's own are theirs times these.
            inner = F.silu(self._gate(rounded.values).mul_(rounded.steps)).mul_(self._up(rounded.values))
            last = Rounded.of(inner)
            found = self._down(last.values).mul_(last.steps)
            spikes = _spikes(inner, last.steps)
            if len(spikes):
                # To full rows: the last bit of a smaller product depends on how many there are, and is enough to round
                # elsewhere to another number.
                padded = F.pad(inner[spikes], (0, 0, 0, -len(spikes) % ROWS))
                found[spikes] = F.linear(padded, self._exact)[: len(spikes)]
            torch.addcmul(rows, found, rounded.steps, out=into)
        return out


def _product(
    weight: Float[Tensor, "out channels"],
) -> Callable[[UInt8[Tensor, "tokens channels"]], Float[Tensor, "tokens out"]]:
    """X @ weight.T for the values of x, not yet times its steps; the weight is rounded by row, see `int8_product`."""
    pairs = F.pad(weight.abs(), (0, weight.shape[1] % 2)).unflatten(1, (-1, 2))
    steps = torch.maximum(pairs.amax((1, 2)) / _LARGEST, pairs.sum(2).amax(1) / MAX_PAIR_SUM).clamp_min(_TINY)
    return int8_product((weight / steps[:, None]).round().to(torch.int8), steps)


def _normed(x: Float[Tensor, "tokens width"], norm: Norm) -> Rounded:
    """Norm and rounding in one: what a norm multiplies a token with is part of its step."""
    rounded = Rounded.of(x * norm.weight)
    return Rounded(rounded.values, rounded.steps * norm.shrinking(x))


def _spikes(x: Float[Tensor, "tokens channels"], steps: Float[Tensor, "tokens 1"]) -> Int[Tensor, " spikes"]:
    """Tokens that are little but a spike: to 8 bits the rest of them is nothing."""
    return (steps[:, 0] * _LARGEST > _SPIKE * torch.linalg.vector_norm(x, dim=1)).nonzero()[:, 0]


def _smaller(largest: Float[Tensor, " channels"], weight: Float[Tensor, "out channels"]) -> Float[Tensor, " channels"]:
    """What each channel is divided by, and its weights multiplied with."""
    sizes = weight.abs().amax(0).clamp_min(1e-5)
    return largest.clamp_min(1e-5) ** _SHARE / sizes ** (1 - _SHARE)
