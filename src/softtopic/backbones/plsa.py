"""PLSA with an inference network: words are drawn from a mixture of topics (Hofmann, 1999)."""

from dataclasses import replace
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import (
    Backbone,
    BackboneOutput,
    BatchInputs,
    dropout,
    log_mixture,
    multiplicative_noise,
    reset_linear,
)
from softtopic.backbones.settings import PLSASettings, Sizes


@final
class PLSA(Backbone):
    """Mixture of topics without a prior.

    p(words) = theta · softmax(beta). With z the output of the inference network (two softplus layers and a linear one),
    theta is softmax(z) in training and (1 - w) softmax(z) + w softmax(z / t) at inference, w being `tail_weight` and t
    `tail_temperature`. There is no penalty.

    Without a prior and without ProdLDA's BatchNorm, theta can be as concentrated as the labels require, and a topic as
    narrow as its words; but the result depends on the initial topics (`init_topic_word`).

    Parameters
    ----------
    sizes : Sizes
        Dimensions.
    settings : PLSASettings
        Hyper-parameters.
    rng : torch.Generator
        Source of the initial weights.

    References
    ----------
    Hofmann, T. (1999). Probabilistic latent semantic indexing. SIGIR.
    """

    settings: PLSASettings

    def __init__(self, sizes: Sizes, settings: PLSASettings, rng: torch.Generator) -> None:
        super().__init__(sizes)
        self.settings = settings
        self.first = nn.Linear(sizes.n_inputs, settings.n_hidden)
        self.second = nn.Linear(settings.n_hidden, settings.n_hidden)
        self.scores = nn.Linear(settings.n_hidden, sizes.n_topics)
        self.beta = nn.Parameter(torch.empty(sizes.n_topics, sizes.n_words))
        for layer in (self.first, self.second, self.scores):
            reset_linear(layer, rng)
        nn.init.normal_(self.beta, generator=rng)

    takes_sparse = True

    def forward(self, inputs: BatchInputs, rng: torch.Generator | None = None) -> BackboneOutput:
        theta = self._theta(inputs, rng)
        words = log_mixture(theta, self.topic_word())
        return BackboneOutput(logits=words, theta=theta, penalty=words.new_zeros(()), normalized=True)

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        return torch.softmax(self.beta, dim=1)

    def init_topic_word(self, topic_word: Float[Tensor, "topics vocab"]) -> None:
        with torch.no_grad():
            self.beta.copy_((topic_word + self.settings.init_smoothing).log())

    def _theta(self, inputs: BatchInputs, rng: torch.Generator | None) -> Float[Tensor, "docs topics"]:
        settings = self.settings
        x = F.softplus(self._first_layer(inputs, rng))
        x = dropout(F.softplus(self.second(x)), settings.dropout, rng)
        scores = self.scores(x)
        theta = torch.softmax(scores, dim=1)
        # In training the network would learn to compensate for the tail.
        if self.training:
            return theta
        tail = torch.softmax(scores / settings.tail_temperature, dim=1)
        return (1 - settings.tail_weight) * theta + settings.tail_weight * tail

    def _first_layer(self, inputs: BatchInputs, rng: torch.Generator | None) -> Float[Tensor, "docs hidden"]:
        rate = self.settings.dropout
        if isinstance(inputs, Tensor):
            return self.first(multiplicative_noise(self.standardized(inputs), rate, rng))
        # Sparse columns are not standardised: a word that is missing would no longer be 0.
        dense = multiplicative_noise(self.standardized(inputs.dense), rate, rng)
        noisy = replace(inputs, dense=dense, values=multiplicative_noise(inputs.values, rate, rng))
        return noisy.linear(self.first.weight, self.first.bias)
