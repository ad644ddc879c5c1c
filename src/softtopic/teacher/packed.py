"""One forward pass over many documents of any length without a padded token.

Documents lie end to end in one row of tokens. Every linear layer sees that row as one matrix; only attention looks at
documents one by one, those of equal length together. The prompt's beginning was read once: its keys and values stand
before each document's own. A document is computed with the same shapes whatever its neighbours are, so its result
does not depend on the batch: bit for bit wherever matrix products work row by row (seen on CPU in bfloat16, and in
float32 once rows are padded to ROWS).

transformers hands keyword arguments of a model's forward down to its attention function, and that is how `Packing`
gets there. Models that do otherwise are found out by the probe in `softtopic.teacher.model` and read plainly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, groupby, pairwise
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
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

    def cut(self, tokens: int) -> "KeyValues":
        """The first tokens alone."""
        return KeyValues(self.keys[:, :, :tokens], self.values[:, :, :tokens])

    def after(self, before: "KeyValues") -> "KeyValues":
        """Preceded by what every document begins with."""
        shape = (len(self.keys), -1, -1, -1)
        return KeyValues(
            torch.cat([before.keys.expand(shape), self.keys], dim=2),
            torch.cat([before.values.expand(shape), self.values], dim=2),
        )


@dataclass(frozen=True)
class Scoring:
    """How scores of queries and keys are made."""

    scale: float
    softcap: float | None
    causal: bool  # a token sees all before it, nothing after


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


@dataclass
class Packing:
    """Where the documents lie in the row, and what stands before each of them."""

    lengths: Sequence[int]  # in ascending order
    prefix: dict[int, KeyValues] = field(default_factory=dict)  # by layer
    keep: bool = False  # remember this row's keys and values: it is the prefix of those to come
    narrowed: bool = False  # the last layer went on with the documents' last tokens alone
    masks: dict[tuple[int, int | None, int], Tensor] = field(default_factory=dict)
    device: torch.device | None = None

    @cached_property
    def groups(self) -> list[Group]:
        found: list[Group] = []
        start = 0
        for length, run in groupby(self.lengths, _rounded):
            own = torch.tensor(list(run), device=self.device)
            stop = start + int(own.sum())
            gather = real = None
            if (own != length).any():
                places = torch.arange(length, device=self.device).expand(len(own), -1)
                begin = (start + own.cumsum(0) - own)[:, None]
                gather = (begin + places.minimum(own[:, None] - 1)).flatten()
                real = (places < own[:, None]).flatten().nonzero()[:, 0]
            found.append(Group(slice(start, stop), len(own), length, own - 1, gather, real))
            start = stop
        return found

    @property
    def last(self) -> list[int]:
        """Position of each document's last token."""
        return [end - 1 for end in accumulate(self.lengths)]

    def mask(self, length: int, before: int, window: int | None, like: Tensor) -> Float[Tensor, "length keys"]:
        """0 where a token may look, -inf elsewhere; of the last tokens only, where all see what stands before."""
        if window is None:
            before = 0  # the square at the end says it all
        key = (length, window, before)
        if key not in self.masks:
            keys = torch.arange(before + length, device=like.device)
            queries = keys[before:, None]
            hidden = keys > queries
            if window is not None:
                hidden |= keys <= queries - window
            self.masks[key] = torch.zeros_like(hidden, dtype=like.dtype).masked_fill_(hidden, float("-inf"))
        return self.masks[key]


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
    packing: Packing = options["packing"]
    layer: int = module.layer_idx  # type: ignore[assignment]
    if packing.keep:
        packing.prefix[layer] = KeyValues(key, value)
    before = None if packing.keep else packing.prefix.get(layer)
    window = options.get("sliding_window")
    scoring = Scoring(
        options.get("scaling") or query.shape[-1] ** -0.5,
        options.get("softcap"),
        causal=window is None and not packing.narrowed,
    )
    out = query.new_empty(query.shape[2], query.shape[1], value.shape[3])
    done = 0
    for group in packing.groups:
        kv = KeyValues(group.split(key), group.split(value))
        if before is not None:
            kv = kv.after(before)
        mask = packing.mask(group.length, kv.keys.shape[2] - group.length, window, query)
        if packing.narrowed:
            own = slice(done, done + group.documents)
            q, mask = query[0, :, own].transpose(0, 1)[:, :, None], mask[group.ends][:, None, None]
        else:
            own, q = group.span, group.split(query)
        if packing.narrowed or group.real is None:
            _attend(q, kv, mask, scoring, out[own].unflatten(0, (group.documents, -1)).transpose(1, 2))
        else:
            padded = out.new_empty(group.documents, group.length, *out.shape[1:])
            _attend(q, kv, mask, scoring, padded.transpose(1, 2))
            out[own] = padded.flatten(0, 1)[group.real]
        done = own.stop
    out[done:] = 0  # the padding's
    return out[None], None


def _attend(q: Tensor, kv: KeyValues, mask: Tensor, scoring: Scoring, out: Tensor) -> None:
    """Softmax attention into `out`, all [documents, heads, length, width]; `mask` is that of the last keys."""
    if scoring.softcap is None and q.device.type != "cpu":
        mask = F.pad(mask, (kv.keys.shape[2] - mask.shape[-1], 0))
        gqa = q.shape[1] != kv.keys.shape[1]
        out.copy_(
            F.scaled_dot_product_attention(q, kv.keys, kv.values, attn_mask=mask, scale=scoring.scale, enable_gqa=gqa)
        )  # fmt: skip
        return
    # Queries go in blocks: what a block cannot see yet is not computed, and its scores stay in the processor's cache.
    length = q.shape[2]
    later = mask.shape[-1] - length
    count = max(1, round(length / BLOCK))
    for start, stop in pairwise(length * block // count for block in range(count + 1)):
        seen = kv.cut(kv.keys.shape[2] - length + stop)
        rows = slice(start, stop)
        # All that stands before a block is seen by it, unless there is a window.
        columns = slice(start if scoring.causal else 0, later + stop)
        _attend_block(q[:, :, rows], seen, mask[..., rows, columns], scoring, out[:, :, rows])


def _attend_block(q: Tensor, kv: KeyValues, mask: Tensor, scoring: Scoring, out: Tensor) -> None:
    """On short documents two plain products are 2 to 3 times as fast on a CPU as the fused kernel."""
    docs, heads, length, width = q.shape
    groups = heads // kv.keys.shape[1]
    # Heads that share keys are rows of one product.
    q = q.reshape(-1, groups * length, width)
    k, v = kv.keys.flatten(0, 1), kv.values.flatten(0, 1)
    shape = (docs, heads, length, -1)

    def scored() -> Tensor:
        scores = torch.baddbmm(q.new_empty(()), q, k.transpose(1, 2), beta=0, alpha=scoring.scale)
        if scoring.softcap is not None:
            scores = scores.div_(scoring.softcap).tanh_().mul_(scoring.softcap)
        scores.view(shape)[..., -mask.shape[-1] :] += mask
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
