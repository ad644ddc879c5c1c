"""ECRTM: topics as centres of clusters of word vectors (Wu et al., 2023), with the published settings."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, place_known
from softtopic.backbones.encoder import GaussianEncoder, Shift
from softtopic.backbones.norm import WordNorm
from softtopic.backbones.transport import Stop, sinkhorn, squared_distances
from softtopic.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ECRTMConfig:
    """Sizes and settings; the defaults are the published ones."""

    n_inputs: int
    n_topics: int
    n_words: int
    n_hidden: int = 200
    word_width: int = 200  # of the word and topic vectors
    dropout: float = 0.0
    temperature_words: float = 0.2  # of a word's share in the topics near it
    clustering: float = 100.0  # weight of the transport between words and topics
    sharpness: float = 20.0  # of that transport

    def __post_init__(self) -> None:
        if min(self.n_inputs, self.n_words, self.n_hidden, self.word_width) < 1 or self.n_topics < 2:
            raise InputError(f"ECRTM needs at least 2 topics and sizes of at least 1; given {self}")
        if not 0 <= self.dropout < 1 or min(self.temperature_words, self.sharpness) <= 0 or self.clustering < 0:
            raise InputError(f"dropout is a share below 1, temperature and sharpness are above 0; given {self}")


@final
class ECRTM(Backbone):
    """softmax(BatchNorm(theta·beta)), where beta shares each word out among the topics near it.

    The penalty carries the words to the topics, all topics equally loaded, so that no two share a place. The prior is
    the Laplace approximation of a Dirichlet(1).
    """

    potential: Tensor

    def __init__(self, config: ECRTMConfig, noise: torch.Generator) -> None:
        super().__init__(config.n_inputs)
        self.config = config
        self.encoder = GaussianEncoder(config.n_inputs, config.n_hidden, config.n_topics, config.dropout, "shifted")
        self.encoder.reset(noise)
        words = torch.empty(config.n_words, config.word_width)
        self.words = nn.Parameter(F.normalize(nn.init.trunc_normal_(words, generator=noise)))
        topics = torch.empty(config.n_topics, config.word_width)
        self.topics = nn.Parameter(F.normalize(nn.init.trunc_normal_(topics, std=0.1, generator=noise)))
        self.word_norm = WordNorm(config.n_words, temperature=1.0)
        self.word_shift = Shift(config.n_words)
        # Of the last step's transport, where the next one begins: a few iterations instead of hundreds.
        self.register_buffer("potential", torch.zeros(config.n_words), persistent=False)

    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> BackboneOutput:
        posterior = self.encoder(self.standardised(inputs), noise)
        theta = torch.softmax(posterior.sample(noise), dim=1)
        distances = squared_distances(self.topics, self.words)
        n_topics = self.config.n_topics
        prior = theta.new_full((n_topics,), 1 - 1 / n_topics)
        divergence = posterior.divergence(torch.zeros_like(prior), prior).mean()
        return BackboneOutput(
            log_words=self.word_shift(self.word_norm(theta, self._shares(distances))),
            theta=theta,
            penalty=divergence + self.config.clustering * self._transport_cost(distances),
        )

    def infer(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        return torch.softmax(self.encoder(self.standardised(inputs)).mean, dim=1)

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        shares = self._shares(squared_distances(self.topics, self.words))
        return shares / shares.sum(dim=1, keepdim=True)

    def start_words(self, vectors: Float[Tensor, "vocab width"]) -> None:
        place_known(self.words, F.normalize(vectors))
        with torch.no_grad():
            self.words.copy_(F.normalize(self.words))

    def _shares(self, distances: Float[Tensor, "topics vocab"]) -> Float[Tensor, "topics vocab"]:
        """Columns sum to 1: how far a word belongs to each topic."""
        return torch.softmax(distances / -self.config.temperature_words, dim=0)

    def _transport_cost(self, distances: Float[Tensor, "topics vocab"]) -> Float[Tensor, ""]:
        topics, words = distances.shape
        transport = sinkhorn(
            distances,
            distances.new_full((topics,), 1 / topics),
            distances.new_full((words,), 1 / words),
            sharpness=self.config.sharpness,
            stop=Stop(),
            start=self.potential if self.training else None,
        )
        if self.training:
            self.potential.copy_(transport.potential)
        return (transport.plan * distances).sum()
