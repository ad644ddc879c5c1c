"""Attention of a packed batch, and what comes before it."""

from typing import NamedTuple

import torch
from torch import Tensor

from softtopic.lm.kernels.compiled import Kernel


class Scoring(NamedTuple):
    """How scores of queries and keys become weights."""

    scale: float  # what products are multiplied with
    softcap: float | None  # scores are softly bounded by it (Gemma Team, 2024)
    max_score: float  # larger scores are clipped before their exponential
    max_sum: float  # sums of exponentials between 1 / max_sum and max_sum are exact


class Prefix(NamedTuple):
    """Keys and values of the prompt's prefix, and `prefix_sums` of the queries at hand."""

    keys: Tensor  # [1, key heads, keys, width]
    values: Tensor
    weighted_values: Tensor  # [documents, heads, length, width]
    weight_sums: Tensor  # [documents, heads, length, 1]


@Kernel
def split_documents(
    rows: Tensor, start: int, stop: int, gather: Tensor | None, documents: int, length: int
) -> Tensor:  # fmt: skip
    """Documents of about one length, from a packed row of all.

    Parameters
    ----------
    rows : tensor of shape (1, heads, tokens, width)
    start, stop : int
        The tokens of these documents.
    gather : tensor of shape (documents * length,) or None
        Where each of their tokens lies, with padding; None where all have this length.
    documents, length : int

    Returns
    -------
    tensor of shape (documents, heads, length, width)
    """
    # Tokens first: selecting along an inner axis copies the whole row before.
    tokens = rows[0].transpose(0, 1)
    own = tokens[start:stop] if gather is None else tokens.index_select(0, gather)
    return own.unflatten(0, [documents, length]).transpose(1, 2)


@Kernel
def rotate(x: Tensor, cos: Tensor, sin: Tensor, dtype: torch.dtype) -> Tensor:
    """Rotary positions (Su et al., 2021), where the two numbers of a pair are neighbours.

    Parameters
    ----------
    x : tensor of shape (tokens, heads, width)
    cos, sin : tensors of shape (1, tokens, width)
        Both numbers of a pair have the same; so the first half is all there is.
    dtype : torch.dtype
        Format of the result.
    """
    half = cos.size(2) // 2
    rotation = torch.complex(cos[0, :, :half].float(), sin[0, :, :half].float())
    pairs = torch.view_as_complex(x.float().unflatten(-1, [-1, 2]))
    return torch.view_as_real(pairs * rotation.unsqueeze(1)).flatten(-2).to(dtype)


def _scores(queries: Tensor, keys: Tensor, scoring: Scoring) -> Tensor:
    """Scores of queries [batch, rows, width] and keys [batch, keys, width]."""
    none = torch.empty([], dtype=queries.dtype, device=queries.device)
    scores = torch.baddbmm(none, queries, keys.transpose(1, 2), beta=0.0, alpha=scoring.scale)
    softcap = scoring.softcap
    return scores if softcap is None else scores.div_(softcap).tanh_().mul_(softcap)


def _masked_scores(queries: Tensor, keys: Tensor, mask: Tensor, scoring: Scoring) -> Tensor:
    """Scores [documents * key heads, rows, keys]; the mask is added to those of the last keys."""
    docs, heads, length, width = queries.size(0), queries.size(1), queries.size(2), queries.size(3)
    # Heads that share keys are rows of one product.
    scores = _scores(queries.reshape(docs * keys.size(1), -1, width), keys.flatten(0, 1), scoring)
    masked = mask.size(-1)
    scores.view([docs, heads, length, -1]).narrow(3, keys.size(2) - masked, masked).add_(mask)
    return scores


def _softmax_attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scoring: Scoring) -> Tensor:
    """Attention [documents, heads, length, width] as it is defined."""
    weights = torch.softmax(_masked_scores(queries, keys, mask, scoring).float(), dim=-1).to(values.dtype)
    return torch.bmm(weights, values.flatten(0, 1)).view([queries.size(0), queries.size(1), queries.size(2), -1])


@Kernel
def softmax_attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scoring: Scoring) -> Tensor:
    """Attention by a softmax over all keys.

    Parameters
    ----------
    queries : tensor of shape (documents, heads, length, width)
    keys, values : tensors of shape (documents, key heads, keys, width)
    mask : tensor that can be broadcast to (documents, heads, length, masked)
        Added to the scores of the last keys: 0 or -inf.
    scoring : Scoring

    Returns
    -------
    tensor of shape (documents, heads, length, width)
    """
    return _softmax_attention(queries, keys, values, mask, scoring)


