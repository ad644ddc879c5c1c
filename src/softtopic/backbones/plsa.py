"""PLSA with an inference network: words of a document are a mixture of topics (Hofmann, 1999), theta is read off it."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, dropout, jitter, log_mixture, reset_linear
from softtopic.errors import InputError

# Once trained, so much of theta is a softmax at this temperature. Where one topic takes nearly all, what is left for
# the others no longer says which of them are near; then documents of one topic cannot be told apart by theta.
_TAIL = 0.1
_TAIL_TEMPERATURE = 3.0

# Added to the probabilities a topic begins with before their logarithm: no word is out of reach for good.
_LEAST = 1e-6


@dataclass(frozen=True, kw_only=True)
class PLSAConfig:
    """Sizes and settings."""

    n_inputs: int
    n_topics: int
    n_words: int
    n_hidden: int = 256
    dropout: float = 0.2  # of the last layer; inputs get as much noise, none of them is left out

    def __post_init__(self) -> None:
        if min(self.n_inputs, self.n_words, self.n_hidden) < 1 or self.n_topics < 2:
            raise InputError(f"PLSA needs at least 2 topics and sizes of at least 1; given {self}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is a share below 1; given {self}")


@final
class PLSA(Backbone):
    """theta · softmax(beta), theta = softmax(z), z = network(input); once trained .9 softmax(z) + .1 softmax(z / 3).

    There is no prior: what it starts from decides what it finds.

    Without the BatchNorm of ProdLDA theta can be as peaked as the labels ask for, and a topic as narrow as its words.
    """

    def __init__(self, config: PLSAConfig, noise: torch.Generator) -> None:
        super().__init__(config.n_inputs)
        self.config = config
        self.first = nn.Linear(config.n_inputs, config.n_hidden)
        self.second = nn.Linear(config.n_hidden, config.n_hidden)
        self.scores = nn.Linear(config.n_hidden, config.n_topics)
        self.beta = nn.Parameter(torch.empty(config.n_topics, config.n_words))
        for layer in (self.first, self.second, self.scores):
            reset_linear(layer, noise)
        nn.init.normal_(self.beta, generator=noise)

    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> BackboneOutput:
        theta = self._theta(inputs, noise)
        words = log_mixture(theta, self.topic_word())
        return BackboneOutput(log_words=words, theta=theta, penalty=words.new_zeros(()), normalised=True)

    def infer(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        return self._theta(inputs, None)

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        return torch.softmax(self.beta, dim=1)

    def start_topics(self, topic_word: Float[Tensor, "topics vocab"]) -> None:
        with torch.no_grad():
            self.beta.copy_((topic_word + _LEAST).log())

    def _theta(
        self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None
    ) -> Float[Tensor, "docs topics"]:
        share = self.config.dropout
        x = F.softplus(self.first(jitter(self.standardised(inputs), share, noise)))
        x = dropout(F.softplus(self.second(x)), share, noise)
        scores = self.scores(x)
        theta = torch.softmax(scores, dim=1)
        # In training the network would only sharpen the rest.
        return (
            theta if self.training else (1 - _TAIL) * theta + _TAIL * torch.softmax(scores / _TAIL_TEMPERATURE, dim=1)
        )
