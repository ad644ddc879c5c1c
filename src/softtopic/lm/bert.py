"""Forward pass of a BERT encoder over varlen batches, without padding tokens.

Texts lie end to end in one matrix of tokens, sorted by length. Linear layers multiply that matrix; attention is
computed for texts of equal length together. Products carry their bias, activation and residual, through operators torch
has for its own compiler.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.lm import fused
from softtopic.lm.packed import pad_rows

_DTYPES = (torch.bfloat16, torch.float32)

# Scores of texts that are computed together, so that they stay in the processor's cache.
_SCORES = 1 << 19

# Sums of exponentials of smaller scores are exact in every format.
_MAX_SCORE = 50.0


class Run(NamedTuple):
    """Consecutive texts of equal length."""

    rows: slice  # of their tokens
    texts: int
    length: int


class PackedBert:
    """Sentence vectors of a BERT encoder on a CPU: means over tokens of its last states.

    Parameters
    ----------
    model : transformers.BertModel or softtopic.lm.modules.bert.Bert
    packed_layer : callable, optional
        Makes the layers, one after the other; by default they are in the weights' own format.

    Raises
    ------
    TypeError, AttributeError, RuntimeError
        If the model is built otherwise, is on another device or in another number format, or torch lacks the operators.
    """

    def __init__(self, model: Any, packed_layer: "Callable[[nn.Module], PackedLayer] | None" = None) -> None:
        weight = model.embeddings.word_embeddings.weight
        if model.config.model_type != "bert" or model.config.hidden_act != "gelu":
            raise TypeError(f"{type(model).__name__} is no BERT encoder with exact GELU")
        if weight.device.type != "cpu" or weight.dtype not in _DTYPES or not torch.backends.mkldnn.is_available():
            raise TypeError(f"no packed products in {weight.dtype} on {weight.device}")
        self._words = weight
        embeddings = model.embeddings
        self._positions = embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        self._norm = embeddings.LayerNorm
        self._layers = [(packed_layer or FusedLayer)(layer) for layer in model.encoder.layer]

    def __call__(self, texts: Sequence[Sequence[int]]) -> Float[Tensor, "texts width"]:
        """Mean states of texts, those of equal length next to each other.

        Parameters
        ----------
        texts : sequence of sequences of int
            Tokens, special ones included.
        """
        runs, start = [], 0
        for length, group in groupby(map(len, texts)):
            count = sum(1 for _ in group)
            runs.append(Run(slice(start, start + count * length), count, length))
            start += count * length
        tokens = torch.tensor([token for text in texts for token in text])
        positions = torch.cat([torch.arange(length).repeat(count) for _, count, length in runs])
        x = pad_rows(self._norm(self._words[tokens] + self._positions[positions]))
        for layer in self._layers:
            x = layer(x, runs)
        return torch.cat([x[rows].view(count, length, -1).float().mean(dim=1) for rows, count, length in runs])


class PackedLayer(ABC):
    """Self-attention and MLP of a BERT layer, each followed by its residual and LayerNorm.

    Parameters
    ----------
    heads : int
        Number of attention heads.
    """

    def __init__(self, heads: int) -> None:
        self._heads = heads

    @abstractmethod
    def qkv(self, x: Float[Tensor, "tokens width"]) -> Float[Tensor, "tokens three_widths"]:
        """Queries, keys and values."""

    @abstractmethod
    def output_and_mlp(
        self, attended: Float[Tensor, "tokens width"], x: Float[Tensor, "tokens width"]
    ) -> Float[Tensor, "tokens width"]:
        """What follows attention."""

    def __call__(self, x: Float[Tensor, "tokens width"], runs: Sequence[Run]) -> Float[Tensor, "tokens width"]:
        return self.output_and_mlp(self._attend(self.qkv(x), runs), x)

    def _attend(self, qkv: Float[Tensor, "tokens three_widths"], runs: Sequence[Run]) -> Float[Tensor, "tokens width"]:
        out = qkv.new_empty(len(qkv), qkv.shape[1] // 3)
        out[runs[-1].rows.stop :] = 0  # padding
        for rows, count, length in runs:
            own = qkv[rows].view(count, length, 3, self._heads, -1)
            into = out[rows].view(count, length, self._heads, -1)
            size = max(1, _SCORES // (self._heads * length**2))
            for part, target in zip(own.split(size), into.split(size), strict=True):
                target.copy_(_attention(*part.permute(2, 0, 3, 1, 4).contiguous()).transpose(1, 2))
        return out


class LayerModules(NamedTuple):
    """The weights of a BERT layer."""

    heads: int
    qkv_weight: Float[Tensor, "three_widths width"]
    qkv_bias: Float[Tensor, " three_widths"]
    output: nn.Linear
    attention_norm: nn.LayerNorm
    inner: nn.Linear
    outer: nn.Linear
    mlp_norm: nn.LayerNorm

    @classmethod
    def of(cls, layer: Any) -> "LayerModules":
        """Those of a layer of transformers or of `softtopic.lm.modules.bert`."""
        own, output = layer.attention.self, layer.attention.output
        projections = (own.query, own.key, own.value)
        return cls(
            own.num_attention_heads,
            torch.cat([part.weight for part in projections]),
            torch.cat([part.bias for part in projections]),
            output.dense,
            output.LayerNorm,
            layer.intermediate.dense,
            layer.output.dense,
            layer.output.LayerNorm,
        )


@final
class FusedLayer(PackedLayer):
    """A layer in the number format of its weights.

    Parameters
    ----------
    layer : nn.Module
    """

    def __init__(self, layer: nn.Module) -> None:
        modules = LayerModules.of(layer)
        super().__init__(modules.heads)
        self._qkv = _Product(modules.qkv_weight, modules.qkv_bias)
        self._output, self._attention_norm = _Product.of(modules.output), modules.attention_norm
        self._inner, self._outer = _Product.of(modules.inner), _Product.of(modules.outer)
        self._mlp_norm = modules.mlp_norm

    def qkv(self, x: Tensor) -> Tensor:
        return self._qkv(x)

    def output_and_mlp(self, attended: Tensor, x: Tensor) -> Tensor:
        x = self._attention_norm(self._output.plus(attended, x))
        return self._mlp_norm(self._outer.plus(self._inner(x, "gelu"), x))


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Float[Tensor, "texts heads length width"]:
    """Softmax attention of [texts, heads, length, width]; two plain products are faster than torch's fused kernel."""
    q, k, v = (part.flatten(0, 1) for part in (query, key, value))
    scores = torch.baddbmm(q.new_empty(()), q, k.transpose(1, 2), beta=0, alpha=q.shape[2] ** -0.5)
    # Subtracting the largest score of each row first would take two passes more, and is done where it is needed. Each
    # text and head is judged by itself, so that no vector depends on the texts beside it.
    large = scores.abs().amax(dim=(1, 2)) >= _MAX_SCORE
    exact = torch.softmax(scores[large], dim=-1) if large.any() else None
    weights = scores.clamp_max_(_MAX_SCORE).exp_()
    if exact is not None:
        weights[large] = exact
    out = torch.bmm(weights, v) / weights.sum(dim=-1, keepdim=True, dtype=torch.float32)
    return out.view(query.shape)


class _Product:
    """x @ weight.T + bias, then an activation or a sum."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = fused.prepack(weight), bias.detach()

    @classmethod
    def of(cls, layer: nn.Linear) -> "_Product":
        return cls(layer.weight, layer.bias)

    def __call__(self, x: Tensor, activation: str = "none") -> Tensor:
        return fused.linear_pointwise().default(x, self._weight, self._bias, activation, [], "none")

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        return fused.linear_pointwise().binary(x, other, self._weight, self._bias, "add")
