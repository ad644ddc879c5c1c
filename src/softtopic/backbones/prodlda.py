"""ProdLDA: documents as products of experts over words (Srivastava & Sutton, 2017), with the published settings."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, dropout
from softtopic.backbones.encoder import GaussianEncoder
from softtopic.backbones.norm import WordNorm
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
class ProdLDA(Backbone):
    """softmax(BatchNorm(theta·beta) / temperature), theta = softmax of a Gaussian sample (its mean at inference)."""

    def __init__(self, config: ProdLDAConfig, noise: torch.Generator) -> None:
        super().__init__(config.n_inputs)
        self.config = config
        self.encoder = GaussianEncoder(config.n_inputs, config.n_hidden, config.n_topics, config.dropout)
        self.encoder.reset(noise)
        self.beta = nn.Parameter(torch.empty(config.n_topics, config.n_words))
        nn.init.xavier_uniform_(self.beta, generator=noise)
        self.word_norm = WordNorm(config.n_words, config.temperature)
        self.prior_mean = nn.Parameter(torch.zeros(config.n_topics))
        self.prior_log_variance = nn.Parameter(torch.full((config.n_topics,), 1 - 1 / config.n_topics).log())

    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> BackboneOutput:
        posterior = self.encoder(self.standardised(inputs), noise)
        theta = torch.softmax(posterior.sample(noise), dim=1)
        scores = self.word_norm(dropout(theta, self.config.dropout, noise), self.beta)
        return BackboneOutput(
            log_words=scores,
            theta=theta,
            penalty=posterior.divergence(self.prior_mean, self.prior_log_variance.exp()).mean(),
        )

    def infer(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        return torch.softmax(self.encoder(self.standardised(inputs)).mean, dim=1)

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        return torch.softmax(self.beta, dim=1)
