"""One forward pass over many documents of any length without a padded token.

Documents lie end to end in one row of tokens. Every linear layer sees that row as one matrix; only attention looks at
documents one by one, those of about one length together. The prompt's beginning was read once: all tokens of the row
look at its keys and values in one product, to which each adds what it sees of its own document
(`softtopic.lm.attention`). A document is computed with the same shapes whatever its neighbours are, so its result
does not depend on the batch: bit for bit wherever matrix products work row by row (seen on CPU in bfloat16, and in
float32 once rows are padded to ROWS).

transformers hands keyword arguments of a model's forward down to its attention function, and that is how `Packing`
gets there. Models that do otherwise are found out by the probe in `softtopic.lm.engine` and read plainly.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, groupby
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# BLAS takes other paths, with other roundings, for very small matrices.
ROWS = 64


@dataclass(frozen=True)
class KeyValues:
    """Of one layer, each [documents, heads, tokens, width]; of the prompt's beginning it is one document."""

    keys: Tensor
    values: Tensor

    @property
    def both(self) -> tuple[Tensor, Tensor]:
        return self.keys, self.values

    def cut(self, tokens: int) -> "KeyValues":
        """The first tokens alone."""
        return KeyValues(self.keys[:, :, :tokens], self.values[:, :, :tokens])

    def put(self, place: int, other: "KeyValues") -> int:
        """Write others' tokens from a place on; returns the place after them."""
        stop = place + other.keys.shape[2]
        for side, new in zip(self.both, other.both, strict=True):
            side[:, :, place:stop] = new
        return stop


@dataclass(frozen=True)
class Group:
    """Documents whose attention is computed together, each taken to be `length` tokens long."""

    span: slice  # where their tokens lie in the row
    documents: int
    length: int
    ends: Int[Tensor, " documents"]  # the last token's place in each
    gather: Int[Tensor, " padded"] | None  # positions in the row, padded; None where all have this length
    real: Int[Tensor, " tokens"] | None  # which of the padded places are theirs

    def split(self, rows: Float[Tensor, "1 heads tokens width"]) -> Float[Tensor, "documents heads length width"]:
        # Tokens first: picking along an inner axis copies the whole row before.
        tokens = rows[0].transpose(0, 1)
        own = tokens[self.span] if self.gather is None else tokens[self.gather]
        return own.unflatten(0, (self.documents, self.length)).transpose(1, 2)


class Glance(NamedTuple):
    """What queries have seen of the prompt's beginning: sums over its tokens, each weighted by exp(score)."""

    kv: KeyValues  # of the beginning, one document
    values: Float[Tensor, "documents heads length width"]  # float32
    weights: Float[Tensor, "documents heads length 1"]  # float32

    def map(self, change: Callable[[Tensor], Tensor]) -> "Glance":
        return Glance(self.kv, change(self.values), change(self.weights))


@dataclass(frozen=True)
class Part:
    """Attention computed in one go: queries of some documents, and what they look at."""

    rows: slice  # where the queries lie
    queries: Float[Tensor, "documents heads length width"]
    glance: Glance | None
    kv: KeyValues
    mask: Tensor  # 0 or -inf, for the last keys
    causal: bool  # a query sees all before it, nothing after: the mask is a square with zeros below its diagonal
    real: Int[Tensor, " tokens"] | None = None  # which of the padded queries are wanted

    def cut(self, rows: slice, seen: int) -> "Part":
        """Some queries of causal attention, which see so many keys; all that stands before them is seen by each."""
        glance = self.glance and self.glance.map(lambda side: side[:, :, rows])
        return Part(rows, self.queries[:, :, rows], glance, self.kv.cut(seen), self.mask[rows, rows], causal=True)

    @property
    def whole(self) -> "Part":
        """The same with the prompt's beginning once more before each document."""
        if self.glance is None:
            return self
        documents = len(self.queries)
        sides = zip(self.glance.kv.both, self.kv.both, strict=True)
        kv = KeyValues(*(torch.cat([old.expand(documents, -1, -1, -1), new], dim=2) for old, new in sides))
        return Part(self.rows, self.queries, None, kv, self.mask, self.causal, self.real)


