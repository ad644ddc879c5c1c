"""Packed batches: documents of any length in one forward pass, without padding tokens.

Documents lie end to end in one row of tokens. Every linear layer sees that row as one matrix; only attention is
computed document by document, those of about one length together. The prompt's prefix was read once: all tokens of the
row attend to its keys and values in one product, to which each adds the attention to its own document
(`softtopic.lm.attention`). A document is computed with the same shapes whatever its neighbours are, so its result does
not depend on the batch: bit for bit wherever matrix products of a multiple of `ROW_MULTIPLE` rows work row by row (seen
on CPUs in bfloat16 and float32).

transformers, like `softtopic.lm.modules.llama`, hands keyword arguments of a model's forward down to its attention
function, and that is how `PackedBatch` gets there. Models that do otherwise are detected by the probe in
`softtopic.lm.engine` and read plainly.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, groupby
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from softtopic.lm.kernels.attention import split_documents

# Linear layers multiply a multiple of this many rows: for few rows BLAS and oneDNN take other paths, with other
# roundings, and a result would depend on the size of its batch.
ROW_MULTIPLE = 64


def pad_rows(x: Float[Tensor, "rows width"]) -> Float[Tensor, "padded width"]:
    """Append rows of zeros up to a multiple of `ROW_MULTIPLE`."""
    return F.pad(x, (0, 0, 0, -len(x) % ROW_MULTIPLE))


@dataclass(frozen=True)
class KeyValues:
    """Keys and values of one layer, each [documents, heads, tokens, width]; those of the prefix are one document."""

    keys: Tensor
    values: Tensor

    @property
    def both(self) -> tuple[Tensor, Tensor]:
        return self.keys, self.values

    def truncate(self, tokens: int) -> "KeyValues":
        """The first tokens alone."""
        return KeyValues(self.keys[:, :, :tokens], self.values[:, :, :tokens])

    def write(self, start: int, other: "KeyValues") -> int:
        """Copy another's tokens to the positions from `start` on; returns the position after them."""
        stop = start + other.keys.shape[2]
        for side, new in zip(self.both, other.both, strict=True):
            side[:, :, start:stop] = new
        return stop


@dataclass(frozen=True)
class LengthGroup:
    """Documents whose attention is computed together, each padded to `length` tokens."""

    span: slice  # of their tokens in the row
    documents: int
    length: int
    ends: Int[Tensor, " documents"]  # position of each one's last token in it
    gather: Int[Tensor, " padded"] | None  # positions in the row, padded; None where all have this length
    real: Int[Tensor, " tokens"] | None  # which of the padded positions are not padding

    def split(self, rows: Float[Tensor, "1 heads tokens width"]) -> Float[Tensor, "documents heads length width"]:
        span = self.span
        return split_documents(rows, span.start, span.stop, self.gather, self.documents, self.length)


class PrefixAttention(NamedTuple):
    """Attention of queries to the prompt's prefix, not yet normalised: sums over its tokens, weighted by exp(score)."""

    kv: KeyValues  # of the prefix, one document
    weighted_values: Float[Tensor, "documents heads length width"]  # float32
    weight_sums: Float[Tensor, "documents heads length 1"]  # float32

    def map(self, change: Callable[[Tensor], Tensor]) -> "PrefixAttention":
        return PrefixAttention(self.kv, change(self.weighted_values), change(self.weight_sums))


@dataclass(frozen=True)
class AttentionInput:
    """Attention computed in one go: queries of some documents, with the keys and values they attend to."""

    rows: slice  # of the queries in the row
    queries: Float[Tensor, "documents heads length width"]
    prefix: PrefixAttention | None
    kv: KeyValues
    mask: Tensor  # 0 or -inf, for the last keys
    causal: bool  # the mask is a square with zeros up to its diagonal, and all keys before it are visible
    real: Int[Tensor, " tokens"] | None = None  # which of the padded queries are not padding


