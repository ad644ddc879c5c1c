"""Attention of a packed batch: within each document, and to the prompt's prefix.

On a CPU the softmax is computed as a sum of exponentials from which the largest score was not subtracted first, so that
a query's attention to the prefix and to its own document can be added up. No exponential overflows: scores are clipped,
and rows whose sum is too large or too small to be exact are computed again in the usual way. An infinite weight would
make its neighbours NaN as well: with AMX, oneDNN's bfloat16 batch product reads past the end of a row where the inner
size is no multiple of 32, and multiplies the start of the next row by zero.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softtopic.lm.kernels import attention as kernels
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
    scale = options.get("scaling") or query.shape[-1] ** -0.5
    scoring = kernels.Scoring(scale, options.get("softcap"), _MAX_SCORE, _MAX_SUM)
    out = query.new_empty(query.shape[2], query.shape[1], value.shape[3])
    done, window = 0, options.get("sliding_window")
    before = packing.prefix.get(layer)
    prefix = None
    if before is not None and window is None and _adds_exponentials(query):
        rows = max(1, _PREFIX_SCORES // before.keys.shape[2] // ROW_MULTIPLE) * ROW_MULTIPLE
        sums = kernels.prefix_sums(query, *before.both, scoring, rows)
        prefix = PrefixAttention(before, *sums)
    for part in packing.attention_inputs(layer, query, prefix, KeyValues(key, value), window):
        documents, heads, length = part.queries.shape[:3]
        if part.real is None:
            _attend(part, scoring, out[part.rows].unflatten(0, (documents, length)).transpose(1, 2))
        else:
            padded = out.new_empty(documents, length, heads, out.shape[2])
            _attend(part, scoring, padded.transpose(1, 2))
            torch.index_select(padded.flatten(0, 1), 0, part.real, out=out[part.rows])
        done = part.rows.stop
    out[done:] = 0  # padding
    return out[None], None


def _attend(part: AttentionInput, scoring: kernels.Scoring, out: Tensor) -> None:
    """Softmax attention into `out`, [documents, heads, length, width]."""
    q, kv, mask = part.queries, part.kv, part.mask
    if scoring.softcap is None and _prefers_fused(q.device):
        mask = F.pad(mask, (kv.keys.shape[2] - mask.shape[-1], 0))
        gqa = q.shape[1] != kv.keys.shape[1]
        out.copy_(F.scaled_dot_product_attention(q, *kv.both, attn_mask=mask, scale=scoring.scale, enable_gqa=gqa))
    elif _adds_exponentials(q):
        prefix = part.prefix and kernels.Prefix(*part.prefix.kv.both, *part.prefix[1:])
        block = _QUERY_BLOCK if part.causal else None
        kernels.exponential_attention((q, *kv.both), mask, prefix, out, scoring, block)
    else:
        out.copy_(kernels.softmax_attention(q, *kv.both, mask, scoring))


def _prefers_fused(device: torch.device) -> bool:
    return device.type != "cpu"


def _adds_exponentials(query: Tensor) -> bool:
    """Whether the largest score is not subtracted first.

    It is where sums of exponentials exceed the range of the format, and on a GPU, where to look at sums is to wait.
    """
    return not _prefers_fused(query.device) and torch.finfo(query.dtype).max > _MAX_SUM
