"""The output layer of a language model, computed only as far as it is needed, and in float32.

A bfloat16 logit of 20 is off by up to 1/16; only the sum over the whole vocabulary, where such errors even out, is made
of products in the model's own format.
"""

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from softtopic.lm.devices import check_finite
from softtopic.lm.packed import pad_rows

# States and vocabulary entries whose logits are held at a time: they stay in the processor's cache.
_STATE_BLOCK = 512
_VOCABULARY_BLOCK = 2048


class LogPartition(NamedTuple):
    """log Σ exp(logit) of each state over the whole vocabulary, and over the tokens that end a word."""

    total: Float[Tensor, " states"]
    ending: Float[Tensor, " states"]  # -∞ where no token does


@final
class Head:
    """Logits of next tokens from last hidden states.

    Parameters
    ----------
    model : nn.Module
        A causal language model of transformers, or a `softtopic.lm.modules.llama.Llama`.
    word_end_tokens : sequence of int
        Tokens before which a word is over.
    name : str
        The language model's name, for messages.
    """

    def __init__(
        self, model: nn.Module, word_end_tokens: Sequence[int] = (), *, name: str = "the language model"
    ) -> None:
        layer = model.get_output_embeddings()  # type: ignore[operator]
        self._weight: Tensor = layer.weight
        self._bias: Tensor | None = getattr(layer, "bias", None)
        settings = model.config.get_text_config()  # type: ignore[union-attr, operator]
        scale = getattr(settings, "logit_scale", None) or 1 / (getattr(settings, "logits_scaling", None) or 1)
        self._scale = float(scale)
        self._softcap: float | None = getattr(settings, "final_logit_softcapping", None)
        self._selected: tuple[Tensor, Tensor, Tensor | None] | None = None
        self._word_end_tokens = word_end_tokens
        self._sum_dtype = self._weight.dtype
        self._blocks: list[list[tuple[Tensor, Tensor | None]]] | None = None
        self._name = name

    def with_sums_in(self, dtype: torch.dtype) -> "Head":
        """A copy that makes the sum over the whole vocabulary of products in another format."""
        head = copy(self)
        head._sum_dtype, head._blocks = dtype, None
        return head

    def logits(
        self, states: Float[Tensor, "states width"], tokens: Int[Tensor, " tokens"]
    ) -> Float[Tensor, "states tokens"]:
        """Logits of the same tokens for every state; their weights are kept for the next call."""
        if self._selected is None or not torch.equal(self._selected[0], tokens):
            bias = None if self._bias is None else self._bias[tokens].float()
            self._selected = (tokens, self._weight[tokens].float(), bias)
        logits = self._finish(F.linear(pad_rows(states), *self._selected[1:])[: len(states)])
        check_finite(logits, self._name, self._weight.dtype)
        return logits

    def paired_logits(
        self, states: Float[Tensor, "pairs width"], tokens: Int[Tensor, " pairs"]
    ) -> Float[Tensor, " pairs"]:  # fmt: skip
        """The logit of one token for each state."""
        logits = torch.linalg.vecdot(states, self._weight[tokens].float())
        return self._finish(logits if self._bias is None else logits + self._bias[tokens].float())

    def log_partition(self, states: Float[Tensor, "states width"]) -> LogPartition:
        """Log of the sum of exponentials over the whole vocabulary."""
        dtype = self._sum_dtype
        if self._blocks is None:
            ends = torch.zeros(len(self._weight), dtype=torch.bool, device=self._weight.device)
            ends[torch.tensor(self._word_end_tokens, dtype=torch.long)] = True
            self._blocks = [
                [
                    (self._weight[rows].to(dtype), None if self._bias is None else self._bias[rows].to(dtype))
                    for rows in side.nonzero()[:, 0].split(_VOCABULARY_BLOCK)
                ]
                for side in (~ends, ends)
            ]
        parts: list[Tensor] = []
        for chunk in states.to(dtype).split(_STATE_BLOCK):
            padded = pad_rows(chunk)
            sides = [
                torch.stack([self._log_sum(padded, *block) for block in side]).logsumexp(0) for side in self._blocks
            ]
            parts.append(torch.stack(sides)[:, : len(chunk)])
        other, ending = torch.cat(parts, dim=1)
        total = torch.logaddexp(other, ending)
        check_finite(total, self._name, self._weight.dtype)
        return LogPartition(total, ending)

    def log_probs(self, states: Float[Tensor, "states width"]) -> Float[Tensor, "states vocabulary"]:
        """Log probabilities of all tokens, a row of the whole vocabulary for each state."""
        bias = self._bias
        logits = self._finish(F.linear(pad_rows(states).to(self._weight.dtype), self._weight, bias)[: len(states)])
        check_finite(logits, self._name, self._weight.dtype)
        return logits.float().log_softmax(dim=1)

    def argmax(self, states: Float[Tensor, "states width"]) -> Int[Tensor, " states"]:
        """The token with the largest logit for each state."""
        parts: list[Tensor] = []
        for chunk in states.to(self._weight.dtype).split(_STATE_BLOCK):
            padded = pad_rows(chunk)
            blocks = [
                F.linear(padded, self._weight[start : start + _VOCABULARY_BLOCK], bias).max(dim=1)
                for start in range(0, len(self._weight), _VOCABULARY_BLOCK)
                for bias in (None if self._bias is None else self._bias[start : start + _VOCABULARY_BLOCK],)
            ]
            best = torch.stack([block.values for block in blocks]).argmax(dim=0)
            tokens = (
                torch.stack([block.indices for block in blocks]).gather(0, best[None])[0] + best * _VOCABULARY_BLOCK
            )
            parts.append(tokens[: len(chunk)])
        return torch.cat(parts)

    def _log_sum(self, states: Tensor, weight: Tensor, bias: Tensor | None) -> Float[Tensor, " states"]:
        if not len(weight):
            # No token ends a word.
            return states.new_full((len(states),), -torch.inf, dtype=torch.float32)
        logits = self._finish(F.linear(states, weight, bias)).float()
        top = logits.amax(dim=1, keepdim=True)
        return logits.sub_(top).exp_().sum(dim=1).log_() + top[:, 0]

    def _finish(self, logits: Tensor) -> Tensor:
        if self._scale != 1:
            logits = logits * self._scale
        return logits if self._softcap is None else torch.tanh(logits / self._softcap) * self._softcap
