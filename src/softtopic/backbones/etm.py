"""ETM: topics as points in the space of word embeddings (Dieng et al., 2020)."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, copy_known_rows, log_mixture
from softtopic.backbones.encoder import GaussianEncoder
from softtopic.backbones.settings import ETMSettings, Sizes


@final
class ETM(Backbone):
    """Variational topic model whose topics are embedded among the words.

    p(words) = theta · beta with beta = softmax over words of topic embeddings · word embeddings, and theta =
    softmax(z), z a sample of the Gaussian that the inference network gives, and its mean at inference. The penalty is
    the KL divergence to a standard normal prior.

    Parameters
    ----------
    sizes : Sizes
        Dimensions.
    settings : ETMSettings
        Hyper-parameters.
    rng : torch.Generator
        Source of the initial weights.

    References
    ----------
    Dieng, A. B., Ruiz, F. J. R., Blei, D. M. (2020). Topic modeling in embedding spaces. TACL 8.
    """

    settings: ETMSettings

    def __init__(self, sizes: Sizes, settings: ETMSettings, rng: torch.Generator) -> None:
        super().__init__(sizes)
        self.settings = settings
        self.encoder = GaussianEncoder(sizes.n_inputs, settings.n_hidden, sizes.n_topics, settings.dropout, "none")
        self.encoder.reset_parameters(rng)
        width = sizes.word_width or settings.word_width
        self.word_embeddings = nn.Parameter(torch.empty(sizes.n_words, width).normal_(generator=rng))
        topics = torch.empty(sizes.n_topics, width)
        self.topic_embeddings = nn.Parameter(topics.uniform_(-(width**-0.5), width**-0.5, generator=rng))

    def forward(self, inputs: Float[Tensor, "docs width"], rng: torch.Generator | None = None) -> BackboneOutput:
        posterior = self.encoder(self.standardized(inputs), rng)
        theta = torch.softmax(posterior.sample(rng), dim=1)
        zeros = theta.new_zeros(self.sizes.n_topics)
        return BackboneOutput(
            # The mixture is a distribution already; the published distillation code takes a second softmax of it.
            logits=log_mixture(theta, self.topic_word()),
            theta=theta,
            penalty=posterior.kl_divergence(zeros, zeros + 1).mean(),
            normalized=True,
        )

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        return torch.softmax(self.topic_embeddings @ self.word_embeddings.T, dim=1)

    def init_word_embeddings(self, embeddings: Float[Tensor, "vocab width"]) -> None:
        copy_known_rows(self.word_embeddings, embeddings)
