"""What every topic model of the family offers to the trainer and to the estimator."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class BackboneOutput:
    """One forward pass over a batch."""

    log_words: Float[Tensor, "docs vocab"]  # reconstruction, log weights: a softmax makes them probabilities
    theta: Float[Tensor, "docs topics"]  # rows sum to 1
    penalty: Float[Tensor, ""]  # the model's own terms, e.g. KL to its prior, mean over the batch


class Backbone(nn.Module, ABC):
    """A neural topic model. It knows nothing of the teacher: inputs come in, words and mixtures come out.

    `noise` is the one source of randomness of a training step; without it a pass is deterministic and, in `eval`
    mode, each row of the result depends on its own row of the input alone.
    """

    @abstractmethod
    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> BackboneOutput:
        """Reconstruct words from inputs."""

    @abstractmethod
    def infer(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        """The mixture of each document, rows sum to 1."""

    @abstractmethod
    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        """A distribution over the vocabulary for each topic, rows sum to 1."""


def dropout(x: Tensor, share: float, noise: torch.Generator | None) -> Tensor:
    """Zero a share of the entries at random and scale up the rest; nothing without noise."""
    if noise is None or share == 0:
        return x
    # Half the time of bernoulli_ on a CPU.
    keep = torch.rand(x.shape, generator=noise, device=x.device) >= share
    return x * keep * (1 / (1 - share))
