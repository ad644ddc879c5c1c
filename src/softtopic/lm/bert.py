"""Forward pass of a BERT encoder over varlen batches, without padding tokens.

Texts lie end to end in one matrix of tokens, sorted by length. Linear layers multiply that matrix; attention is
computed for texts of equal length together. Products carry their bias, activation and residual, through operators torch
has for its own compiler.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

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

    Raises
    ------
    TypeError, AttributeError, RuntimeError
        If the model is built otherwise, is on another device or in another number format, or torch lacks the operators.
    """

    def __init__(self, model: Any) -> None:
        weight = model.embeddings.word_embeddings.weight
        if model.config.model_type != "bert" or model.config.hidden_act != "gelu":
            raise TypeError(f"{type(model).__name__} is no BERT encoder with exact GELU")
        if weight.device.type != "cpu" or weight.dtype not in _DTYPES or not torch.backends.mkldnn.is_available():
            raise TypeError(f"no packed products in {weight.dtype} on {weight.device}")
        self._words = weight
        embeddings = model.embeddings
        self._positions = embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        self._norm = embeddings.LayerNorm
        self._layers = [_Layer(layer) for layer in model.encoder.layer]

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


class _Layer:
    """Self-attention and MLP, each followed by its residual and LayerNorm."""

    def __init__(self, layer: nn.Module) -> None:
        attention: Any = layer.attention
        mlp: Any = layer
        own = attention.self
        self._heads: int = own.num_attention_heads
        projections = (own.query, own.key, own.value)
        self._qkv = _Product(
            torch.cat([part.weight for part in projections]), torch.cat([part.bias for part in projections])
        )
        self._output, self._attention_norm = _Product.of(attention.output.dense), attention.output.LayerNorm
        self._inner = _Product.of(mlp.intermediate.dense)
        self._outer, self._mlp_norm = _Product.of(mlp.output.dense), mlp.output.LayerNorm

    def __call__(self, x: Float[Tensor, "tokens width"], runs: Sequence[Run]) -> Float[Tensor, "tokens width"]:
        x = self._attention_norm(self._output.plus(self._attend(self._qkv(x), runs), x))
        return self._mlp_norm(self._outer.plus(self._inner(x, "gelu"), x))

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
