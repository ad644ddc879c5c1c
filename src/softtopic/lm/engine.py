"""Two ways of reading prompts with a causal language model: packed (fast) and plain (any model).

Both give, for every document, the last hidden state and the logits of chosen tokens at the last prompt token.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from softtopic.errors import LanguageModelError
from softtopic.lm.attention import NAME, packed_attention
from softtopic.lm.devices import check_finite
from softtopic.lm.fused import fuse_layers, fuse_linear, let_go, unfuse
from softtopic.lm.head import Head
from softtopic.lm.int8 import int8_products
from softtopic.lm.loading import LanguageModel
from softtopic.lm.packed import ROWS, Branching, KeyValues, Packing, pack, packs

log = logging.getLogger(__name__)

# Share of the norm by which packed and plain readings may differ: rounding stays below, another computation far above.
_TOLERANCE = {torch.float32: 1e-3, torch.float16: 0.02, torch.bfloat16: 0.1, torch.int8: 0.15}


class Reading(NamedTuple):
    """What the language model makes of some documents, in float32."""

    states: Float[Tensor, "docs width"]  # last layer, after the final norm, at the last prompt token
    logits: Float[Tensor, "docs tokens"]  # of the tokens asked for, as the next token


class Reader(ABC):
    """Reads token rows (a document and what follows it) after a common prefix."""

    head: Head
    device: torch.device

    @abstractmethod
    def batches(self, lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Which rows to read together, about `budget` tokens at a time; every row once."""

    def read(self, rows: Sequence[Sequence[int]], tokens: Int[Tensor, " tokens"]) -> Reading:
        """Read one batch; `tokens` are those whose logits are wanted."""
        states = self.states(rows)
        return Reading(states, self.head.some(states, tokens))

    @abstractmethod
    def at(self, prefix: Sequence[int]) -> "Reader":
        """A reader of the same language model after another prefix."""

    @property
    @abstractmethod
    def followed(self) -> int:
        """How many tokens have been followed after each document, over all calls since `states`."""

    @abstractmethod
    def states(self, rows: Sequence[Sequence[int]], *, room: int = 0) -> Float[Tensor, "docs width"]:
        """The last state of each row of one batch; with `room` for tokens, `follow` can go on from there."""

    @abstractmethod
    def follow(
        self, tokens: Int[Tensor, "docs branches"], parents: Int[Tensor, "docs branches"]
    ) -> Float[Tensor, "docs branches width"]:
        """The state after one token more, for several tokens after each document kept.

        `parents` says what a token follows: -1 the document, else the place among the document's tokens followed so
        far, over all calls since `states`.
        """

    @abstractmethod
    def chain(
        self, tokens: Int[Tensor, "docs tokens"], parents: Int[Tensor, " docs"]
    ) -> Float[Tensor, "docs width"]:  # fmt: skip
        """The state after the last of several tokens, each of which follows the one before it."""


@final
class PlainReader(Reader):
    """Whole prompts through the model's own forward, those of equal length together: no mask, no padding."""

    def __init__(self, lm: LanguageModel, prefix: Sequence[int], head: Head | None = None) -> None:
        self._lm = lm
        self.device = lm.device
        self._prefix = list(prefix)
        self.head = head or Head(lm.model)
        self._lines: list[list[list[int]]] = []  # of each document kept: itself, then every token line followed

    def batches(self, lengths: Sequence[int], budget: int) -> list[list[int]]:
        found: list[list[int]] = []
        for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
            fits = found and (len(found[-1]) + 1) * (len(self._prefix) + lengths[row]) <= budget
            if not fits or lengths[found[-1][0]] != lengths[row]:
                found.append([])
            found[-1].append(row)
        return found

    def at(self, prefix: Sequence[int]) -> "PlainReader":
        return PlainReader(self._lm, prefix, self.head)

    @property
    def followed(self) -> int:
        return len(self._lines[0]) - 1

    def states(self, rows: Sequence[Sequence[int]], *, room: int = 0) -> Float[Tensor, "docs width"]:
        self._lines = [[list(row)] for row in rows] if room else []
        ids = torch.tensor([[*self._prefix, *row] for row in rows], device=self._lm.device)
        out = self._lm.model(input_ids=ids, use_cache=False, output_hidden_states=True, logits_to_keep=1)
        states = out.hidden_states[-1][:, -1].float()
        check_finite(states, self._lm.name, self._lm.model.dtype)
        return states

    def follow(
        self, tokens: Int[Tensor, "docs branches"], parents: Int[Tensor, "docs branches"]
    ) -> Float[Tensor, "docs branches width"]:
        for line, nexts, places in zip(self._lines, tokens.tolist(), parents.tolist(), strict=True):
            line.extend([*line[place + 1], token] for token, place in zip(nexts, places, strict=True))
        return torch.stack([self._last(line[-tokens.shape[1] :]) for line in self._lines])

    def chain(
        self, tokens: Int[Tensor, "docs tokens"], parents: Int[Tensor, " docs"]
    ) -> Float[Tensor, "docs width"]:  # fmt: skip
        for line, nexts, place in zip(self._lines, tokens.tolist(), parents.tolist(), strict=True):
            begin = line[place + 1]
            line.extend([*begin, *nexts[:stop]] for stop in range(1, len(nexts) + 1))
        return torch.cat([self._last(line[-1:]) for line in self._lines])

    def _last(self, rows: list[list[int]]) -> Float[Tensor, "rows width"]:
        lines = self._lines
        states = torch.cat([self.states([row]) for row in rows])
        self._lines = lines
        return states


