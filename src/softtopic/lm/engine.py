"""Two ways of reading prompts with a causal language model: packed (fast) and plain (any model).

Both give, for every document, the last hidden state and the logits of chosen tokens at the last prompt token.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any, NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from softtopic.errors import LanguageModelError
from softtopic.lm.attention import ATTENTION_NAME, packed_attention
from softtopic.lm.devices import check_finite, format_beside_int8
from softtopic.lm.fused import fuse_layers, fuse_linear, release_weights, unfuse
from softtopic.lm.head import Head
from softtopic.lm.int8 import int8_products
from softtopic.lm.loading import LanguageModel
from softtopic.lm.modules.llama import Llama
from softtopic.lm.packed import ROW_MULTIPLE, KeyValues, PackedBatch, TokenTree, pack, split_into_packs

log = logging.getLogger(__name__)

# Share of the norm by which packed and plain results may differ: rounding stays below, another computation far above.
_TOLERANCE = {torch.float32: 1e-3, torch.float16: 0.02, torch.bfloat16: 0.1, torch.int8: 0.15}


class ReaderOutput(NamedTuple):
    """Output of a language model for some documents, float32."""

    states: Float[Tensor, "docs width"]  # last layer, after the final norm, at the last prompt token
    logits: Float[Tensor, "docs tokens"]  # of the tokens asked for, as the next token


class Reader(ABC):
    """Reads token rows (a document and what follows it) after a common prefix.

    A reader keeps the last batch, so it serves one thread at a time. Its methods raise LanguageModelError where a state
    is not finite.
    """

    head: Head
    device: torch.device

    @abstractmethod
    def batches(self, lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
        """Which rows to read together, about `max_tokens` tokens at a time; every row once."""

    def read(self, rows: Sequence[Sequence[int]], tokens: Int[Tensor, " tokens"]) -> ReaderOutput:
        """Read one batch, with the logits of these tokens."""
        states = self.states(rows)
        return ReaderOutput(states, self.head.logits(states, tokens))

    @abstractmethod
    def with_prefix(self, prefix: Sequence[int]) -> "Reader":
        """A reader of the same language model after another prefix."""

    def fork(self) -> "Reader":
        """A reader of the same model and prefix that reads batches of its own, e.g. in another thread."""
        return copy(self)

    @property
    @abstractmethod
    def n_appended(self) -> int:
        """Number of tokens appended to each document since `states`."""

    @abstractmethod
    def states(self, rows: Sequence[Sequence[int]], *, max_new_tokens: int = 0) -> Float[Tensor, "docs width"]:
        """The last state of each row of one batch; up to `max_new_tokens` may then be appended to each."""

    @abstractmethod
    def branch(
        self, tokens: Int[Tensor, "docs beam"], parents: Int[Tensor, "docs beam"]
    ) -> Float[Tensor, "docs beam width"]:
        """Append one token at several places of each document's tree of tokens.

        Parameters
        ----------
        tokens : tensor of shape (n_docs, n_branches)
        parents : tensor of shape (n_docs, n_branches)
            What each token follows: -1 for the document, else the place among the tokens appended to it since `states`.

        Returns
        -------
        tensor of shape (n_docs, n_branches, width)
            The state after each token.
        """

    @abstractmethod
    def extend(
        self, tokens: Int[Tensor, "docs tokens"], parents: Int[Tensor, " docs"]
    ) -> Float[Tensor, "docs width"]:  # fmt: skip
        """Append several tokens, each after the one before it and the first after its parent; the last state."""

    @abstractmethod
    def states_along(self, tokens: Int[Tensor, "docs tokens"]) -> Float[Tensor, "docs tokens width"]:
        """Append several tokens to each document, each after the one before it; the state after each."""


@final
class PlainReader(Reader):
    """Whole prompts through the model's own forward, those of equal length together: no mask, no padding."""

    def __init__(self, lm: LanguageModel, prefix: Sequence[int], head: Head | None = None) -> None:
        self._lm = lm
        self.device = lm.device
        self._prefix = list(prefix)
        self.head = head or Head(lm.model, name=lm.name)
        # Of each document of the batch: its own tokens, then these with each line of tokens appended.
        self._lines: list[list[list[int]]] = []

    def batches(self, lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
        batches: list[list[int]] = []
        for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
            fits = batches and (len(batches[-1]) + 1) * (len(self._prefix) + lengths[row]) <= max_tokens
            if not fits or lengths[batches[-1][0]] != lengths[row]:
                batches.append([])
            batches[-1].append(row)
        return batches

    def with_prefix(self, prefix: Sequence[int]) -> "PlainReader":
        return PlainReader(self._lm, prefix, self.head)

    @property
    def n_appended(self) -> int:
        return len(self._lines[0]) - 1

    def states(self, rows: Sequence[Sequence[int]], *, max_new_tokens: int = 0) -> Float[Tensor, "docs width"]:
        self._lines = [[list(row)] for row in rows] if max_new_tokens else []
        return self._last_states(rows)

    def branch(
        self, tokens: Int[Tensor, "docs beam"], parents: Int[Tensor, "docs beam"]
    ) -> Float[Tensor, "docs beam width"]:
        for lines, new, places in zip(self._lines, tokens.tolist(), parents.tolist(), strict=True):
            lines.extend([*lines[place + 1], token] for token, place in zip(new, places, strict=True))
        return torch.stack([self._one_by_one(lines[-tokens.shape[1] :]) for lines in self._lines])

    def extend(
        self, tokens: Int[Tensor, "docs tokens"], parents: Int[Tensor, " docs"]
    ) -> Float[Tensor, "docs width"]:  # fmt: skip
        for lines, new, place in zip(self._lines, tokens.tolist(), parents.tolist(), strict=True):
            begin = lines[place + 1]
            lines.extend([*begin, *new[:stop]] for stop in range(1, len(new) + 1))
        return torch.cat([self._one_by_one(lines[-1:]) for lines in self._lines])

    def states_along(self, tokens: Int[Tensor, "docs tokens"]) -> Float[Tensor, "docs tokens width"]:
        self.extend(tokens, torch.full_like(tokens[:, 0], -1))
        return torch.stack([self._one_by_one(lines[-tokens.shape[1] :]) for lines in self._lines])

    def _one_by_one(self, rows: list[list[int]]) -> Float[Tensor, "rows width"]:
        return torch.cat([self._last_states([row]) for row in rows])

    def _last_states(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "rows width"]:
        ids = torch.tensor([[*self._prefix, *row] for row in rows], device=self.device)
        out = self._lm.model(input_ids=ids, use_cache=False, output_hidden_states=True, logits_to_keep=1)
        states = out.hidden_states[-1][:, -1].float()
        check_finite(states, self._lm.name, self._lm.model.dtype)
        return states


@final
class PackedReader(Reader):
    """Documents end to end in one row, the prefix read once; see `softtopic.lm.packed`.

    `dtype` is the format of products, for messages; by default that of the weights.
    """

    def __init__(
        self, lm: LanguageModel, prefix: Sequence[int], head: Head | None = None, dtype: torch.dtype | None = None
    ) -> None:
        self._lm = lm
        self._dtype: torch.dtype = dtype or lm.model.dtype
        self.device = lm.device
        self._prefix_length = len(prefix)
        self._masks: dict[tuple[int, int | None, int], Tensor] = {}
        self._prefix: dict[int, KeyValues] = {}
        self.head = head or Head(lm.model, name=lm.name)
        self._batch = PackedBatch(())
        self._trees: list[TokenTree] = []
        if prefix:
            first = PackedBatch([len(prefix)], cache={}, device=lm.device)
            self._forward(*pack([list(prefix)], 0), first)
            self._prefix = {layer: kv[0].truncate(len(prefix)) for layer, kv in (first.cache or {}).items()}

    def batches(self, lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
        return split_into_packs(lengths, max_tokens)

    def with_prefix(self, prefix: Sequence[int]) -> "PackedReader":
        return PackedReader(self._lm, prefix, self.head, self._dtype)

    @property
    def n_appended(self) -> int:
        return self._trees[-1].ancestors.shape[2] if self._trees else 0

    def states(self, rows: Sequence[Sequence[int]], *, max_new_tokens: int = 0) -> Float[Tensor, "docs width"]:
        batch = PackedBatch(
            [len(row) for row in rows],
            prefix=self._prefix,
            cache={} if max_new_tokens else None,
            max_new_tokens=max_new_tokens,
            masks=self._masks,
            device=self.device,
        )
        self._batch, self._trees = batch, []
        states = self._forward(*pack(rows, self._prefix_length), batch)
        return self._checked(states[: len(rows)] if batch.narrowed else states[batch.last])

    def branch(
        self, tokens: Int[Tensor, "docs beam"], parents: Int[Tensor, "docs beam"]
    ) -> Float[Tensor, "docs beam width"]:
        own = torch.eye(tokens.shape[1], dtype=torch.bool, device=tokens.device)
        return self._append(tokens, self._ancestors(parents), own)

    def extend(
        self, tokens: Int[Tensor, "docs tokens"], parents: Int[Tensor, " docs"]
    ) -> Float[Tensor, "docs width"]:  # fmt: skip
        return self._extended(tokens, parents)[:, -1]

    def states_along(self, tokens: Int[Tensor, "docs tokens"]) -> Float[Tensor, "docs tokens width"]:
        return self._extended(tokens, torch.full_like(tokens[:, 0], -1))

    def _extended(
        self, tokens: Int[Tensor, "docs tokens"], parents: Int[Tensor, " docs"]
    ) -> Float[Tensor, "docs tokens width"]:
        count = tokens.shape[1]
        own = torch.ones(count, count, dtype=torch.bool, device=tokens.device).tril()
        return self._append(tokens, self._ancestors(parents[:, None]).expand(-1, count, -1), own)

    def _ancestors(self, places: Int[Tensor, "docs places"]) -> Bool[Tensor, "docs places appended"]:
        """Which of the tokens appended so far lie on the path to each place, itself included; none for -1."""
        total = self.n_appended
        if not total:
            return places.new_zeros(*places.shape, 0, dtype=torch.bool)
        levels = [F.pad(tree.ancestors, (0, total - tree.ancestors.shape[2])) for tree in self._trees]
        known = F.pad(torch.cat(levels, dim=1), (0, 0, 0, 1))
        return known.gather(1, places.remainder(total + 1)[..., None].expand(-1, -1, total))

    def _append(
        self,
        tokens: Int[Tensor, "docs beam"],
        before: Bool[Tensor, "docs beam appended"],
        own: Bool[Tensor, "beam beam"],
    ) -> Float[Tensor, "docs beam width"]:
        docs, count = tokens.shape
        ancestors = torch.cat([before, own.expand(docs, -1, -1)], dim=2)
        depths = torch.cat([*(tree.depths[:, -tree.count :] for tree in self._trees), ancestors.sum(dim=2)], dim=1)
        tree = TokenTree(self._batch, ancestors, depths)
        lengths = torch.tensor(self._batch.lengths, device=tokens.device)[:, None]
        positions = self._prefix_length + lengths + depths[:, -count:] - 1
        padding = -docs * count % ROW_MULTIPLE
        ids, positions = (F.pad(part.flatten(), (0, padding))[None] for part in (tokens, positions))
        states = self._forward(ids, positions, tree)
        self._trees.append(tree)
        return self._checked(states[: docs * count]).unflatten(0, (docs, count))

    def _forward(
        self, ids: Int[Tensor, "1 tokens"], positions: Int[Tensor, "1 tokens"], packing: PackedBatch | TokenTree
    ) -> Float[Tensor, "rows width"]:
        out = self._lm.model.base_model(
            input_ids=ids.to(self.device), position_ids=positions.to(self.device), use_cache=False, packing=packing
        )
        return out.last_hidden_state[0]

    def _checked(self, states: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        check_finite(states, self._lm.name, self._dtype)
        return states.float()


@torch.inference_mode()
def open_reader(
    lm: LanguageModel,
    prefix: Sequence[int],
    word_end_tokens: Sequence[int] = (),
    calibration_tokens: Sequence[int] = (),
) -> Reader:
    """Open the fastest packed reader that agrees with the model's own forward on a probe, else the plain one.

    The model's attention, and where possible its layers, are replaced.

    Parameters
    ----------
    lm : LanguageModel
    prefix : sequence of int
        Tokens before every row.
    word_end_tokens : sequence of int
        Tokens before which a word is over.
    calibration_tokens : sequence of int
        With these products may be in int8, calibrated on them.

    Raises
    ------
    LanguageModelError
        If the model's own forward gives values that are not finite.
    """
    plain = PlainReader(lm, prefix, Head(lm.model, word_end_tokens, name=lm.name))
    if not isinstance(lm.model, Llama) and not getattr(lm.model, "_supports_attention_backend", False):
        return plain
    probe = _Probe(lm, prefix, plain)
    products = int8_products(lm.model, calibration_tokens) if calibration_tokens else None
    body, dtype, undo = lm.model.base_model, lm.model.dtype, _use_packed_attention(lm.model)
    for fuse in (fuse_layers, fuse_linear, lambda _: True):
        packed = probe.agreeing(fuse, dtype)
        # Only for layers that are right in float32: an error of computation may be no larger than that of rounding.
        if packed is not None and fuse is fuse_layers and products is not None:
            unfuse(body)
            packed = probe.agreeing(partial(fuse_layers, products=products), torch.int8)
            if packed is None:
                log.info("int8 does not fit this language model; it is read in float32")
                packed = probe.agreeing(fuse, dtype)
        if packed is not None:
            release_weights(body)
            return packed
    log.info("packed batches do not fit this language model; it is read plainly, which is slower")
    undo()
    return plain


def _use_packed_attention(model: Any) -> Callable[[], None]:
    """Let a model's attention layers take packed batches; returns a function that undoes it."""
    if isinstance(model, Llama):
        return lambda: None
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    # A registry of the whole process: this adds an entry under a name of ours, which other models do not use.
    ALL_ATTENTION_FUNCTIONS.register(ATTENTION_NAME, packed_attention)
    own = model.config._attn_implementation
    model.set_attn_implementation(ATTENTION_NAME)
    return partial(model.set_attn_implementation, own)


@final
class _Probe:
    """Three documents of two lengths, of tokens every vocabulary has, and the output of the model's own forward."""

    def __init__(self, lm: LanguageModel, prefix: Sequence[int], plain: PlainReader) -> None:
        self._lm, self._prefix, self._head = lm, prefix, plain.head
        size = lm.model.get_output_embeddings().weight.shape[0]
        token = torch.arange(40) * 7 % min(size, 997)
        self._rows = [token[:9].tolist(), token[10:19].tolist(), token[5:40].tolist()]
        self._tokens = token[:20].to(lm.device)
        outputs = [plain.read([row], self._tokens) for row in self._rows]
        self._expected = ReaderOutput(*map(torch.cat, zip(*outputs, strict=True)))

    def agreeing(self, fuse: Callable[[nn.Module], bool], dtype: torch.dtype) -> PackedReader | None:
        """A packed reader with layers replaced, if its output is right; else layers are their own again."""
        body = self._lm.model.base_model
        try:
            if fuse(body):
                head = self._head.with_sums_in(format_beside_int8()) if dtype is torch.int8 else self._head
                packed = PackedReader(self._lm, self._prefix, head, dtype)
                output = packed.read(self._rows, self._tokens)
                gap = max(_relative_error(*pair) for pair in zip(output, self._expected, strict=True))
                if gap <= _TOLERANCE[dtype]:
                    return packed
                log.info("packed and plain differ by %.2g", gap)
        except (TypeError, KeyError, AttributeError, RuntimeError, ValueError, LanguageModelError) as error:
            log.info("packed batches do not fit this language model (%s)", error)
        unfuse(body)
        return None


def _relative_error(output: Tensor, expected: Tensor) -> float:
    return float((output - expected).norm() / expected.norm().clamp_min(1e-9))
