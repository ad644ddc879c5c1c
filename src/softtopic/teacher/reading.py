"""Two ways of reading prompts with a causal language model: packed (fast) and plain (any model).

Both give, for every document, the last hidden state and the logits of chosen tokens at the last prompt token.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from softtopic.teacher.fused import fuse_layers, fuse_linear, let_go, unfuse
from softtopic.teacher.loading import LanguageModel
from softtopic.teacher.packed import NAME, ROWS, KeyValues, Packing, pack, packed_attention, packs

log = logging.getLogger(__name__)

# Share of the norm by which packed and plain readings may differ: rounding stays below, another computation far above.
_TOLERANCE = {torch.float32: 1e-3, torch.float16: 0.02, torch.bfloat16: 0.1}


@dataclass(frozen=True)
class Reading:
    """What the language model makes of some documents, in float32."""

    states: Float[Tensor, "docs width"]  # last layer, after the final norm, at the last prompt token
    logits: Float[Tensor, "docs tokens"]  # of the tokens asked for, as the next token


class Reader(ABC):
    """Reads token rows (a document and what follows it) after a common prefix."""

    @abstractmethod
    def batches(self, lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Which rows to read together, about `budget` tokens at a time; every row once."""

    @abstractmethod
    def read(self, rows: Sequence[Sequence[int]], tokens: Int[Tensor, " tokens"]) -> Reading:
        """Read one batch."""


@final
class PlainReader(Reader):
    """Whole prompts through the model's own forward, those of equal length together: no mask, no padding."""

    def __init__(self, lm: LanguageModel, prefix: Sequence[int]) -> None:
        self._lm = lm
        self._prefix = list(prefix)

    def batches(self, lengths: Sequence[int], budget: int) -> list[list[int]]:
        found: list[list[int]] = []
        for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
            fits = found and (len(found[-1]) + 1) * (len(self._prefix) + lengths[row]) <= budget
            if not fits or lengths[found[-1][0]] != lengths[row]:
                found.append([])
            found[-1].append(row)
        return found

    def read(self, rows: Sequence[Sequence[int]], tokens: Int[Tensor, " tokens"]) -> Reading:
        ids = torch.tensor([[*self._prefix, *row] for row in rows], device=self._lm.device)
        out = self._lm.model(input_ids=ids, use_cache=False, output_hidden_states=True, logits_to_keep=1)
        return Reading(out.hidden_states[-1][:, -1].float(), out.logits[:, -1, tokens].float())


@final
class PackedReader(Reader):
    """Documents end to end in one row, the prefix read once; see `softtopic.teacher.packed`."""

    def __init__(self, lm: LanguageModel, prefix: Sequence[int]) -> None:
        self._lm = lm
        self._before = len(prefix)
        self._masks: dict[tuple[int, int | None, int], Tensor] = {}
        self._known: dict[int, KeyValues] = {}
        self._head: _Head | None = None
        if prefix:
            first = Packing([len(prefix)], keep=True)
            self._states([list(prefix)], 0, first)
            self._known = {layer: known.cut(len(prefix)) for layer, known in first.prefix.items()}

    def batches(self, lengths: Sequence[int], budget: int) -> list[list[int]]:
        return packs(lengths, budget)

    def read(self, rows: Sequence[Sequence[int]], tokens: Int[Tensor, " tokens"]) -> Reading:
        packing = Packing([len(row) for row in rows], prefix=self._known, masks=self._masks, device=self._lm.device)
        states = self._states(rows, self._before, packing)
        states = (states[: len(rows)] if packing.narrowed else states[packing.last]).float()
        if self._head is None or not torch.equal(self._head.tokens, tokens):
            self._head = _Head(self._lm.model, tokens)
        return Reading(states, self._head(states))

    def _states(self, rows: Sequence[Sequence[int]], before: int, packing: Packing) -> Float[Tensor, "tokens width"]:
        ids, positions = (part.to(self._lm.device) for part in pack(rows, before))
        out = self._lm.model.base_model(input_ids=ids, position_ids=positions, use_cache=False, packing=packing)
        return out.last_hidden_state[0]


@final
class _Head:
    """The rows of the output layer for some tokens, in float32: a bfloat16 logit of 20 is off by up to 1/16."""

    def __init__(self, model: torch.nn.Module, tokens: Int[Tensor, " tokens"]) -> None:
        layer = model.get_output_embeddings()  # type: ignore[operator]
        bias = getattr(layer, "bias", None)
        self.tokens = tokens
        self._weight = layer.weight[tokens].float()
        self._bias = None if bias is None else bias[tokens].float()
        settings = model.config.get_text_config()  # type: ignore[union-attr, operator]
        scale = getattr(settings, "logit_scale", None) or 1 / (getattr(settings, "logits_scaling", None) or 1)
        self._scale = float(scale)
        self._softcap = getattr(settings, "final_logit_softcapping", None)

    def __call__(self, states: Float[Tensor, "docs width"]) -> Float[Tensor, "docs tokens"]:
        padded = F.pad(states, (0, 0, 0, -len(states) % ROWS))
        logits = F.linear(padded, self._weight, self._bias)[: len(states)] * self._scale
        return logits if self._softcap is None else torch.tanh(logits / self._softcap) * self._softcap


@torch.inference_mode()
def open_reader(lm: LanguageModel, prefix: Sequence[int]) -> Reader:
    """The fastest packed reader that agrees with the model's own forward on a probe, else the plain one."""
    plain = PlainReader(lm, prefix)
    if not getattr(lm.model, "_supports_attention_backend", False):
        return plain
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    # Three documents of two lengths, made of tokens that every vocabulary has.
    size = lm.model.get_output_embeddings().weight.shape[0]
    token = torch.arange(40) * 7 % min(size, 997)
    rows = [token[:9].tolist(), token[10:19].tolist(), token[5:40].tolist()]
    tokens = token[:20].to(lm.device)
    expected = [plain.read([row], tokens) for row in rows]
    wanted = Reading(*(torch.cat([getattr(one, name) for one in expected]) for name in ("states", "logits")))
    own, body = lm.model.config._attn_implementation, lm.model.base_model
    ALL_ATTENTION_FUNCTIONS.register(NAME, packed_attention)
    lm.model.set_attn_implementation(NAME)
    for fuse in (fuse_layers, fuse_linear, None):
        if fuse is not None and not fuse(body):
            continue
        try:
            packed = PackedReader(lm, prefix)
            found = packed.read(rows, tokens)
            gap = max(_gap(found.states, wanted.states), _gap(found.logits, wanted.logits))
            if gap <= _TOLERANCE[lm.model.dtype]:
                let_go(body)
                return packed
            log.info("packed and plain differ by %.2g", gap)
        except (TypeError, KeyError, AttributeError, RuntimeError, ValueError) as error:
            log.info("the packed pass does not fit this language model (%s)", error)
        unfuse(body)
    log.info("reading plainly, which is slower")
    lm.model.set_attn_implementation(own)
    return plain


def _gap(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm().clamp_min(1e-9))
