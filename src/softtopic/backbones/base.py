"""The interface of every backbone to the trainer and to the estimator."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from softtopic.backbones.batch import SparseBatch
from softtopic.backbones.inference import check_weights
from softtopic.backbones.settings import Sizes
from softtopic.errors import InputError

# Inputs of documents, [docs, width]; sparse columns only for backbones that take them.
BatchInputs = Float[Tensor, "docs width"] | SparseBatch

# Added to a mixture of topics before its logarithm: a word that no topic holds must not be impossible.
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class BackboneOutput:
    """Result of one forward pass over a batch.

    Attributes
    ----------
    logits : Tensor of shape (n_documents, n_words)
        Reconstruction; its softmax is a distribution over words.
    theta : Tensor of shape (n_documents, n_topics)
        Topic mixtures; rows sum to 1.
    penalty : Tensor of shape ()
        The backbone's own loss terms, e.g. the KL divergence to its prior, mean over the batch.
    normalized : bool
        Whether the logits are log probabilities already.
    """

    logits: Float[Tensor, "docs vocab"]
    theta: Float[Tensor, "docs topics"]
    penalty: Float[Tensor, ""]
    normalized: bool = False


class Backbone(nn.Module, ABC):
    """A neural topic model: inputs of documents to topic mixtures and distributions over words.

    Inputs are a matrix of shape (n_documents, n_inputs); a backbone with `takes_sparse` also takes a `SparseBatch`.

    It never sees the language model. The generator `rng` is the only source of randomness of a training step; without
    it a pass is deterministic. In `eval` mode each row of a result depends on its own row of the inputs alone, and the
    mixtures are those of `softtopic.backbones.inference`, by which trained models are applied.

    Parameters
    ----------
    sizes : Sizes
        Dimensions.
    settings : BackboneSettings
        Hyper-parameters; each backbone takes its own class of settings.
    rng : torch.Generator
        Source of the initial weights.
    """

    takes_sparse: ClassVar[bool] = False
    sizes: Sizes
    settings: Any
    center: Tensor
    scale: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        # Inputs are standardised as (x - center) / scale: 0 and 1 until `standardize` is called.
        self.register_buffer("center", torch.zeros(sizes.n_inputs))
        self.register_buffer("scale", torch.ones(sizes.n_inputs))

    @abstractmethod
    def forward(self, inputs: Any, rng: torch.Generator | None = None) -> BackboneOutput:
        """Reconstruct the words of documents from their inputs, `BatchInputs`."""

    @abstractmethod
    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        """Topic-word distributions; rows sum to 1."""

    def standardize(self, inputs: Float[Tensor, "docs width"], columns: Bool[Tensor, " width"]) -> None:
        """Set center and scale of some leading columns to mean and standard deviation; a constant one becomes 0."""
        if not columns.any():
            return
        places = columns.nonzero()[:, 0]
        named = inputs[:, columns].float()
        deviation = named.std(dim=0, unbiased=False)
        self.center[places] = named.mean(dim=0)
        self.scale[places] = torch.where(deviation > 0, deviation, 1)

    def standardized(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs width"]:
        """The inputs, or their leading columns, as (x - center) / scale."""
        width = inputs.shape[1]
        return (inputs - self.center[:width]) / self.scale[:width]

    def init_word_embeddings(self, embeddings: Float[Tensor, "vocab width"]) -> None:
        """Initialise the word embeddings; a word whose row is NaN keeps its random one.

        Raises
        ------
        InputError
            If the backbone has no word embeddings, the shape is wrong, or fewer than two words have one.
        """
        raise InputError(f"{type(self).__name__} has no word vectors; leave out word_vectors=, or take etm or ecrtm")

    def init_topic_word(self, topic_word: Float[Tensor, "topics vocab"]) -> None:
        """Initialise the topics; a backbone without free topic-word parameters ignores the call."""
        del topic_word

    def finalize(self, inputs: Iterable[Any]) -> None:
        """Compute, after the last training step, what inference needs beyond the weights.

        Parameters
        ----------
        inputs : iterable of BatchInputs
            The inputs of all training documents, in chunks.
        """
        del inputs

    def weights(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers by name, all float32; BatchNorm's counters of batches are left out."""
        return {name: value.cpu().numpy().copy() for name, value in self._weights().items()}

    def load_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Restore parameters and buffers from `weights`.

        Parameters
        ----------
        weights : mapping of str to ndarray
            As `weights` returns them.

        Raises
        ------
        InputError
            If a name is missing or unknown, an array has another shape or dtype, or holds a value that is not finite;
            nothing is restored then.
        """
        expected = self._weights()
        check_weights(weights, {name: tuple(value.shape) for name, value in expected.items()}, type(self).__name__)
        with torch.no_grad():
            for name, value in expected.items():
                value.copy_(torch.from_numpy(np.array(weights[name])))

    def _weights(self) -> dict[str, Tensor]:
        return {name: value for name, value in self.state_dict().items() if value.is_floating_point()}


def dropout(x: Tensor, p: float, rng: torch.Generator | None) -> Tensor:
    """Zero entries with probability p and scale the others by 1 / (1 - p); the identity without a generator."""
    if rng is None or p == 0:
        return x
    # Half the time of bernoulli_ on a CPU.
    keep = torch.rand(x.shape, generator=rng, device=x.device) >= p
    return x * keep * (1 / (1 - p))


def multiplicative_noise(x: Tensor, p: float, rng: torch.Generator | None) -> Tensor:
    """Multiply entries by random factors that have mean and variance of dropout; the identity without a generator.

    The factors are uniform on 1 ± min(1, sqrt(3 p / (1 - p))), so that no input is ever missing, as suits few inputs.
    They are never negative, which limits their variance to that of p = 1/4.
    """
    if rng is None or p == 0:
        return x
    half_width = min(1.0, (3 * p / (1 - p)) ** 0.5)
    return x * (torch.rand(x.shape, generator=rng, device=x.device) * (2 * half_width) + (1 - half_width))


def reset_linear(layer: nn.Linear, rng: torch.Generator) -> None:
    """Draw weights and biases uniformly within ±1/sqrt(fan-in), torch's own initialisation."""
    bound = layer.in_features**-0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
    nn.init.uniform_(layer.bias, -bound, bound, generator=rng)


def dirichlet_variance(alpha: float, n_topics: int) -> float:
    """Variance of the Laplace approximation of a symmetric Dirichlet, whose mean is 0 (Srivastava & Sutton, 2017)."""
    return (1 - 1 / n_topics) / alpha


def log_mixture(
    theta: Float[Tensor, "docs topics"], topic_word: Float[Tensor, "topics vocab"]
) -> Float[Tensor, "docs vocab"]:
    """log(theta · topic_word): log probabilities of words, where the rows of both sum to 1."""
    return torch.addmm(theta.new_full((), _EPSILON), theta, topic_word).log()


def copy_known_rows(parameter: Tensor, embeddings: Float[Tensor, "vocab width"]) -> None:
    """Overwrite the rows for which there are embeddings, and scale the others to the same standard deviation."""
    if embeddings.shape != parameter.shape:
        raise InputError(f"word vectors have shape {tuple(embeddings.shape)}; expected {tuple(parameter.shape)}")
    known = embeddings.isfinite().all(dim=1)
    if int(known.sum()) < 2:
        raise InputError(f"{int(known.sum())} of {len(known)} words have a vector; give vectors of these words")
    with torch.no_grad():
        parameter.mul_(embeddings[known].std() / parameter.std())
        parameter[known] = embeddings[known].to(parameter)
