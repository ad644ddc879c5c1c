"""Attention of a packed pass: within each document, and over the prompt's beginning.

On a CPU exponentials are summed without the largest score taken off first, so that what a query sees of the prompt's
beginning and of its own document can be added up.
"""

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softtopic.lm.packed import ROWS, Branching, Glance, KeyValues, Packing, Part

NAME = "softtopic_packed"

# Queries of a long document that are scored together.
BLOCK = 64

# Sums of exponentials between 1 / WIDE and WIDE are as exact without the largest score taken off as with it.
_WIDE = 1e30

# Scores are cut off here, so that no exponential overflows: its sum is beyond _WIDE, and the row is computed again.
_LARGEST_SCORE = 70.0

# Scores of the prompt's beginning that are worked out at a time, so that they stay in the processor's cache.
_SCORES = 1 << 18


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
    done, window = 0, options.get("sliding_window")
    before = packing.prefix.get(layer)
    glance = None
    if before is not None and window is None and _sums(query):
        glance = _look_back(query, before, scale, softcap)
    for part in packing.parts(layer, query, glance, KeyValues(key, value), window):
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
        rows = slice(start, stop)
        _attend_block(part.cut(rows, kv.keys.shape[2] - length + stop), scale, softcap, out[:, :, rows])


def _prefers_fused(device: torch.device) -> bool:
    return device.type != "cpu"


def _sums(query: Tensor) -> bool:
    """Whether attention is worked out as sums of exponentials, without the largest score taken off first.

    Not where the sums would be too wide for the format, nor on a GPU: to look at them is to wait for it.
    """
    return not _prefers_fused(query.device) and torch.finfo(query.dtype).max > _WIDE


def _scored(queries: Tensor, keys: Tensor, scale: float, softcap: float | None) -> Tensor:
    """Scores of batches of queries [batch, rows, width] and keys [batch, keys, width]."""
    scores = torch.baddbmm(queries.new_empty(()), queries, keys.transpose(1, 2), beta=0, alpha=scale)
    return scores if softcap is None else scores.div_(softcap).tanh_().mul_(softcap)


def _look_back(query: Tensor, before: KeyValues, scale: float, softcap: float | None) -> Glance:
    """What all queries of a pass, [1, heads, tokens, width], see of the prompt's beginning, which hides nothing."""
    keys, values = before.keys[0], before.values[0]
    heads, tokens = query.shape[1:3]
    # Heads that share keys are rows of one product.
    q = query[0].reshape(len(keys), -1, query.shape[3])
    # In float32: they are only summands, and what is rounded twice is twice as far from the truth.
    seen, total = (torch.empty(*q.shape[:2], size, dtype=torch.float32) for size in (values.shape[2], 1))
    rows = max(1, _SCORES // keys.shape[1] // ROWS) * ROWS
    for some, into, sums in zip(q.split(rows, 1), seen.split(rows, 1), total.split(rows, 1), strict=True):
        weights = _scored(some, keys, scale, softcap).clamp_max_(_LARGEST_SCORE).exp_()
        torch.sum(weights, dim=-1, keepdim=True, dtype=torch.float32, out=sums)
        into.copy_(torch.bmm(weights, values))
    return Glance(before, *(side.view(1, heads, tokens, -1) for side in (seen, total)))


def _attend_block(part: Part, scale: float, softcap: float | None, out: Tensor) -> None:
    """On short documents two plain products are 2 to 3 times as fast on a CPU as the fused kernel."""
    docs, heads, length, width = part.queries.shape
    shape = (docs, heads, length, -1)

    def scored(part: Part) -> Tensor:
        # Heads that share keys are rows of one product.
        q = part.queries.reshape(docs * part.kv.keys.shape[1], -1, width)
        scores = _scored(q, part.kv.keys.flatten(0, 1), scale, softcap)
        scores.view(shape)[..., -part.mask.shape[-1] :] += part.mask
        return scores

    def safe() -> Tensor:
        whole = part.whole
        v = whole.kv.values.flatten(0, 1)
        return torch.bmm(torch.softmax(scored(whole).float(), dim=-1).to(v.dtype), v).view(shape)

    if not _sums(part.queries):
        out.copy_(safe())
        return
    # Without the largest score taken off first, which costs two passes more: the sums say where that was needed.
    weights = scored(part).clamp_max_(_LARGEST_SCORE).exp_()
    total = weights.sum(dim=-1, keepdim=True, dtype=torch.float32).view(shape)
    seen = torch.bmm(weights, part.kv.values.flatten(0, 1)).view(shape)
    if part.glance is not None:
        total += part.glance.weights
        seen = seen + part.glance.values
    torch.div(seen, total, out=out)
    low, high = total.aminmax()
    if not (low > 1 / _WIDE and high < _WIDE):
        out.copy_(torch.where((total > 1 / _WIDE) & (total < _WIDE), out, safe()))
