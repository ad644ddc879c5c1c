"""ETM: topics as points among word vectors (Dieng et al., 2020), with the published settings."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, log_mixture, place_known
from softtopic.backbones.encoder import GaussianEncoder
from softtopic.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ETMConfig:
    """Sizes and settings; the defaults are the published ones."""

    n_inputs: int
    n_topics: int
    n_words: int
    n_hidden: int = 200
    word_width: int = 300  # of the word vectors
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if min(self.n_inputs, self.n_words, self.n_hidden, self.word_width) < 1 or self.n_topics < 2:
            raise InputError(f"ETM needs at least 2 topics and sizes of at least 1; given {self}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is a share below 1; given {self}")


@final
class ETM(Backbone):
    """theta · beta with beta = softmax over words of topic vectors · word vectors; the prior is a standard normal."""

    def __init__(self, config: ETMConfig, noise: torch.Generator) -> None:
        super().__init__(config.n_inputs)
        self.config = config
        self.encoder = GaussianEncoder(config.n_inputs, config.n_hidden, config.n_topics, config.dropout, "none")
        self.encoder.reset(noise)
        self.words = nn.Parameter(torch.empty(config.n_words, config.word_width).normal_(generator=noise))
        bound = config.word_width**-0.5
        topics = torch.empty(config.n_topics, config.word_width)
        self.topics = nn.Parameter(topics.uniform_(-bound, bound, generator=noise))

    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> BackboneOutput:
        posterior = self.encoder(self.standardised(inputs), noise)
        theta = torch.softmax(posterior.sample(noise), dim=1)
        zeros = theta.new_zeros(self.config.n_topics)
        return BackboneOutput(
            # The mixture is a distribution already; the published code takes a second softmax of it.
            log_words=log_mixture(theta, self.topic_word()),
            theta=theta,
            penalty=posterior.divergence(zeros, zeros + 1).mean(),
            normalised=True,
        )

    def infer(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        return torch.softmax(self.encoder(self.standardised(inputs)).mean, dim=1)

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        return torch.softmax(self.topics @ self.words.T, dim=1)

    def start_words(self, vectors: Float[Tensor, "vocab width"]) -> None:
        place_known(self.words, vectors)