@final
class PackedReader(Reader):
    """Documents end to end in one row, the prefix read once; see `softtopic.lm.packed`."""

    def __init__(
        self, lm: LanguageModel, prefix: Sequence[int], head: Head | None = None, dtype: torch.dtype | None = None
    ) -> None:
        self._lm = lm
        self._dtype: torch.dtype = dtype or lm.model.dtype
        self.device = lm.device
        self._before = len(prefix)
        self._masks: dict[tuple[int, int | None, int], Tensor] = {}
        self._known: dict[int, KeyValues] = {}
        self.head = head or Head(lm.model)
        self._documents = Packing(())
        self._followed: list[Branching] = []
        if prefix:
            first = Packing([len(prefix)], kept={}, device=lm.device)
            self._pass(*pack([list(prefix)], 0), first)
            self._known = {layer: known[0].cut(len(prefix)) for layer, known in (first.kept or {}).items()}

    def batches(self, lengths: Sequence[int], budget: int) -> list[list[int]]:
        return packs(lengths, budget)

    def at(self, prefix: Sequence[int]) -> "PackedReader":
        return PackedReader(self._lm, prefix, self.head, self._dtype)

    @property
    def followed(self) -> int:
        return self._followed[-1].lineage.shape[2] if self._followed else 0

    def states(self, rows: Sequence[Sequence[int]], *, room: int = 0) -> Float[Tensor, "docs width"]:
        packing = Packing(
            [len(row) for row in rows],
            prefix=self._known,
            kept={} if room else None,
            room=room,
            masks=self._masks,
            device=self._lm.device,
        )
        self._documents, self._followed = packing, []
        states = self._pass(*pack(rows, self._before), packing)
        return self._checked(states[: len(rows)] if packing.narrowed else states[packing.last])

    def follow(
        self, tokens: Int[Tensor, "docs branches"], parents: Int[Tensor, "docs branches"]
    ) -> Float[Tensor, "docs branches width"]:
        own = torch.eye(tokens.shape[1], dtype=torch.bool, device=tokens.device)
        return self._branch(tokens, self._lines(parents), own)

    def chain(
        self, tokens: Int[Tensor, "docs tokens"], parents: Int[Tensor, " docs"]
    ) -> Float[Tensor, "docs width"]:  # fmt: skip
        count = tokens.shape[1]
        own = torch.ones(count, count, dtype=torch.bool, device=tokens.device).tril()
        return self._branch(tokens, self._lines(parents[:, None]).expand(-1, count, -1), own)[:, -1]

    def _lines(self, places: Int[Tensor, "docs places"]) -> Bool[Tensor, "docs places followed"]:
        """The tokens followed so far that stand in the line of each place; none in that of a document, -1."""
        total = self.followed
        if not total:
            return places.new_zeros(*places.shape, 0, dtype=torch.bool)
        lines = [F.pad(level.lineage, (0, total - level.lineage.shape[2])) for level in self._followed]
        known = F.pad(torch.cat(lines, dim=1), (0, 0, 0, 1))
        return known.gather(1, places.remainder(total + 1)[..., None].expand(-1, -1, total))

    def _branch(
        self,
        tokens: Int[Tensor, "docs branches"],
        before: Bool[Tensor, "docs branches followed"],
        own: Bool[Tensor, "branches branches"],
    ) -> Float[Tensor, "docs branches width"]:
        docs, count = tokens.shape
        lineage = torch.cat([before, own.expand(docs, -1, -1)], dim=2)
        depths = torch.cat([*(level.depths[:, -level.count :] for level in self._followed), lineage.sum(dim=2)], dim=1)
        branching = Branching(self._documents, lineage, depths)
        lengths = torch.tensor(self._documents.lengths, device=tokens.device)[:, None]
        positions = self._before + lengths + depths[:, -count:] - 1
        short = -docs * count % ROWS
        ids, positions = (F.pad(part.flatten(), (0, short))[None] for part in (tokens, positions))
        states = self._pass(ids, positions, branching)
        self._followed.append(branching)
        return self._checked(states[: docs * count]).unflatten(0, (docs, count))

    def _checked(self, states: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        check_finite(states, self._lm.name, self._dtype)
        return states.float()

    def _pass(
        self, ids: Int[Tensor, "1 tokens"], positions: Int[Tensor, "1 tokens"], packing: Packing | Branching
    ) -> Float[Tensor, "rows width"]:
        device = self._lm.device
        out = self._lm.model.base_model(
            input_ids=ids.to(device), position_ids=positions.to(device), use_cache=False, packing=packing
        )
        return out.last_hidden_state[0]


@torch.inference_mode()
def open_reader(
    lm: LanguageModel, prefix: Sequence[int], ending: Sequence[int] = (), typical: Sequence[int] = ()
) -> Reader:
    """The fastest packed reader that agrees with the model's own forward on a probe, else the plain one.

    `ending` lists the tokens before which a word is over; with `typical` tokens products may be in 8 bits.
    """
    plain = PlainReader(lm, prefix, Head(lm.model, ending))
    if not getattr(lm.model, "_supports_attention_backend", False):
        return plain
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    probe = _Probe(lm, prefix, plain)
    products = int8_products(lm.model, typical) if typical else None
    own, body, dtype = lm.model.config._attn_implementation, lm.model.base_model, lm.model.dtype
    ALL_ATTENTION_FUNCTIONS.register(NAME, packed_attention)
    lm.model.set_attn_implementation(NAME)
    for fuse in (fuse_layers, fuse_linear, lambda _: True):
        packed = probe.agreeing(fuse, dtype)
        # Only of layers that are right in float32: an error of computation may be no larger than that of rounding.
        if packed is not None and fuse is fuse_layers and products is not None:
            unfuse(body)
            in_8_bits = partial(fuse_layers, products=products)
            packed = probe.agreeing(in_8_bits, torch.int8)
            if packed is None:
                log.info("8 bits do not fit this language model; it is read in float32")
                packed = probe.agreeing(fuse, dtype)
        if packed is not None:
            let_go(body)
            return packed
    log.info("reading plainly, which is slower")
    lm.model.set_attn_implementation(own)
    return plain


@final
class _Probe:
    """Three documents of two lengths, of tokens that every vocabulary has, and what the model's own forward says."""

    def __init__(self, lm: LanguageModel, prefix: Sequence[int], plain: PlainReader) -> None:
        self._lm, self._prefix, self._head = lm, prefix, plain.head
        size = lm.model.get_output_embeddings().weight.shape[0]
        token = torch.arange(40) * 7 % min(size, 997)
        self._rows = [token[:9].tolist(), token[10:19].tolist(), token[5:40].tolist()]
        self._tokens = token[:20].to(lm.device)
        expected = [plain.read([row], self._tokens) for row in self._rows]
        self._wanted = Reading(*(torch.cat([getattr(one, name) for one in expected]) for name in ("states", "logits")))

    def agreeing(self, fuse: Callable[[nn.Module], bool], dtype: torch.dtype) -> PackedReader | None:
        """A packed reader with layers replaced, where what it reads is right; else layers are their own again."""
        body = self._lm.model.base_model
        try:
            if fuse(body):
                packed = PackedReader(self._lm, self._prefix, self._head, dtype)
                found = packed.read(self._rows, self._tokens)
                gap = max(_gap(found.states, self._wanted.states), _gap(found.logits, self._wanted.logits))
                if gap <= _TOLERANCE[dtype]:
                    return packed
                log.info("packed and plain differ by %.2g", gap)
        except (TypeError, KeyError, AttributeError, RuntimeError, ValueError, LanguageModelError) as error:
            log.info("the packed pass does not fit this language model (%s)", error)
        unfuse(body)
        return None


def _gap(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm().clamp_min(1e-9))
