"""The inference network of variational topic models: inputs to a Gaussian over topic logits."""

from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import dropout, reset_linear

Norm = Literal["none", "batch", "batch+bias"]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A Gaussian with diagonal covariance for each document."""

    mean: Float[Tensor, "docs topics"]
    log_variance: Float[Tensor, "docs topics"]

    def sample(self, rng: torch.Generator | None) -> Float[Tensor, "docs topics"]:
        """A reparameterised sample (Kingma & Welling, 2014); the mean without a generator."""
        if rng is None:
            return self.mean
        standard = torch.empty_like(self.mean).normal_(generator=rng)
        return self.mean + standard * torch.exp(0.5 * self.log_variance)

    def kl_divergence(
        self, prior_mean: Float[Tensor, " topics"], prior_variance: Float[Tensor, " topics"]
    ) -> Float[Tensor, " docs"]:
        """KL(self ‖ prior) of each document, in nats (Srivastava & Sutton, 2017, eq. 4)."""
        ratio = self.log_variance.exp() / prior_variance
        distance = (prior_mean - self.mean).square() / prior_variance
        return 0.5 * (ratio + distance + prior_variance.log() - self.log_variance - 1).sum(dim=1)


@final
class Shift(nn.Module):
    """Adds a learnable bias to each column."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "docs width"]) -> Float[Tensor, "docs width"]:
        return x + self.bias


@final
class GaussianEncoder(nn.Module):
    """Two softplus layers, then a linear layer each for mean and log-variance.

    Parameters
    ----------
    n_inputs, n_hidden, n_topics : int
        Columns of the inputs, units of both hidden layers, columns of mean and log-variance.
    dropout : float
        Dropout rate of the last hidden layer.
    norm : {"none", "batch", "batch+bias"}, default="batch"
        Normalisation of mean and log-variance: none, BatchNorm without scale and bias, or with a learnable bias.
    """

    def __init__(self, n_inputs: int, n_hidden: int, n_topics: int, dropout: float, norm: Norm = "batch") -> None:
        super().__init__()
        self.first = nn.Linear(n_inputs, n_hidden)
        self.second = nn.Linear(n_hidden, n_hidden)
        self.mean = nn.Linear(n_hidden, n_topics)
        self.log_variance = nn.Linear(n_hidden, n_topics)
        self.mean_norm = _norm(norm, n_topics)
        self.log_variance_norm = _norm(norm, n_topics)
        self.dropout = dropout

    def reset_parameters(self, rng: torch.Generator) -> None:
        """Draw new weights of the linear layers."""
        for layer in (self.first, self.second, self.mean, self.log_variance):
            reset_linear(layer, rng)

    def forward(self, inputs: Float[Tensor, "docs width"], rng: torch.Generator | None = None) -> Gaussian:
        x = F.softplus(self.first(inputs))
        x = dropout(F.softplus(self.second(x)), self.dropout, rng)
        return Gaussian(self.mean_norm(self.mean(x)), self.log_variance_norm(self.log_variance(x)))


def _norm(norm: Norm, width: int) -> nn.Module:
    if norm == "none":
        return nn.Identity()
    batch = nn.BatchNorm1d(width, affine=False)
    return batch if norm == "batch" else nn.Sequential(batch, Shift(width))