@dataclass
class PackedBatch:
    """Where documents lie in the row, and the prefix before each of them."""

    lengths: Sequence[int]  # in ascending order
    prefix: dict[int, KeyValues] = field(default_factory=dict)  # by layer
    max_new_tokens: int = 0  # that later passes append to each document
    cache: dict[int, list[KeyValues]] | None = None  # by layer, of each group, with room for the new tokens
    narrowed: bool = False  # the last layer went on with the documents' last tokens alone
    masks: dict[tuple[int, int | None, int], Tensor] = field(default_factory=dict)
    device: torch.device | None = None

    @cached_property
    def groups(self) -> list[LengthGroup]:
        groups: list[LengthGroup] = []
        start = 0
        for length, run in groupby(self.lengths, _padded_length):
            # On the CPU up to the end: reading a number from a GPU makes the program wait for it.
            own = torch.tensor(list(run))
            stop = start + int(own.sum())
            gather = real = None
            if (own != length).any():
                positions = torch.arange(length).expand(len(own), -1)
                begin = (start + own.cumsum(0) - own)[:, None]
                gather = (begin + positions.minimum(own[:, None] - 1)).flatten().to(self.device)
                real = (positions < own[:, None]).flatten().nonzero()[:, 0].to(self.device)
            ends = (own - 1).to(self.device)
            groups.append(LengthGroup(slice(start, stop), len(own), length, ends, gather, real))
            start = stop
        return groups

    @property
    def last(self) -> list[int]:
        """Position of each document's last token in the row."""
        return [end - 1 for end in accumulate(self.lengths)]

    def attention_inputs(
        self, layer: int, query: Tensor, prefix: PrefixAttention | None, own: KeyValues, window: int | None
    ) -> Iterator[AttentionInput]:
        """The attention of one layer, group by group."""
        done = 0
        if self.cache is not None:
            self.cache[layer] = []
        copied = None if prefix else self.prefix.get(layer)
        for group in self.groups:
            kv = self._keys_values(layer, copied, KeyValues(*map(group.split, own.both)))
            mask = self._mask(group.length, kv.keys.shape[2] - group.length, window, query)
            if self.narrowed:
                rows = slice(done, done + group.documents)

                def split(side: Tensor, rows: slice = rows) -> Tensor:
                    return side[0, :, rows].transpose(0, 1)[:, :, None]

                last = mask[group.ends][:, None, None]
                yield AttentionInput(rows, split(query), prefix and prefix.map(split), kv, last, causal=False)
                done = rows.stop
            else:
                seen = prefix and prefix.map(group.split)
                yield AttentionInput(group.span, group.split(query), seen, kv, mask, window is None, group.real)

    def _keys_values(self, layer: int, prefix: KeyValues | None, own: KeyValues) -> KeyValues:
        """A group's keys and values, those of the prefix before each document if given; kept with room after them."""
        before = 0 if prefix is None else prefix.keys.shape[2]
        docs, heads, length, width = own.keys.shape
        size = before + length + self.max_new_tokens
        kv = KeyValues(
            own.keys.new_empty(docs, heads, size, width), own.values.new_empty(docs, heads, size, own.values.shape[3])
        )
        if prefix is not None:
            kv.write(0, prefix)
        stop = kv.write(before, own)
        if self.cache is not None:
            self.cache[layer].append(kv)
        return kv.truncate(stop)

    def _mask(self, length: int, before: int, window: int | None, like: Tensor) -> Float[Tensor, "length keys"]:
        """0 where a token is visible, -inf elsewhere; of the last keys only, where all before them are visible."""
        if window is None:
            before = 0
        key = (length, window, before)
        if key not in self.masks:
            keys = torch.arange(before + length, device=like.device)
            queries = keys[before:, None]
            hidden = keys > queries
            if window is not None:
                hidden |= keys <= queries - window
            self.masks[key] = torch.zeros_like(hidden, dtype=like.dtype).masked_fill_(hidden, float("-inf"))
        return self.masks[key]


