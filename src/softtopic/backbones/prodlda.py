"""ProdLDA: documents as products of experts over words (Srivastava & Sutton, 2017)."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, dirichlet_variance, dropout
from softtopic.backbones.encoder import GaussianEncoder
from softtopic.backbones.norm import WordNorm
from softtopic.backbones.settings import ProdLDASettings, Sizes
from softtopic.errors import InputError


@final
class ProdLDA(Backbone):
    """Variational topic model whose topics multiply.

    p(words) = softmax(BatchNorm(theta · beta) / temperature) with theta = softmax(z), z a sample of the Gaussian that
    the inference network gives, and its mean at inference. The penalty is the KL divergence to a learnable prior.

    Parameters
    ----------
    sizes : Sizes
        Dimensions.
    settings : ProdLDASettings
        Hyper-parameters, `resolved`.
    rng : torch.Generator
        Source of the initial weights.

    References
    ----------
    Srivastava, A., Sutton, C. (2017). Autoencoding variational inference for topic models. ICLR.
    """

    settings: ProdLDASettings

    def __init__(self, sizes: Sizes, settings: ProdLDASettings, rng: torch.Generator) -> None:
        super().__init__(sizes)
        if settings.temperature is None:
            raise InputError("temperature of ProdLDA is None; set it, or call settings.resolved(label_temperature)")
        self.settings = settings
        self.encoder = GaussianEncoder(sizes.n_inputs, settings.n_hidden, sizes.n_topics, settings.dropout)
        self.encoder.reset_parameters(rng)
        self.beta = nn.Parameter(torch.empty(sizes.n_topics, sizes.n_words))
        nn.init.xavier_uniform_(self.beta, generator=rng)
        self.word_norm = WordNorm(sizes.n_words, settings.temperature)
        variance = dirichlet_variance(settings.dirichlet_alpha, sizes.n_topics)
        self.prior_mean = nn.Parameter(torch.zeros(sizes.n_topics))
        self.prior_log_variance = nn.Parameter(torch.full((sizes.n_topics,), variance).log())

    def forward(self, inputs: Float[Tensor, "docs width"], rng: torch.Generator | None = None) -> BackboneOutput:
        posterior = self.encoder(self.standardized(inputs), rng)
        theta = torch.softmax(posterior.sample(rng), dim=1)
        return BackboneOutput(
            logits=self.word_norm(dropout(theta, self.settings.dropout, rng), self.beta),
            theta=theta,
            penalty=posterior.kl_divergence(self.prior_mean, self.prior_log_variance.exp()).mean(),
        )

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        return torch.softmax(self.beta, dim=1)
