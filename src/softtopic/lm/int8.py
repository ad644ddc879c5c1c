"""Products in int8: 2.5 to 4 times as fast as in float32 on processors with VNNI or AVX2 and without AMX.

Weights are quantised by row, activations by token, so that what a token gives does not depend on the others. Two things
would be lost in that, and are not: channels that are large in every token are scaled down and their weights up
(SmoothQuant; Xiao et al., 2023), and tokens of which one channel is nearly all are multiplied in float32.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from softtopic.lm.devices import MAX_PAIR_SUM, Int8Weight, format_beside_int8, int8_weight
from softtopic.lm.fused import LayerProducts, LayerWeights, Norm
from softtopic.lm.kernels import int8 as kernels
from softtopic.lm.packed import ROW_MULTIPLE

# Rows that go through several operations before the next ones do, so that intermediate values stay in the cache.
BLOCK = 512

# SmoothQuant's migration strength: how much of a channel's range its weights take over; 1/2 in the publication. With
# less, activations lose precision; with more, weights do.
_MIGRATION_STRENGTH = 0.6

# A token is an outlier if its largest value is this share of its Euclidean norm.
_OUTLIER_SHARE = 0.9

# Text by which the usual range of each channel is estimated.
CALIBRATION_TEXT = (
    "The committee met on Tuesday, March 4, 2014, and agreed to spend $3.2 million (12% more than in 2013) on the new "
    "hospital.\nHow do I sort a list of dictionaries by two keys in Python? def key(x): return x['name'], -x['age']\n"
    "Patients with chronic kidney disease were treated for 24 weeks; side effects were mild.\nlol just saw the game, "
    "what a goal!! #football @friend http://example.org\nLe gouvernement a annoncé hier une réforme des retraites. Die "
    "Zahl der Bewerber ist gestiegen."
)

# This and the next also stand in `softtopic.lm.kernels.int8`: TorchScript knows no constants of modules.
_MAX_INT8 = 127.0

_TINY = 1e-30


class ActivationRanges(NamedTuple):
    """Largest absolute values before the products of one layer, by channel, after its norms."""

    qkv: Float[Tensor, " width"]
    mlp: Float[Tensor, " width"]
    inner: Float[Tensor, " inner"]


def int8_products(model: Any, tokens: Sequence[int]) -> Callable[[LayerWeights], LayerProducts] | None:
    """Calibrate int8 products on a text read by the model's own forward.

    Parameters
    ----------
    model : transformers.PreTrainedModel or softtopic.lm.modules.llama.Llama
        A causal language model in float32.
    tokens : sequence of int
        Tokens of the calibration text.

    Returns
    -------
    callable or None
        Makes the products of one layer after the other; None for a model whose layers are built otherwise than Llama's.
    """
    try:
        ranges = iter(_activation_ranges(model, tokens))
    except (AttributeError, TypeError):
        return None
    return lambda weights: Int8Products(weights, next(ranges))


def _activation_ranges(model: Any, tokens: Sequence[int]) -> list[ActivationRanges]:
    """Without the first token, which may be an attention sink, one huge channel, and not what the others are like."""
    seen: list[list[Tensor]] = []
    with ExitStack() as hooks:
        for layer in model.base_model.layers:
            own: list[Tensor] = []
            seen.append(own)
            for part in (layer.input_layernorm, layer.post_attention_layernorm):
                hooks.enter_context(part.register_forward_hook(lambda _, __, out, own=own: own.append(out)))
            down = layer.mlp.down_proj
            hooks.enter_context(down.register_forward_pre_hook(lambda _, inputs, own=own: own.append(inputs[0])))
        model(input_ids=torch.tensor([list(tokens)]), use_cache=False, logits_to_keep=1)
    return [ActivationRanges(*(values[0, 1:].abs().amax(0) for values in own)) for own in seen]


@final
class Int8Products(LayerProducts):
    """The products of a decoder layer in int8, residuals added in float32."""

    def __init__(self, weights: LayerWeights, ranges: ActivationRanges) -> None:
        self.attention_dtype = format_beside_int8()
        scale = smoothing(ranges.qkv, weights.qkv)
        self._attention_norm = Norm(weights.attention_norm.weight / scale, weights.attention_norm.epsilon)
        self._qkv = quantized(weights.qkv * scale)
        self._output = quantized(weights.output)
        scale = smoothing(ranges.mlp, torch.cat([weights.gate, weights.up]))
        self._mlp_norm = Norm(weights.mlp_norm.weight / scale, weights.mlp_norm.epsilon)
        self._gate = quantized(weights.gate * scale)
        # The inner channels are scaled down by the weights they come from.
        inner = smoothing(ranges.inner, weights.down)
        self._up = quantized(weights.up * scale / inner[:, None])
        self._exact_down = weights.down * inner
        self._down = quantized(self._exact_down)

    def qkv(self, x: Tensor) -> Tensor:
        return kernels.normed_product(x, self._attention_norm, self._qkv, BLOCK)

    def output(self, attended: Tensor, x: Tensor) -> Tensor:
        return kernels.residual_product(attended, x, self._output, BLOCK)

    def mlp(self, x: Tensor) -> Tensor:
        weights = self._gate, self._up, self._down
        outliers = _OUTLIER_SHARE, ROW_MULTIPLE
        return kernels.gated_mlp(x, self._mlp_norm, weights, self._exact_down, outliers, BLOCK)


def quantized(weight: Float[Tensor, "out channels"]) -> Int8Weight:
    """A weight rounded by row."""
    pairs = F.pad(weight.abs(), (0, weight.shape[1] % 2)).unflatten(1, (-1, 2))
    steps = torch.maximum(pairs.amax((1, 2)) / _MAX_INT8, pairs.sum(2).amax(1) / MAX_PAIR_SUM).clamp_min(_TINY)
    return int8_weight((weight / steps[:, None]).round().to(torch.int8), steps)


def smoothing(
    ranges: Float[Tensor, " channels"], weight: Float[Tensor, "out channels"]
) -> Float[Tensor, " channels"]:  # fmt: skip
    """What each channel is divided by, and its weights multiplied with (SmoothQuant, equation 4)."""
    sizes = weight.abs().amax(0).clamp_min(1e-5)
    return ranges.clamp_min(1e-5) ** _MIGRATION_STRENGTH / sizes ** (1 - _MIGRATION_STRENGTH)