@dataclass
class TokenTree:
    """The same number of tokens appended to each document of a batch, as branches of a tree (tree attention).

    Each token attends to the document and to its own ancestors alone, which may be tokens of earlier trees.
    """

    batch: PackedBatch  # read before, with its cache
    ancestors: Bool[Tensor, "documents beam appended"]  # itself included, among all tokens appended so far
    depths: Int[Tensor, "documents appended"]  # number of ancestors of each, itself included
    masks: dict[tuple[int, int | None], Tensor] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of tokens appended to each document in this pass."""
        return self.ancestors.shape[1]

    @property
    def prefix(self) -> dict[int, KeyValues]:
        return self.batch.prefix

    def attention_inputs(
        self, layer: int, query: Tensor, prefix: PrefixAttention | None, own: KeyValues, window: int | None
    ) -> Iterator[AttentionInput]:
        """The attention of one layer, group by group."""
        count, appended = self.ancestors.shape[1:]
        done = 0
        for place, (group, kv) in enumerate(zip(self.batch.groups, (self.batch.cache or {})[layer], strict=True)):
            documents = slice(done, done + group.documents)
            rows = slice(documents.start * count, documents.stop * count)

            def split(side: Tensor, rows: slice = rows) -> Tensor:
                return side[0, :, rows].unflatten(1, (-1, count)).transpose(0, 1)

            before = kv.keys.shape[2] - self.batch.max_new_tokens - group.length
            stop = kv.write(before + group.length + appended - count, KeyValues(*map(split, own.both)))
            if (place, window) not in self.masks:
                self.masks[place, window] = self._mask(group, documents, before, window).to(query.dtype)
            seen = prefix and prefix.map(split)
            mask = self.masks[place, window]
            yield AttentionInput(rows, split(query), seen, kv.truncate(stop), mask, causal=False)
            done = documents.stop

    def _mask(self, group: LengthGroup, documents: slice, before: int, window: int | None) -> Tensor:
        positions = torch.arange(group.length, device=group.ends.device)
        ancestors, depths = self.ancestors[documents], self.depths[documents]
        hidden = (positions > group.ends[:, None])[:, None].expand(-1, ancestors.shape[1], -1)
        unseen = ~ancestors
        if window is not None:
            # The token's own position less the window: what lies there or before is out of sight.
            edge = (ancestors.sum(dim=2) - window)[..., None]
            unseen = unseen | (depths[:, None] <= edge)
            edge = edge + before + group.ends[:, None, None]
            prompt = torch.arange(before, device=edge.device) <= edge
            hidden = torch.cat([prompt, hidden | (before + positions <= edge)], dim=2)
        hidden = torch.cat([hidden, unseen], dim=2)
        return torch.zeros(hidden.shape, device=positions.device).masked_fill_(hidden, float("-inf"))[:, None]


def _padded_length(length: int) -> int:
    """Up to a quarter longer: a document's shapes depend on its own length, and few documents are computed alone."""
    step = 1 << max(2, length.bit_length() - 3) if length > 4 else 1
    return -(-length // step) * step


def pack(rows: Sequence[Sequence[int]], before: int) -> tuple[Int[Tensor, "1 tokens"], Int[Tensor, "1 tokens"]]:
    """Token ids and positions of documents laid end to end after `before` tokens, padded to `ROW_MULTIPLE`."""
    ids = [token for row in rows for token in row]
    positions = [before + place for row in rows for place in range(len(row))]
    padding = [0] * (-len(ids) % ROW_MULTIPLE)
    return torch.tensor([ids + padding]), torch.tensor([positions + padding])


def split_into_packs(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Documents, shortest first, in packs of at most `max_tokens` tokens (or one longer document each)."""
    packs: list[list[int]] = []
    room = 0
    for document in sorted(range(len(lengths)), key=lambda document: (lengths[document], document)):
        if not packs or lengths[document] > room:
            packs.append([])
            room = max_tokens
        packs[-1].append(document)
        room -= lengths[document]
    return packs
