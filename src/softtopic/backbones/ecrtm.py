"""ECRTM: topic embeddings as centres of clusters of word embeddings (Wu et al., 2023)."""

from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, copy_known_rows, dirichlet_variance
from softtopic.backbones.encoder import GaussianEncoder, Shift
from softtopic.backbones.norm import WordNorm
from softtopic.backbones.settings import ECRTMSettings, Sizes
from softtopic.backbones.transport import SinkhornConfig, sinkhorn, squared_distances


@final
class ECRTM(Backbone):
    """Variational topic model with embedding clustering regularisation.

    p(words) = softmax(BatchNorm(theta · beta) + bias), where beta is a softmax over topics of
    -‖topic embedding - word embedding‖² / beta_temperature, and theta = softmax(z), z a sample of the Gaussian that the
    inference network gives, and its mean at inference. The penalty is the KL divergence to the Laplace approximation of
    a Dirichlet prior, plus the cost of transporting the words to the topics, all topics of equal mass: it keeps topics
    apart.

    Parameters
    ----------
    sizes : Sizes
        Dimensions.
    settings : ECRTMSettings
        Hyper-parameters.
    rng : torch.Generator
        Source of the initial weights.

    References
    ----------
    Wu, X., Dong, X., Nguyen, T., Luu, A. T. (2023). Effective neural topic modeling with embedding clustering
    regularization. ICML.
    """

    settings: ECRTMSettings
    potential: Tensor

    def __init__(self, sizes: Sizes, settings: ECRTMSettings, rng: torch.Generator) -> None:
        super().__init__(sizes)
        self.settings = settings
        n_topics, n_words, width = sizes.n_topics, sizes.n_words, sizes.word_width or settings.word_width
        self.encoder = GaussianEncoder(sizes.n_inputs, settings.n_hidden, n_topics, settings.dropout, "batch+bias")
        self.encoder.reset_parameters(rng)
        words, topics = torch.empty(n_words, width), torch.empty(n_topics, width)
        self.word_embeddings = nn.Parameter(F.normalize(nn.init.trunc_normal_(words, generator=rng)))
        # Normalised, so that the published standard deviation of .1 only says that nothing is truncated.
        self.topic_embeddings = nn.Parameter(F.normalize(nn.init.trunc_normal_(topics, std=0.1, generator=rng)))
        self.word_norm = WordNorm(n_words, temperature=1.0)
        self.word_shift = Shift(n_words)
        # The transport of one step starts from that of the step before: a few iterations instead of hundreds.
        self.register_buffer("potential", torch.zeros(n_words), persistent=False)

    def forward(self, inputs: Float[Tensor, "docs width"], rng: torch.Generator | None = None) -> BackboneOutput:
        posterior = self.encoder(self.standardized(inputs), rng)
        theta = torch.softmax(posterior.sample(rng), dim=1)
        distances = squared_distances(self.topic_embeddings, self.word_embeddings)
        n_topics = self.sizes.n_topics
        prior_variance = theta.new_full((n_topics,), dirichlet_variance(self.settings.dirichlet_alpha, n_topics))
        divergence = posterior.kl_divergence(torch.zeros_like(prior_variance), prior_variance).mean()
        return BackboneOutput(
            logits=self.word_shift(self.word_norm(theta, self._beta(distances))),
            theta=theta,
            penalty=divergence + self.settings.clustering_weight * self._transport_cost(distances),
        )

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        beta = self._beta(squared_distances(self.topic_embeddings, self.word_embeddings))
        return beta / beta.sum(dim=1, keepdim=True)

    def init_word_embeddings(self, embeddings: Float[Tensor, "vocab width"]) -> None:
        copy_known_rows(self.word_embeddings, F.normalize(embeddings))
        with torch.no_grad():
            self.word_embeddings.copy_(F.normalize(self.word_embeddings))

    def _beta(self, distances: Float[Tensor, "topics vocab"]) -> Float[Tensor, "topics vocab"]:
        """Assignment of words to topics; columns sum to 1."""
        return torch.softmax(distances / -self.settings.beta_temperature, dim=0)

    def _transport_cost(self, distances: Float[Tensor, "topics vocab"]) -> Float[Tensor, ""]:
        n_topics, n_words = distances.shape
        settings = self.settings
        transport = sinkhorn(
            distances,
            distances.new_full((n_topics,), 1 / n_topics),
            distances.new_full((n_words,), 1 / n_words),
            SinkhornConfig(settings.sinkhorn_alpha, settings.sinkhorn_tolerance, settings.sinkhorn_max_iterations),
            init_potential=self.potential if self.training else None,
        )
        if self.training:
            self.potential.copy_(transport.potential)
        return (transport.plan * distances).sum()
