"""Products in int8, with the operations next to them.

A weight is a `softtopic.lm.devices.Int8Weight`, an RMSNorm a `softtopic.lm.fused.Norm`. Products are made block by
block of tokens, so that intermediate values stay in the processor's cache.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from softtopic.lm.kernels.compiled import Kernel

Weight = tuple[Tensor, Tensor, Tensor]
# Inverse smoothing of the channels, weight and bias.
Affine = tuple[Tensor, Weight, Tensor]
# Weight, bias and epsilon.
LayerNorm = tuple[Tensor, Tensor, float]


def _quantize(x: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens [tokens, channels] in 8 bits: 128 more than the nearest number of steps, and the step of each token."""
    largest = torch.maximum(x.amax(1, True), x.amin(1, True).neg_())
    # With a least step, a token of zeros stays one.
    steps = largest.clamp_min_(1e-30).div_(127.0)
    # By way of int8, to which torch converts three times as fast.
    return (x / steps).round_().to(torch.int8).to(torch.uint8).bitwise_xor_(128), steps


def _inverse_rms(x: Tensor, epsilon: float) -> Tensor:
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return (length.square() / x.size(1) + epsilon).rsqrt()


def _normed(x: Tensor, norm: tuple[Tensor, float]) -> tuple[Tensor, Tensor]:
    """Norm and rounding in one: the inverse RMS of a token is part of its step."""
    values, steps = _quantize(x * norm[0])
    return values, steps * _inverse_rms(x, norm[1])


def _product(x: Tensor, weight: Weight) -> Tensor:
    none: list[int | float | complex | None] = []
    return torch.ops.onednn.qlinear_pointwise(
        x, 1.0, 128, weight[0], weight[1], weight[2], None, 1.0, 0, torch.float32, "none", none, ""
    )


def _affine(x: Tensor, layer: Affine) -> Tensor:
    values, steps = _quantize(x * layer[0])
    return _product(values, layer[1]).mul_(steps).add_(layer[2])


def _layer_norm(x: Tensor, norm: LayerNorm) -> Tensor:
    return F.layer_norm(x, [x.size(1)], norm[0], norm[1], norm[2])


@Kernel
def product(x: Tensor, weight: Weight) -> Tensor:
    """(x - 128) @ weight.T, times the steps of the weight's rows; see `softtopic.lm.devices.Int8Weight`.

    Parameters
    ----------
    x : uint8 tensor of shape (tokens, channels)
    weight : tuple of tensors
    """
    return _product(x, weight)


@Kernel
def normed_product(x: Tensor, norm: tuple[Tensor, float], weight: Weight, block: int) -> Tensor:
    """The product of RMSNorm(x), float32 of shape (tokens, out), block by block of tokens."""
    out = torch.empty([x.size(0), weight[1].size(0)], dtype=x.dtype, device=x.device)
    for start in range(0, x.size(0), block):
        values, steps = _normed(x[start : start + block], norm)
        torch.mul(_product(values, weight), steps, out=out[start : start + block])
    return out


@Kernel
def residual_product(x: Tensor, residual: Tensor, weight: Weight, block: int) -> Tensor:
    """The product of x, plus the residual; float32 of shape (tokens, out), block by block of tokens."""
    out = torch.empty_like(residual)
    for start in range(0, x.size(0), block):
        values, steps = _quantize(x[start : start + block].float())
        rows = residual[start : start + block]
        torch.addcmul(rows, _product(values, weight), steps, out=out[start : start + block])
    return out


@Kernel
def gated_mlp(
    x: Tensor,
    norm: tuple[Tensor, float],
    weights: tuple[Weight, Weight, Weight],
    exact_down: Tensor,
    outliers: tuple[float, int],
    block: int,
) -> Tensor:
    """Gated MLP of RMSNorm(x), plus x; float32, block by block of tokens.

    Parameters
    ----------
    x : float32 tensor of shape (tokens, width)
    norm : tuple of tensor and float
    weights : tuple
        Of the gate, up and down projections.
    exact_down : float32 tensor of shape (width, inner)
        The down projection for outliers.
    outliers : tuple of float and int
        A token is an outlier if its largest channel is this share of its Euclidean norm: in 8 bits the rest of it would
        be zero. And the number of which the rows of their product are a multiple.
    block : int
    """
    gate, up, down = weights
    share, multiple = outliers
    out = torch.empty_like(x)
    for start in range(0, x.size(0), block):
        rows = x[start : start + block]
        values, steps = _normed(rows, norm)
        # The steps of the up-projection can wait: those of the last product are its own times these.
        inner = F.silu(_product(values, gate).mul_(steps)).mul_(_product(values, up))
        last, last_steps = _quantize(inner)
        result = _product(last, down).mul_(last_steps)
        is_outlier = last_steps[:, 0] * 127.0 > share * torch.linalg.vector_norm(inner, dim=1)
        if bool(is_outlier.any()):
            few = inner[is_outlier]
            # Padded, as the last bit of a product of few rows depends on how many there are, and is enough to round
            # elsewhere to another number.
            padded = F.pad(few, [0, 0, 0, -few.size(0) % multiple])
            result[is_outlier] = F.linear(padded, exact_down)[: few.size(0)]
        torch.addcmul(rows, result, steps, out=out[start : start + block])
    return out


@Kernel
def affine(x: Tensor, layer: Affine, dtype: torch.dtype, block: int) -> Tensor:
    """A linear layer with bias, of shape (tokens, out), block by block of tokens."""
    out = torch.empty([x.size(0), layer[2].size(0)], dtype=dtype, device=x.device)
    for start in range(0, x.size(0), block):
        out[start : start + block] = _affine(x[start : start + block], layer)
    return out


@Kernel
def output_and_mlp(
    attended: Tensor,
    x: Tensor,
    layers: tuple[Affine, Affine, Affine],
    norms: tuple[LayerNorm, LayerNorm],
    block: int,
) -> Tensor:
    """What follows attention in a layer of BERT: output projection and MLP, each plus its residual, then LayerNorm.

    Parameters
    ----------
    attended : tensor of shape (tokens, width)
    x : float32 tensor of shape (tokens, width)
    layers : tuple
        Output projection, and the two layers of the MLP.
    norms : tuple
    block : int
    """
    output, inner, outer = layers
    result = torch.empty_like(x)
    for start in range(0, x.size(0), block):
        rows = _affine(attended[start : start + block].float(), output).add_(x[start : start + block])
        rows = _layer_norm(rows, norms[0])
        mlp = _affine(F.gelu(_affine(rows, inner)), outer).add_(rows)
        result[start : start + block] = _layer_norm(mlp, norms[1])
    return result
