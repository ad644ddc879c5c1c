"""Layers of a BERT encoder in int8; see `softtopic.lm.int8`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.lm.bert import LayerModules, PackedLayer
from softtopic.lm.devices import format_beside_int8
from softtopic.lm.int8 import BLOCK, quantized, smoothing
from softtopic.lm.kernels import int8 as kernels


class InputRanges(NamedTuple):
    """Largest absolute values of what a layer and its MLP read, by channel: the outputs of LayerNorms."""

    layer: Float[Tensor, " width"]
    mlp: Float[Tensor, " width"]


def int8_layers(model: Any, tokens: Sequence[int]) -> Callable[[nn.Module], PackedLayer]:
    """Calibrate int8 layers on a text read by the model's own forward.

    Parameters
    ----------
    model : transformers.BertModel or softtopic.lm.modules.bert.Bert
        In float32.
    tokens : sequence of int
        Tokens of the calibration text, special ones included.

    Returns
    -------
    callable
        Makes one layer after the other.

    Raises
    ------
    AttributeError, TypeError
        If the model is built otherwise.
    """
    ranges = _input_ranges(model, tokens)
    return lambda layer: Int8Layer(layer, next(ranges))


def _input_ranges(model: Any, tokens: Sequence[int]) -> Iterator[InputRanges]:
    seen: list[Tensor] = []
    with ExitStack() as hooks:
        for layer in model.encoder.layer:
            for part in (layer.attention.self.query, layer.intermediate.dense):
                hooks.enter_context(part.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])))
        model(input_ids=torch.tensor([list(tokens)]))
    ranges = [states[0].abs().amax(0) for states in seen]
    return (InputRanges(*pair) for pair in zip(ranges[::2], ranges[1::2], strict=True))


@final
class Int8Layer(PackedLayer):
    """A layer whose products are in int8 and everything else in float32, attention where bfloat16 is fast in that.

    Parameters
    ----------
    layer : nn.Module
    ranges : InputRanges
        Channels that are large in all tokens are smoothed. The outputs of attention and of GELU have none: smoothing
        adds to their error.
    """

    def __init__(self, layer: nn.Module, ranges: InputRanges) -> None:
        modules = LayerModules.of(layer)
        super().__init__(modules.heads)
        self._attention_dtype = format_beside_int8()
        self._qkv = _affine(modules.qkv_weight, modules.qkv_bias, ranges.layer)
        self._layers = (
            _affine(modules.output.weight, modules.output.bias),
            _affine(modules.inner.weight, modules.inner.bias, ranges.mlp),
            _affine(modules.outer.weight, modules.outer.bias),
        )
        self._norms = (_layer_norm(modules.attention_norm), _layer_norm(modules.mlp_norm))

    def qkv(self, x: Tensor) -> Tensor:
        return kernels.affine(x, self._qkv, self._attention_dtype, BLOCK)

    def output_and_mlp(self, attended: Tensor, x: Tensor) -> Tensor:
        return kernels.output_and_mlp(attended, x, self._layers, self._norms, BLOCK)


def _affine(weight: Tensor, bias: Tensor, ranges: Tensor | None = None) -> kernels.Affine:
    scale = torch.ones(weight.shape[1]) if ranges is None else smoothing(ranges, weight)
    return 1 / scale, quantized(weight * scale), bias.detach()


def _layer_norm(norm: nn.LayerNorm) -> kernels.LayerNorm:
    return norm.weight.detach(), norm.bias.detach(), norm.eps
