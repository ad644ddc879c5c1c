"""ProdLDA: documents as products of experts over words (Srivastava & Sutton, 2017), with the published settings."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, dropout
from softtopic.backbones.encoder import GaussianEncoder
from softtopic.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ProdLDAConfig:
    """Sizes and settings; the defaults are the published ones."""

    n_inputs: int
    n_topics: int
    n_words: int
    n_hidden: int = 200
    dropout: float = 0.2
    temperature: float = 3.0  # of the reconstruction, equal to that of the soft labels in the published method

    def __post_init__(self) -> None:
        if min(self.n_inputs, self.n_words, self.n_hidden) < 1 or self.n_topics < 2:
            raise InputError(f"ProdLDA needs at least 2 topics and sizes of at least 1; given {self}")
        if not 0 <= self.dropout < 1 or self.temperature <= 0:
            raise InputError(f"dropout is a share below 1 and temperature is above 0; given {self}")


@final
class WordNorm(nn.Module):
    """BatchNorm(theta·beta) / temperature, without learnt scale and shift, at the cost of the product alone.

    Mean and variance over a batch of a linear map follow from those of its input: with C the covariance of theta,
    word v has mean mean(theta)·beta_v and variance beta_vᵀ C beta_v. So theta is centred and beta scaled before the
    product, and no pass over [docs, vocab] is needed. Running statistics are kept as BatchNorm keeps them.
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
        """Normalised word scores, [docs, vocab]."""
        if not self.training:
            return (theta @ beta - self.mean) * self._scale(self.variance)
        centre = theta.mean(dim=0)
        theta = theta - centre
        covariance = theta.T @ theta / len(theta)
        variance = (beta * (covariance @ beta)).sum(dim=0).clamp_min(0)
        with torch.no_grad():
            self.mean.lerp_(centre @ beta, self.momentum)
            self.variance.lerp_(variance * (len(theta) / (len(theta) - 1)), self.momentum)
        return theta @ (beta * self._scale(variance))

    def _scale(self, variance: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
        return (variance + self.epsilon).rsqrt() * (1 / self.temperature)


@final
class ProdLDA(Backbone):
    """softmax(BatchNorm(theta·beta) / temperature), theta = softmax of a Gaussian sample (its mean at inference)."""

    def __init__(self, config: ProdLDAConfig, noise: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.encoder = GaussianEncoder(config.n_inputs, config.n_hidden, config.n_topics, config.dropout)
        self.encoder.reset(noise)
        self.beta = nn.Parameter(torch.empty(config.n_topics, config.n_words))
        nn.init.xavier_uniform_(self.beta, generator=noise)
        self.word_norm = WordNorm(config.n_words, config.temperature)
        self.prior_mean = nn.Parameter(torch.zeros(config.n_topics))
        self.prior_log_variance = nn.Parameter(torch.full((config.n_topics,), 1 - 1 / config.n_topics).log())

    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> BackboneOutput:
        posterior = self.encoder(inputs, noise)
        theta = torch.softmax(posterior.sample(noise), dim=1)
        scores = self.word_norm(dropout(theta, self.config.dropout, noise), self.beta)
        return BackboneOutput(
            log_words=scores,
            theta=theta,
            penalty=posterior.divergence(self.prior_mean, self.prior_log_variance.exp()).mean(),
        )

    def infer(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        return torch.softmax(self.encoder(inputs).mean, dim=1)

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        return torch.softmax(self.beta, dim=1)
