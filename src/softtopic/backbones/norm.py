"""Batch normalisation folded into the matrix product before it."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn


@final
class WordNorm(nn.Module):
    """BatchNorm(theta · beta) / temperature without learnable scale and bias, at the cost of the product alone.

    Mean and variance of a linear map over a batch follow from those of its input: with C the covariance of theta,
    word v has mean mean(theta) · beta_v and variance beta_vᵀ C beta_v. So theta is centred and beta scaled before the
    product, and no pass over [docs, vocab] is needed. Running statistics are updated as `torch.nn.BatchNorm1d` does,
    whose defaults `epsilon` and `momentum` have too.

    Parameters
    ----------
    n_words : int
        Words of the vocabulary.
    temperature : float
        Divides the normalised scores.
    epsilon : float, default=1e-5
        Added to variances.
    momentum : float, default=0.1
        Weight of a batch in the running statistics.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, n_words: int, temperature: float, *, epsilon: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_words))
        self.register_buffer("variance", torch.ones(n_words))
        self.temperature = temperature
        self.epsilon = epsilon
        self.momentum = momentum

    def forward(self, theta: Float[Tensor, "docs topics"], beta: Float[Tensor, "topics vocab"]) -> Tensor:
        """Normalised word scores of shape (n_documents, n_words)."""
        if not self.training:
            return (theta @ beta - self.mean) * self._scale(self.variance)
        center = theta.mean(dim=0)
        theta = theta - center
        covariance = theta.T @ theta / len(theta)
        variance = (beta * (covariance @ beta)).sum(dim=0).clamp_min(0)
        with torch.no_grad():
            self.mean.lerp_(center @ beta, self.momentum)
            self.variance.lerp_(variance * (len(theta) / (len(theta) - 1)), self.momentum)
        return theta @ (beta * self._scale(variance))

    def _scale(self, variance: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
        return (variance + self.epsilon).rsqrt() * (1 / self.temperature)
