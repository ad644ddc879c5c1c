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
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

# Queries of a long document that are scored together.
BLOCK = 64

# BLAS takes other paths, with other roundings, for very small matrices.
ROWS = 64

NAME = "softtopic_packed"


@dataclass(frozen=True)
class KeyValues:
    """Keys and values of the prompt's beginning in one layer, each [1, heads, tokens, width]."""

    keys: Tensor
    values: Tensor

    def cut(self, tokens: int) -> "KeyValues":
        """Without the padding of the row they were read in."""
        return KeyValues(self.keys[:, :, :tokens].contiguous(), self.values[:, :, :tokens].contiguous())


@dataclass
class Packing:
    """Where the documents lie in the row, and what stands before each of them."""

    lengths: Sequence[int]  # equal lengths adjacent
    prefix: dict[int, KeyValues] = field(default_factory=dict)  # by layer
    keep: bool = False  # remember this row's keys and values: it is the prefix of those to come
    masks: dict[tuple[int, int, int | None], Tensor] = field(default_factory=dict)

    @cached_property
    def groups(self) -> list[tuple[int, int, int]]:
        """(start, documents, length) of each run of equal lengths."""
        found: list[tuple[int, int, int]] = []
        start = 0
        for length in self.lengths:
            if found and found[-1][2] == length:
                found[-1] = (found[-1][0], found[-1][1] + 1, length)
            else:
                found.append((start, 1, length))
            start += length
        return found

    @property
    def last(self) -> list[int]:
        """Position of each document's last token."""
        ends: list[int] = []
        for length in self.lengths:
            ends.append((ends[-1] if ends else -1) + length)
        return ends

    def mask(self, length: int, before: int, window: int | None, like: Tensor) -> Float[Tensor, "length keys"]:
        """0 where a token may look, -inf elsewhere; every layer shares it."""
        key = (length, before, window)
        if key not in self.masks:
            keys = torch.arange(before + length, device=like.device)
            queries = keys[before:, None]
            hidden = keys > queries
            if window is not None:
                hidden |= keys <= queries - window
            self.masks[key] = torch.zeros_like(hidden, dtype=like.dtype).masked_fill_(hidden, float("-inf"))
        return self.masks[key]


def packed_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *_: Any, **options: Any
) -> tuple[Tensor, None]:
    """Attention within each document and over the prompt's beginning; the interface is that of transformers.

    Shapes: query [1, heads, tokens, width], key and value [1, fewer heads, tokens, width]; result
    [1, tokens, heads, width].
    """
    packing: Packing = options["packing"]
    layer: int = module.layer_idx  # type: ignore[assignment]
    if packing.keep:
        packing.prefix[layer] = KeyValues(key, value)
    before = None if packing.keep else packing.prefix.get(layer)
    scale = options.get("scaling") or query.shape[-1] ** -0.5
    window, softcap = options.get("sliding_window"), options.get("softcap")
    out = query.new_zeros(1, query.shape[2], query.shape[1], value.shape[3])
    for start, count, length in packing.groups:
        stop = start + count * length

        def documents(rows: Tensor) -> Tensor:
            return rows[0, :, start:stop].unflatten(1, (count, length)).transpose(0, 1)  # noqa: B023

        q, k, v = documents(query), documents(key), documents(value)
        known = 0
        if before is not None:
            known = before.keys.shape[2]
            k = torch.cat([before.keys.expand(count, -1, -1, -1), k], dim=2)
            v = torch.cat([before.values.expand(count, -1, -1, -1), v], dim=2)
        mask = packing.mask(length, known, window, query)
        attended = _attend(q, k, v, mask, scale, softcap)
        out[0, start:stop] = attended.transpose(1, 2).reshape(count * length, query.shape[1], -1)
    return out, None


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float, softcap: float | None) -> Tensor:
    """Softmax attention, [documents, heads, length, width]."""
    if softcap is None and q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=q.shape[1] != k.shape[1])
    # Queries go in blocks: what a block cannot see yet is not computed, and its scores stay in the processor's cache.
    length = q.shape[2]
    before = k.shape[2] - length
    count = max(1, round(length / BLOCK))
    bounds = [length * block // count for block in range(count + 1)]
    blocks = [
        _attend_block(
            q[:, :, start:stop], k[:, :, : before + stop], v[:, :, : before + stop],
            mask[start:stop, : before + stop], scale, softcap,
        )
        for start, stop in pairwise(bounds)
    ]  # fmt: skip
    return blocks[0] if count == 1 else torch.cat(blocks, dim=2)


def _attend_block(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float, softcap: float | None) -> Tensor:
    """On short documents two plain products are 2 to 3 times as fast on a CPU as the fused kernel."""
    docs, heads, length, width = q.shape
    groups = heads // k.shape[1]
    # Heads that share keys are rows of one product.
    q = q.reshape(docs * k.shape[1], groups * length, width)
    k, v = k.flatten(0, 1), v.flatten(0, 1)
    rows = mask.repeat(groups, 1)
    if softcap is None:
        scores = torch.baddbmm(rows, q, k.transpose(1, 2), alpha=scale)
    else:
        scores = torch.tanh(torch.bmm(q, k.transpose(1, 2)) * (scale / softcap)) * softcap + rows
    # The softmax of bfloat16 takes half as long again as the way over float32.
    shares = torch.softmax(scores.float(), dim=-1).to(v.dtype)
    return torch.bmm(shares, v).view(docs, heads, length, -1)


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