@dataclass
class Packing:
    """Where the documents lie in the row, and what stands before each of them."""

    lengths: Sequence[int]  # in ascending order
    prefix: dict[int, KeyValues] = field(default_factory=dict)  # by layer
    room: int = 0  # tokens that will follow each document in later passes
    kept: dict[int, list[KeyValues]] | None = None  # by layer, what each group looks at anew, and the room after it
    narrowed: bool = False  # the last layer went on with the documents' last tokens alone
    masks: dict[tuple[int, int | None, int], Tensor] = field(default_factory=dict)
    device: torch.device | None = None

    @cached_property
    def groups(self) -> list[Group]:
        found: list[Group] = []
        start = 0
        for length, run in groupby(self.lengths, _rounded):
            # On the CPU up to the end: asking a GPU for a number makes it wait.
            own = torch.tensor(list(run))
            stop = start + int(own.sum())
            gather = real = None
            if (own != length).any():
                places = torch.arange(length).expand(len(own), -1)
                begin = (start + own.cumsum(0) - own)[:, None]
                gather = (begin + places.minimum(own[:, None] - 1)).flatten().to(self.device)
                real = (places < own[:, None]).flatten().nonzero()[:, 0].to(self.device)
            found.append(Group(slice(start, stop), len(own), length, (own - 1).to(self.device), gather, real))
            start = stop
        return found

    @property
    def last(self) -> list[int]:
        """Position of each document's last token."""
        return [end - 1 for end in accumulate(self.lengths)]

    def parts(
        self, layer: int, query: Tensor, glance: Glance | None, own: KeyValues, window: int | None
    ) -> Iterator[Part]:
        """The attention of one layer, document by document of about one length."""
        done = 0
        if self.kept is not None:
            self.kept[layer] = []
        before = None if glance else self.prefix.get(layer)
        for group in self.groups:
            kv = self._seen(layer, before, KeyValues(*map(group.split, own.both)))
            mask = self._mask(group.length, kv.keys.shape[2] - group.length, window, query)
            if self.narrowed:
                rows = slice(done, done + group.documents)

                def split(side: Tensor, rows: slice = rows) -> Tensor:
                    return side[0, :, rows].transpose(0, 1)[:, :, None]

                last = mask[group.ends][:, None, None]
                yield Part(rows, split(query), glance and glance.map(split), kv, last, causal=False)
                done = rows.stop
            else:
                seen = glance and glance.map(group.split)
                yield Part(group.span, group.split(query), seen, kv, mask, window is None, group.real)

    def _seen(self, layer: int, before: KeyValues | None, own: KeyValues) -> KeyValues:
        """A group's own tokens, and what stands before each document, in one piece with room after it."""
        known = 0 if before is None else before.keys.shape[2]
        docs, heads, length, width = own.keys.shape
        size = known + length + self.room
        kv = KeyValues(
            own.keys.new_empty(docs, heads, size, width), own.values.new_empty(docs, heads, size, own.values.shape[3])
        )
        if before is not None:
            kv.put(0, before)
        stop = kv.put(known, own)
        if self.kept is not None:
            self.kept[layer].append(kv)
        return kv.cut(stop)

    def _mask(self, length: int, before: int, window: int | None, like: Tensor) -> Float[Tensor, "length keys"]:
        """0 where a token may look, -inf elsewhere; of the last tokens only, where all see what stands before."""
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
class Branching:
    """The same number of tokens after each document of a pass; each sees the document and its own line alone.

    A line may hold tokens of earlier branchings and of this one: `lineage` says which, over all tokens so far.
    """

    documents: Packing  # read before, and kept
    lineage: Bool[Tensor, "documents branches branched"]  # itself included
    depths: Int[Tensor, "documents branched"]  # how many tokens each one's line has
    masks: dict[tuple[int, int | None], Tensor] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many tokens there are after each document in this pass."""
        return self.lineage.shape[1]

    @property
    def prefix(self) -> dict[int, KeyValues]:
        return self.documents.prefix

    def parts(
        self, layer: int, query: Tensor, glance: Glance | None, own: KeyValues, window: int | None
    ) -> Iterator[Part]:
        """The attention of one layer: each token sees its document and its own line."""
        count, branched = self.lineage.shape[1:]
        done = 0
        for place, (group, kv) in enumerate(
            zip(self.documents.groups, (self.documents.kept or {})[layer], strict=True)
        ):
            documents = slice(done, done + group.documents)
            rows = slice(documents.start * count, documents.stop * count)

            def split(side: Tensor, rows: slice = rows) -> Tensor:
                return side[0, :, rows].unflatten(1, (-1, count)).transpose(0, 1)

            known = kv.keys.shape[2] - self.documents.room - group.length
            stop = kv.put(known + group.length + branched - count, KeyValues(*map(split, own.both)))
            if (place, window) not in self.masks:
                self.masks[place, window] = self._mask(group, documents, known, window).to(query.dtype)
            seen = glance and glance.map(split)
            yield Part(rows, split(query), seen, kv.cut(stop), self.masks[place, window], causal=False)
            done = documents.stop

    def _mask(self, group: Group, documents: slice, known: int, window: int | None) -> Tensor:
        places = torch.arange(group.length, device=group.ends.device)
        line, depths = self.lineage[documents], self.depths[documents]
        hidden = (places > group.ends[:, None])[:, None].expand(-1, line.shape[1], -1)
        unseen = ~line
        if window is not None:
            # The token's own position less the window: what lies there or before is out of sight.
            edge = (line.sum(dim=2) - window)[..., None]
            unseen = unseen | (depths[:, None] <= edge)
            edge = edge + known + group.ends[:, None, None]
            prompt = torch.arange(known, device=edge.device) <= edge
            hidden = torch.cat([prompt, hidden | (known + places <= edge)], dim=2)
        hidden = torch.cat([hidden, unseen], dim=2)
        return torch.zeros(hidden.shape, device=places.device).masked_fill_(hidden, float("-inf"))[:, None]


def _rounded(length: int) -> int:
    """Up to an eighth longer: a document's shapes depend on its own length, and few documents are computed alone."""
    step = 1 << max(0, length.bit_length() - 4)
    return -(-length // step) * step


def pack(rows: Sequence[Sequence[int]], before: int) -> tuple[Int[Tensor, "1 tokens"], Int[Tensor, "1 tokens"]]:
    """Token ids and positions of documents laid end to end after `before` tokens, padded to a multiple of ROWS."""
    ids = [token for row in rows for token in row]
    positions = [before + place for row in rows for place in range(len(row))]
    short = -len(ids) % ROWS
    return torch.tensor([ids + [0] * short]), torch.tensor([positions + [0] * short])


def packs(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Documents, shortest first, cut into packs of at most `budget` tokens (or one longer document each)."""
    found: list[list[int]] = []
    room = 0
    for document in sorted(range(len(lengths)), key=lambda document: (lengths[document], document)):
        if not found or lengths[document] > room:
            found.append([])
            room = budget
        found[-1].append(document)
        room -= lengths[document]
    return found
