"""The inference network of variational topic models: inputs → a Gaussian over topic scores."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import dropout


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


class GaussianEncoder(nn.Module):
    """Two softplus layers, then mean and log-variance, each through a BatchNorm without scale and shift."""

    center: Tensor
    scale: Tensor

    def __init__(self, width: int, hidden: int, n_topics: int, dropout_share: float) -> None:
        super().__init__()
        # Inputs are read as (x - center) / scale; 0 and 1 until `standardise` is called.
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.first = nn.Linear(width, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.mean = nn.Linear(hidden, n_topics)
        self.log_variance = nn.Linear(hidden, n_topics)
        self.mean_norm = nn.BatchNorm1d(n_topics, affine=False)
        self.log_variance_norm = nn.BatchNorm1d(n_topics, affine=False)
        self.dropout_share = dropout_share

    def standardise(self, inputs: Float[Tensor, "docs width"]) -> None:
        """Learn center and scale from the training inputs; a constant column stays 0."""
        self.center.copy_(inputs.mean(dim=0))
        deviation = inputs.std(dim=0, unbiased=False)
        self.scale.copy_(torch.where(deviation > 0, deviation, torch.ones_like(deviation)))

    def reset(self, noise: torch.Generator) -> None:
        """New weights, uniform within 1/sqrt(fan-in) as in torch, drawn from one generator."""
        for layer in (self.first, self.second, self.mean, self.log_variance):
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=noise)
            nn.init.uniform_(layer.bias, -bound, bound, generator=noise)

    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> Gaussian:
        x = F.softplus(self.first((inputs - self.center) / self.scale))
        x = dropout(F.softplus(self.second(x)), self.dropout_share, noise)
        return Gaussian(self.mean_norm(self.mean(x)), self.log_variance_norm(self.log_variance(x)))
