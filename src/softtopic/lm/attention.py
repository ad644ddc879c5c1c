"""Attention of a packed batch: within each document, and to the prompt's prefix.

On a CPU the softmax is computed as a sum of exponentials from which the largest score was not subtracted first, so that
a query's attention to the prefix and to its own document can be added up. No exponential overflows: scores are clipped,
and rows whose sum is too large or too small to be exact are computed again in the usual way. An infinite weight would
make its neighbours NaN as well: with AMX, oneDNN's bfloat16 batch product reads past the end of a row where the inner
size is no multiple of 32, and multiplies the start of the next row by zero.
"""

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softtopic.lm.packed import ROW_MULTIPLE, AttentionInput, KeyValues, PackedBatch, PrefixAttention, TokenTree

ATTENTION_NAME = "softtopic_packed"

# Queries of a long document that are computed together.
_QUERY_BLOCK = 64

# Sums of exponentials between 1 / _MAX_SUM and _MAX_SUM are as exact as if the largest score had been subtracted.
_MAX_SUM = 1e30

# Larger scores are clipped: exp(70) is finite, and more than _MAX_SUM, so that such a row is computed again.
_MAX_SCORE = 70.0

# Scores of the prefix that are computed at a time, so that they stay in the processor's cache.
_PREFIX_SCORES = 1 << 18


def packed_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *_: Any, **options: Any
) -> tuple[Tensor, None]:
    """Attention within each document and to the prompt's prefix; the interface is that of transformers.

    Parameters
    ----------
    module : nn.Module
        The attention layer, which knows its `layer_idx`.
    query : tensor of shape (1, n_heads, n_tokens, width)
        In a narrowed pass those of the documents' last tokens alone.
    key, value : tensors of shape (1, n_key_heads, n_tokens, width)
    **options
        `packing`, a `PackedBatch` or `TokenTree`, and what transformers gives: `scaling`, `softcap`, `sliding_window`.

    Returns
    -------
    tensor of shape (1, n_tokens, n_heads, width), and None
    """
    packing: PackedBatch | TokenTree = options["packing"]
    layer: int = module.layer_idx  # type: ignore[assignment]
    scale, softcap = options.get("scaling") or query.shape[-1] ** -0.5, options.get("softcap")
    out = query.new_empty(query.shape[2], query.shape[1], value.shape[3])
    done, window = 0, options.get("sliding_window")
    before = packing.prefix.get(layer)
    prefix = None
    if before is not None and window is None and _adds_exponentials(query):
        prefix = _attend_to_prefix(query, before, scale, softcap)
    for part in packing.attention_inputs(layer, query, prefix, KeyValues(key, value), window):
        documents, heads, length = part.queries.shape[:3]
        if part.real is None:
            _attend(part, scale, softcap, out[part.rows].unflatten(0, (documents, length)).transpose(1, 2))
        else:
            padded = out.new_empty(documents, length, heads, out.shape[2])
            _attend(part, scale, softcap, padded.transpose(1, 2))
            torch.index_select(padded.flatten(0, 1), 0, part.real, out=out[part.rows])
        done = part.rows.stop
    out[done:] = 0  # padding
    return out[None], None


def _attend(part: AttentionInput, scale: float, softcap: float | None, out: Tensor) -> None:
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
    count = max(1, round(length / _QUERY_BLOCK))
    for start, stop in pairwise(length * block // count for block in range(count + 1)):
        rows = slice(start, stop)
        _attend_block(part.select(rows, kv.keys.shape[2] - length + stop), scale, softcap, out[:, :, rows])


def _prefers_fused(device: torch.device) -> bool:
    return device.type != "cpu"


def _adds_exponentials(query: Tensor) -> bool:
    """Whether the largest score is not subtracted first.

    It is where sums of exponentials exceed the range of the format, and on a GPU, where to look at sums is to wait.
    """
    return not _prefers_fused(query.device) and torch.finfo(query.dtype).max > _MAX_SUM


def _scores(queries: Tensor, keys: Tensor, scale: float, softcap: float | None) -> Tensor:
    """Scores of queries [batch, rows, width] and keys [batch, keys, width]."""
    scores = torch.baddbmm(queries.new_empty(()), queries, keys.transpose(1, 2), beta=0, alpha=scale)
    return scores if softcap is None else scores.div_(softcap).tanh_().mul_(softcap)


def _attend_to_prefix(query: Tensor, before: KeyValues, scale: float, softcap: float | None) -> PrefixAttention:
    """The attention of all queries of a pass, [1, heads, tokens, width], to the prefix, of which all is visible."""
    keys, values = before.keys[0], before.values[0]
    heads, tokens = query.shape[1:3]
    # Heads that share keys are rows of one product.
    q = query[0].reshape(len(keys), -1, query.shape[3])
    # In float32: they are only summands, and what is rounded twice is twice as far from the truth.
    seen, total = (torch.empty(*q.shape[:2], size, dtype=torch.float32) for size in (values.shape[2], 1))
    rows = max(1, _PREFIX_SCORES // keys.shape[1] // ROW_MULTIPLE) * ROW_MULTIPLE
    for block, into, sums in zip(q.split(rows, 1), seen.split(rows, 1), total.split(rows, 1), strict=True):
        weights = _scores(block, keys, scale, softcap).clamp_max_(_MAX_SCORE).exp_()
        torch.sum(weights, dim=-1, keepdim=True, dtype=torch.float32, out=sums)
        into.copy_(torch.bmm(weights, values))
    return PrefixAttention(before, *(side.view(1, heads, tokens, -1) for side in (seen, total)))


def _attend_block(part: AttentionInput, scale: float, softcap: float | None, out: Tensor) -> None:
    """On short documents two plain products are 2 to 3 times as fast on a CPU as the fused kernel."""
    docs, heads, length, width = part.queries.shape
    shape = (docs, heads, length, -1)

    def masked_scores(part: AttentionInput) -> Tensor:
        # Heads that share keys are rows of one product.
        q = part.queries.reshape(docs * part.kv.keys.shape[1], -1, width)
        scores = _scores(q, part.kv.keys.flatten(0, 1), scale, softcap)
        scores.view(shape)[..., -part.mask.shape[-1] :] += part.mask
        return scores

    def softmax_attention() -> Tensor:
        whole = part.with_prefix_keys
        v = whole.kv.values.flatten(0, 1)
        return torch.bmm(torch.softmax(masked_scores(whole).float(), dim=-1).to(v.dtype), v).view(shape)

    if not _adds_exponentials(part.queries):
        out.copy_(softmax_attention())
        return
    # Subtracting the largest score first would cost two passes more: the sums say where that is needed.
    weights = masked_scores(part).clamp_max_(_MAX_SCORE).exp_()
    total = weights.sum(dim=-1, keepdim=True, dtype=torch.float32).view(shape)
    seen = torch.bmm(weights, part.kv.values.flatten(0, 1)).view(shape)
    if part.prefix is not None:
        total += part.prefix.weights
        seen = seen + part.prefix.values
    torch.div(seen, total, out=out)
    low, high = total.aminmax()
    if not (low > 1 / _MAX_SUM and high < _MAX_SUM):
        out.copy_(torch.where((total > 1 / _MAX_SUM) & (total < _MAX_SUM), out, softmax_attention()))
