"""What every topic model of the family offers to the trainer and to the estimator."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from softtopic.errors import InputError

# Added to a mixture of topics before its logarithm: a word no topic has must not be impossible.
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class BackboneOutput:
    """One forward pass over a batch."""

    log_words: Float[Tensor, "docs vocab"]  # reconstruction, log weights: a softmax makes them probabilities
    theta: Float[Tensor, "docs topics"]  # rows sum to 1
    penalty: Float[Tensor, ""]  # the model's own terms, e.g. KL to its prior, mean over the batch
    normalised: bool = False  # whether log_words are log probabilities as they are


class Backbone(nn.Module, ABC):
    """A neural topic model. It knows nothing of the teacher: inputs come in, words and mixtures come out.

    `noise` is the one source of randomness of a training step; without it a pass is deterministic. In `eval` mode
    each row of the result depends on its own row of the input alone.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        # Inputs are read as (x - center) / scale; 0 and 1 until `standardise` is called.
        self.register_buffer("center", torch.zeros(n_inputs))
        self.register_buffer("scale", torch.ones(n_inputs))

    @abstractmethod
    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> BackboneOutput:
        """Reconstruct words from inputs."""

    @abstractmethod
    def infer(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        """The mixture of each document, rows sum to 1."""

    @abstractmethod
    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        """A distribution over the vocabulary for each topic, rows sum to 1."""

    def standardise(self, inputs: Float[Tensor, "docs width"], columns: Bool[Tensor, " width"]) -> None:
        """Learn center and scale of the columns named from the training inputs; a constant column stays 0."""
        if not columns.any():
            return
        named = inputs[:, columns].float()
        deviation = named.std(dim=0, unbiased=False)
        self.center[columns] = named.mean(dim=0)
        self.scale[columns] = torch.where(deviation > 0, deviation, 1)

    def standardised(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs width"]:
        return (inputs - self.center) / self.scale

    def start_words(self, vectors: Float[Tensor, "vocab width"]) -> None:
        """Begin with these word vectors; a row of NaN keeps its random one."""
        raise InputError(f"{type(self).__name__} has no word vectors; leave out word_vectors=, or take etm or ecrtm")

    def start_topics(self, topic_word: Float[Tensor, "topics vocab"]) -> None:
        """Begin with these topics; a model that cannot begins as it always does."""
        del topic_word

    def settle(self, inputs: Iterable[Float[Tensor, "docs width"]]) -> None:
        """After the last step: learn from all training inputs what inference needs beyond the weights."""
        del inputs


def dropout(x: Tensor, share: float, noise: torch.Generator | None) -> Tensor:
    """Zero a share of the entries at random and scale up the rest; nothing without noise."""
    if noise is None or share == 0:
        return x
    # Half the time of bernoulli_ on a CPU.
    keep = torch.rand(x.shape, generator=noise, device=x.device) >= share
    return x * keep * (1 / (1 - share))


def jitter(x: Tensor, share: float, noise: torch.Generator | None) -> Tensor:
    """Scale the entries at random, with the mean and the variance that `dropout` has; nothing without noise.

    The factors are uniform and never below 0: where inputs are few, none is ever missing. So the variance ends at that
    of a share of a quarter.
    """
    if noise is None or share == 0:
        return x
    reach = min(1.0, (3 * share / (1 - share)) ** 0.5)
    return x * (torch.rand(x.shape, generator=noise, device=x.device) * (2 * reach) + (1 - reach))


def reset_linear(layer: nn.Linear, noise: torch.Generator) -> None:
    """New weights, uniform within 1/sqrt(fan-in) as in torch, drawn from one generator."""
    bound = layer.in_features**-0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=noise)
    nn.init.uniform_(layer.bias, -bound, bound, generator=noise)


def log_mixture(
    theta: Float[Tensor, "docs topics"], topic_word: Float[Tensor, "topics vocab"]
) -> Float[Tensor, "docs vocab"]:
    """log(theta · topic_word): log probabilities of words, where the rows of both sum to 1."""
    return torch.addmm(theta.new_full((), _LEAST), theta, topic_word).log()


def place_known(weight: Tensor, vectors: Float[Tensor, "vocab width"]) -> None:
    """Overwrite the rows of `weight` for which there are vectors, and bring the others to the same spread."""
    if vectors.shape != weight.shape:
        raise InputError(f"word vectors have shape {tuple(vectors.shape)}; expected {tuple(weight.shape)}")
    known = vectors.isfinite().all(dim=1)
    if int(known.sum()) < 2:
        raise InputError(f"{int(known.sum())} of {len(known)} words have a vector; give vectors of these words")
    with torch.no_grad():
        weight.mul_(vectors[known].std() / weight.std())
        weight[known] = vectors[known].to(weight)