@Kernel
def prefix_sums(queries: Tensor, keys: Tensor, values: Tensor, scoring: Scoring, rows: int) -> tuple[Tensor, Tensor]:
    """Attention to the prompt's prefix, of which all is visible, before it is normalised.

    Parameters
    ----------
    queries : tensor of shape (1, heads, tokens, width)
    keys, values : tensors of shape (1, key heads, keys, width)
    scoring : Scoring
    rows : int
        Queries whose scores are computed at a time.

    Returns
    -------
    tensors of shape (1, heads, tokens, width) and (1, heads, tokens, 1)
        Sums of values weighted by exp(score), and of the weights. In float32: they are only summands, and what is
        rounded twice is twice as far from the truth.
    """
    heads, tokens = queries.size(1), queries.size(2)
    # Heads that share keys are rows of one product.
    q = queries[0].reshape(keys.size(1), -1, queries.size(3))
    seen = torch.empty([q.size(0), q.size(1), values.size(3)], dtype=torch.float32, device=q.device)
    total = torch.empty([q.size(0), q.size(1), 1], dtype=torch.float32, device=q.device)
    for start in range(0, q.size(1), rows):
        block = q[:, start : start + rows]
        weights = _scores(block, keys[0], scoring).clamp_max_(scoring.max_score).exp_()
        total[:, start : start + rows] = weights.sum(dim=-1, keepdim=True, dtype=torch.float32)
        seen[:, start : start + rows] = torch.bmm(weights, values[0])
    return seen.view([1, heads, tokens, -1]), total.view([1, heads, tokens, 1])


def _sum_block(
    heads: tuple[Tensor, Tensor, Tensor], mask: Tensor, prefix: Prefix | None, out: Tensor, scoring: Scoring
) -> None:
    queries, keys, values = heads
    docs = queries.size(0)
    shape = [docs, queries.size(1), queries.size(2), -1]
    # Subtracting the largest score first would cost two passes more: the sums say where that is needed.
    weights = _masked_scores(queries, keys, mask, scoring).clamp_max_(scoring.max_score).exp_()
    total = weights.sum(dim=-1, keepdim=True, dtype=torch.float32).view(shape)
    seen = torch.bmm(weights, values.flatten(0, 1)).view(shape)
    if prefix is not None:
        total = total + prefix.weight_sums
        seen = seen + prefix.weighted_values
    torch.div(seen, total, out=out)
    max_sum = scoring.max_sum
    low, high = torch.aminmax(total)
    if not (bool(low > 1 / max_sum) and bool(high < max_sum)):
        if prefix is not None:
            keys = torch.cat([prefix.keys.expand(docs, -1, -1, -1), keys], dim=2)
            values = torch.cat([prefix.values.expand(docs, -1, -1, -1), values], dim=2)
        exact = _softmax_attention(queries, keys, values, mask, scoring)
        out.copy_(torch.where((total > 1 / max_sum) & (total < max_sum), out, exact))


@Kernel
def exponential_attention(
    heads: tuple[Tensor, Tensor, Tensor],
    mask: Tensor,
    prefix: Prefix | None,
    out: Tensor,
    scoring: Scoring,
    block: int | None,
) -> None:
    """Softmax without subtracting the maximum; rows whose sum leaves [1 / max_sum, max_sum] are recomputed exactly.

    On short documents two plain products are 2 to 3 times as fast on a CPU as torch's fused kernel.

    Parameters
    ----------
    heads : tuple of tensors
        Queries, keys and values as of `softmax_attention`.
    mask, scoring
        As of `softmax_attention`.
    prefix : Prefix or None
    out : tensor of shape (documents, heads, length, width)
        Where the result goes.
    block : int or None
        About how many queries are computed together; None if attention is not causal. It is causal if the mask is a
        square with zeros up to its diagonal, and all keys before it are visible.
    """
    # What a block cannot see is not computed, and its scores stay in the processor's cache.
    queries, keys, values = heads
    length, before = queries.size(2), keys.size(2) - queries.size(2)
    count = 1 if block is None else max(1, (length + block // 2) // block)
    if count == 1:
        _sum_block(heads, mask, prefix, out, scoring)
        return
    for number in range(count):
        start, stop = length * number // count, length * (number + 1) // count
        seen: Prefix | None = None
        if prefix is not None:
            rows, total = prefix.weighted_values[:, :, start:stop], prefix.weight_sums[:, :, start:stop]
            seen = Prefix(prefix.keys, prefix.values, rows, total)
        own = (queries[:, :, start:stop], keys[:, :, : before + stop], values[:, :, : before + stop])
        _sum_block(own, mask[start:stop, start:stop], seen, out[:, :, start:stop], scoring)
