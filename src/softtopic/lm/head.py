"""The output layer of a language model, computed only as far as it is asked for, and in float32.

A bfloat16 logit of 20 is off by up to 1/16; only the sum over the whole vocabulary, where such errors even out, is made
of products in the model's own format.
"""

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from softtopic.lm.packed import ROWS

# States and tokens whose logits are held at a time: they stay in the processor's cache.
_CHUNK = 512
_COLUMNS = 2048


class Totals(NamedTuple):
    """log Σ exp(logit) of each state: over all tokens, and over those that end a word."""

    whole: Float[Tensor, " states"]
    ending: Float[Tensor, " states"]


@final
class Head:
    """Logits of next tokens from last hidden states; `ending` lists the tokens before which a word is over."""

    def __init__(self, model: nn.Module, ending: Sequence[int] = ()) -> None:
        layer = model.get_output_embeddings()  # type: ignore[operator]
        self._weight: Tensor = layer.weight
        self._bias: Tensor | None = getattr(layer, "bias", None)
        settings = model.config.get_text_config()  # type: ignore[union-attr, operator]
        scale = getattr(settings, "logit_scale", None) or 1 / (getattr(settings, "logits_scaling", None) or 1)
        self._scale = float(scale)
        self._softcap: float | None = getattr(settings, "final_logit_softcapping", None)
        self._chosen: tuple[Tensor, Tensor, Tensor | None] | None = None
        self._ending = ending
        self._blocks: list[list[tuple[Tensor, Tensor | None]]] | None = None

    def some(
        self, states: Float[Tensor, "states width"], tokens: Int[Tensor, " tokens"]
    ) -> Float[Tensor, "states tokens"]:
        """Logits of the same tokens for every state; their weights are kept for the next call."""
        if self._chosen is None or not torch.equal(self._chosen[0], tokens):
            bias = None if self._bias is None else self._bias[tokens].float()
            self._chosen = (tokens, self._weight[tokens].float(), bias)
        padded = F.pad(states, (0, 0, 0, -len(states) % ROWS))
        return self._finish(F.linear(padded, *self._chosen[1:])[: len(states)])

    def own(
        self, states: Float[Tensor, "pairs width"], tokens: Int[Tensor, " pairs"]
    ) -> Float[Tensor, " pairs"]:  # fmt: skip
        """The logit of one token for each state."""
        logits = torch.linalg.vecdot(states, self._weight[tokens].float())
        return self._finish(logits if self._bias is None else logits + self._bias[tokens].float())

    def totals(self, states: Float[Tensor, "states width"]) -> Totals:
        """Sums over the whole vocabulary."""
        if self._blocks is None:
            ends = torch.zeros(len(self._weight), dtype=torch.bool, device=self._weight.device)
            ends[torch.tensor(self._ending, dtype=torch.long)] = True
            self._blocks = [
                [
                    (self._weight[rows], None if self._bias is None else self._bias[rows])
                    for rows in side.nonzero()[:, 0].split(_COLUMNS)
                ]
                for side in (~ends, ends)
            ]
        parts: list[Tensor] = []
        for chunk in states.to(self._weight.dtype).split(_CHUNK):
            padded = F.pad(chunk, (0, 0, 0, -len(chunk) % ROWS))
            sides = [
                torch.stack([self._log_sum(padded, *block) for block in side]).logsumexp(0) for side in self._blocks
            ]
            parts.append(torch.stack(sides)[:, : len(chunk)])
        going, ending = torch.cat(parts, dim=1)
        return Totals(torch.logaddexp(going, ending), ending)

    def likeliest(self, states: Float[Tensor, "states width"]) -> Int[Tensor, " states"]:
        """The token with the largest logit for each state."""
        parts: list[Tensor] = []
        for chunk in states.to(self._weight.dtype).split(_CHUNK):
            padded = F.pad(chunk, (0, 0, 0, -len(chunk) % ROWS))
            blocks = [
                F.linear(padded, self._weight[start : start + _COLUMNS], bias).max(dim=1)
                for start in range(0, len(self._weight), _COLUMNS)
                for bias in (None if self._bias is None else self._bias[start : start + _COLUMNS],)
            ]
            best = torch.stack([block.values for block in blocks]).argmax(dim=0)
            tokens = torch.stack([block.indices for block in blocks]).gather(0, best[None])[0] + best * _COLUMNS
            parts.append(tokens[: len(chunk)])
        return torch.cat(parts)

    def _log_sum(self, states: Tensor, weight: Tensor, bias: Tensor | None) -> Float[Tensor, " states"]:
        if not len(weight):
            # Where words are never over.
            return states.new_full((len(states),), -torch.inf, dtype=torch.float32)
        logits = self._finish(F.linear(states, weight, bias)).float()
        top = logits.amax(dim=1, keepdim=True)
        return logits.sub_(top).exp_().sum(dim=1).log_() + top[:, 0]

    def _finish(self, logits: Tensor) -> Tensor:
        if self._scale != 1:
            logits = logits * self._scale
        return logits if self._softcap is None else torch.tanh(logits / self._softcap) * self._softcap
