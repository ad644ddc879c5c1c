"""One forward pass over many documents of any length without a padded token.

Documents lie end to end in one row of tokens. Every linear layer sees that row as one matrix; only attention looks at
documents one by one, those of about one length together. The prompt's beginning was read once: its keys and values
stand before each document's own. A document is computed with the same shapes whatever its neighbours are, so its result
does not depend on the batch: bit for bit wherever matrix products work row by row (seen on CPU in bfloat16, and in
float32 once rows are padded to ROWS).

transformers hands keyword arguments of a model's forward down to its attention function, and that is how `Packing`
gets there. Models that do otherwise are found out by the probe in `softtopic.teacher.reading` and read plainly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, groupby, pairwise
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

# Queries of a long document that are scored together.
BLOCK = 64

# BLAS takes other paths, with other roundings, for very small matrices.
ROWS = 64

# Sums of exponentials between 1 / WIDE and WIDE are as exact without the largest score taken off as with it.
_WIDE = 1e30

NAME = "softtopic_packed"


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
        own = rows[0, :, self.span] if self.gather is None else rows[0].index_select(1, self.gather)
        return own.unflatten(1, (self.documents, self.length)).transpose(0, 1)


@dataclass(frozen=True)
class Part:
    """Attention computed in one go: queries of some documents, and what they look at."""

    rows: slice  # where the queries lie
    queries: Float[Tensor, "documents heads length width"]
    kv: KeyValues
    mask: Tensor  # 0 or -inf, for the last keys
    causal: bool  # a query sees all before it, nothing after: the mask is a square with zeros below its diagonal
    real: Int[Tensor, " tokens"] | None = None  # which of the padded queries are wanted


@dataclass
class Packing:
    """Where the documents lie in the row, and what stands before each of them."""

    lengths: Sequence[int]  # in ascending order
    prefix: dict[int, KeyValues] = field(default_factory=dict)  # by layer
    room: int = 0  # tokens that will follow each document in later passes
    kept: dict[int, list[KeyValues]] | None = None  # by layer, what each group sees and the room after it
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

    def parts(self, layer: int, query: Tensor, key: Tensor, value: Tensor, window: int | None) -> Iterator[Part]:
        """The attention of one layer, document by document of about one length."""
        done = 0
        if self.kept is not None:
            self.kept[layer] = []
        for group in self.groups:
            kv = self._seen(layer, KeyValues(group.split(key), group.split(value)))
            mask = self._mask(group.length, kv.keys.shape[2] - group.length, window, query)
            if self.narrowed:
                rows = slice(done, done + group.documents)
                yield Part(
                    rows, query[0, :, rows].transpose(0, 1)[:, :, None], kv, mask[group.ends][:, None, None], False
                )
                done = rows.stop
            else:
                yield Part(group.span, group.split(query), kv, mask, window is None, group.real)

    def _seen(self, layer: int, own: KeyValues) -> KeyValues:
        """The prompt's beginning and a group's own tokens in one piece."""
        before = self.prefix.get(layer)
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

    def parts(self, layer: int, query: Tensor, key: Tensor, value: Tensor, window: int | None) -> Iterator[Part]:
        """The attention of one layer: each token sees its document and its own line."""
        count, branched = self.lineage.shape[1:]
        done = 0
        for place, (group, kv) in enumerate(
            zip(self.documents.groups, (self.documents.kept or {})[layer], strict=True)
        ):
            documents = slice(done, done + group.documents)
            rows = slice(documents.start * count, documents.stop * count)
            new = KeyValues(*(side[0, :, rows].unflatten(1, (-1, count)).transpose(0, 1) for side in (key, value)))
            known = kv.keys.shape[2] - self.documents.room - group.length
            stop = kv.put(known + group.length + branched - count, new)
            if (place, window) not in self.masks:
                self.masks[place, window] = self._mask(group, documents, known, window).to(query.dtype)
            queries = query[0, :, rows].unflatten(1, (-1, count)).transpose(0, 1)
            yield Part(rows, queries, kv.cut(stop), self.masks[place, window], causal=False)
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


def packed_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *_: Any, **options: Any
) -> tuple[Tensor, None]:
    """Attention within each document and over the prompt's beginning; the interface is that of transformers.

    Shapes: query [1, heads, tokens, width], key and value [1, fewer heads, tokens, width]; result
    [1, tokens, heads, width]. In a narrowed pass the queries are the documents' last tokens alone.
    """
    packing: Packing | Branching = options["packing"]
    layer: int = module.layer_idx  # type: ignore[assignment]
    scale, softcap = options.get("scaling") or query.shape[-1] ** -0.5, options.get("softcap")
    out = query.new_empty(query.shape[2], query.shape[1], value.shape[3])
    done = 0
    for part in packing.parts(layer, query, key, value, options.get("sliding_window")):
        documents, heads, length = part.queries.shape[:3]
        if part.real is None:
            _attend(part, scale, softcap, out[part.rows].unflatten(0, (documents, length)).transpose(1, 2))
        else:
            padded = out.new_empty(documents, length, heads, out.shape[2])
            _attend(part, scale, softcap, padded.transpose(1, 2))
            out[part.rows] = padded.flatten(0, 1)[part.real]
        done = part.rows.stop
    out[done:] = 0  # the padding's
    return out[None], None


def _attend(part: Part, scale: float, softcap: float | None, out: Tensor) -> None:
    """Softmax attention into `out`, [documents, heads, length, width]."""
    q, kv, mask = part.queries, part.kv, part.mask
    if softcap is None and _prefers_fused(q.device):
        mask = F.pad(mask, (kv.keys.shape[2] - mask.shape[-1], 0))
        gqa = q.shape[1] != kv.keys.shape[1]
        out.copy_(F.scaled_dot_product_attention(q, *kv.both, attn_mask=mask, scale=scale, enable_gqa=gqa))
        return
    if not part.causal:
        _attend_block(part, scale, softcap, out)
        return
    # Queries go in blocks: what a block cannot see is not computed, and its scores stay in the processor's cache.
    length = q.shape[2]
    count = max(1, round(length / BLOCK))
    for start, stop in pairwise(length * block // count for block in range(count + 1)):
        rows, seen = slice(start, stop), kv.cut(kv.keys.shape[2] - length + stop)
        # All that stands before the block is seen by the whole of it.
        block = Part(rows, q[:, :, rows], seen, mask[rows, rows], causal=True)
        _attend_block(block, scale, softcap, out[:, :, rows])


def _prefers_fused(device: torch.device) -> bool:
    return device.type != "cpu"


def _attend_block(part: Part, scale: float, softcap: float | None, out: Tensor) -> None:
    """On short documents two plain products are 2 to 3 times as fast on a CPU as the fused kernel."""
    docs, heads, length, width = part.queries.shape
    groups = heads // part.kv.keys.shape[1]
    # Heads that share keys are rows of one product.
    q = part.queries.reshape(-1, groups * length, width)
    k, v = (side.flatten(0, 1) for side in part.kv.both)
    shape = (docs, heads, length, -1)

    def scored() -> Tensor:
        scores = torch.baddbmm(q.new_empty(()), q, k.transpose(1, 2), beta=0, alpha=scale)
        if softcap is not None:
            scores = scores.div_(softcap).tanh_().mul_(softcap)
        scores.view(shape)[..., -part.mask.shape[-1] :] += part.mask
        return scores

    def safe() -> Tensor:
        return torch.bmm(torch.softmax(scored().float(), dim=-1).to(v.dtype), v).view(shape)

    if torch.finfo(q.dtype).max < _WIDE:
        out.copy_(safe())
        return
    # Without the largest score taken off first, which costs two passes more: the sums say where that was needed.
    weights = scored().exp_()
    total = weights.sum(dim=-1, keepdim=True, dtype=torch.float32).view(shape)
    torch.div(torch.bmm(weights, v).view(shape), total.to(v.dtype), out=out)
    low, high = total.aminmax()
    if not (low > 1 / _WIDE and high < _WIDE):
        out.copy_(torch.where((total > 1 / _WIDE) & (total < _WIDE), out, safe()))


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
