"""The inference network of variational topic models: inputs → a Gaussian over topic scores."""

from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import dropout, reset_linear

Norm = Literal["none", "batch", "shifted"]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A diagonal Gaussian for each document."""

    mean: Float[Tensor, "docs topics"]
    log_variance: Float[Tensor, "docs topics"]

    def sample(self, noise: torch.Generator | None) -> Float[Tensor, "docs topics"]:
        """A draw, differentiable in mean and variance; the mean itself without noise."""
        if noise is None:
            return self.mean
        drawn = torch.empty_like(self.mean).normal_(generator=noise)
        return self.mean + drawn * torch.exp(0.5 * self.log_variance)

    def divergence(
        self, prior_mean: Float[Tensor, " topics"], prior_variance: Float[Tensor, " topics"]
    ) -> Float[Tensor, " docs"]:
        """KL(self ‖ prior) for each document, in nats (Srivastava & Sutton, 2017, eq. 4)."""
        ratio = self.log_variance.exp() / prior_variance
        distance = (prior_mean - self.mean).square() / prior_variance
        return 0.5 * (ratio + distance + prior_variance.log() - self.log_variance - 1).sum(dim=1)


@final
class Shift(nn.Module):
    """A learnt number added to each column."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "docs width"]) -> Float[Tensor, "docs width"]:
        return x + self.bias


@final
class GaussianEncoder(nn.Module):
    """Two softplus layers, then mean and log-variance, each normalised over the batch as the model asks.

    `norm` is "none", "batch" (BatchNorm without scale and shift) or "shifted" (with a learnt shift alone).
    """

    def __init__(self, width: int, hidden: int, n_topics: int, dropout_share: float, norm: Norm = "batch") -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.mean = nn.Linear(hidden, n_topics)
        self.log_variance = nn.Linear(hidden, n_topics)
        self.mean_norm = _norm(norm, n_topics)
        self.log_variance_norm = _norm(norm, n_topics)
        self.dropout_share = dropout_share

    def reset(self, noise: torch.Generator) -> None:
        """New weights, drawn from one generator."""
        for layer in (self.first, self.second, self.mean, self.log_variance):
            reset_linear(layer, noise)

    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> Gaussian:
        x = F.softplus(self.first(inputs))
        x = dropout(F.softplus(self.second(x)), self.dropout_share, noise)
        return Gaussian(self.mean_norm(self.mean(x)), self.log_variance_norm(self.log_variance(x)))


def _norm(norm: Norm, width: int) -> nn.Module:
    if norm == "none":
        return nn.Identity()
    batch = nn.BatchNorm1d(width, affine=False)
    return batch if norm == "batch" else nn.Sequential(batch, Shift(width))
