"""FASTopic: documents, topics and words in one space, related by optimal transport (Wu et al., 2024)."""

from collections.abc import Iterable
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, log_mixture
from softtopic.backbones.settings import FASTopicSettings, Sizes
from softtopic.backbones.transport import SinkhornConfig, Transport, sinkhorn, squared_distances


@final
class FASTopic(Backbone):
    """Topic model without an inference network, whose theta and beta are transport plans.

    p(words) = theta · beta; both are rows of plans of entropic optimal transport with squared Euclidean costs, between
    documents (L2-normalised inputs) and topics, and between topics and words. The penalty is the cost of both plans.
    Nothing is random but the initial embeddings.

    In training theta is the plan of the batch. At inference, so that no document depends on the others, it is the
    softmax over topics of -alpha d - log Σ exp(-alpha d'), with d the squared distance of the document to the topic and
    d' those of all training documents.

    Parameters
    ----------
    sizes : Sizes
        Dimensions.
    settings : FASTopicSettings
        Hyper-parameters.
    rng : torch.Generator
        Source of the initial embeddings.

    References
    ----------
    Wu, X., Nguyen, T., Zhang, D. C., Wang, W. Y., Luu, A. T. (2024). FASTopic: pretrained transformer is a fast,
    adaptive, stable, and transferable topic model. NeurIPS.
    """

    settings: FASTopicSettings
    log_normalizer: Tensor
    document_potential: Tensor
    word_potential: Tensor

    def __init__(self, sizes: Sizes, settings: FASTopicSettings, rng: torch.Generator) -> None:
        super().__init__(sizes)
        self.settings = settings
        width, n_topics, n_words = sizes.n_inputs, sizes.n_topics, sizes.n_words
        topics, words = torch.empty(n_topics, width), torch.empty(n_words, width)
        # Normalised, so that the published standard deviation of .1 only says that nothing is truncated.
        self.topic_embeddings = nn.Parameter(F.normalize(nn.init.trunc_normal_(topics, std=0.1, generator=rng)))
        self.word_embeddings = nn.Parameter(F.normalize(nn.init.trunc_normal_(words, generator=rng)))
        self.topic_weights = nn.Parameter(torch.full((n_topics,), 1 / n_topics))
        self.word_weights = nn.Parameter(torch.full((n_words,), 1 / n_words))
        # For each topic log Σ exp(-alpha x squared distance) over the training documents; 0 until `finalize`.
        self.register_buffer("log_normalizer", torch.zeros(n_topics))
        # The transports of one step start from those of the step before.
        self.register_buffer("document_potential", torch.zeros(n_topics), persistent=False)
        self.register_buffer("word_potential", torch.zeros(n_words), persistent=False)

    def forward(self, inputs: Float[Tensor, "docs width"], rng: torch.Generator | None = None) -> BackboneOutput:
        del rng
        doc_topic, topic_word = self._document_distances(inputs), self._word_distances()
        documents, words = self._document_transport(doc_topic), self._word_transport(topic_word)
        theta = documents.plan * len(inputs) if self.training else self._theta(doc_topic)
        if self.training:
            self.document_potential.copy_(documents.potential)
            self.word_potential.copy_(words.potential)
        return BackboneOutput(
            logits=log_mixture(theta, words.plan * self.sizes.n_topics),
            theta=theta,
            penalty=(documents.plan * doc_topic).sum() + (words.plan * topic_word).sum(),
            normalized=True,
        )

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        plan = self._word_transport(self._word_distances()).plan
        return plan / plan.sum(dim=1, keepdim=True)

    @torch.no_grad()
    def finalize(self, inputs: Iterable[Float[Tensor, "docs width"]]) -> None:
        alpha = self.settings.doc_topic_alpha
        sums = [torch.logsumexp(self._document_distances(chunk) * -alpha, dim=0) for chunk in inputs]
        self.log_normalizer.copy_(torch.logsumexp(torch.stack(sums), dim=0))

    def _document_distances(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        return squared_distances(F.normalize(self.standardized(inputs)), self.topic_embeddings)

    def _word_distances(self) -> Float[Tensor, "topics vocab"]:
        return squared_distances(self.topic_embeddings, self.word_embeddings)

    def _theta(self, distances: Float[Tensor, "docs topics"]) -> Float[Tensor, "docs topics"]:
        return torch.softmax(distances * -self.settings.doc_topic_alpha - self.log_normalizer, dim=1)

    def _document_transport(self, distances: Float[Tensor, "docs topics"]) -> Transport:
        n_documents = len(distances)
        return sinkhorn(
            distances,
            distances.new_full((n_documents,), 1 / n_documents),
            torch.softmax(self.topic_weights, dim=0),
            self._sinkhorn(self.settings.doc_topic_alpha),
            init_potential=self.document_potential if self.training else None,
        )

    def _word_transport(self, distances: Float[Tensor, "topics vocab"]) -> Transport:
        n_topics = len(distances)
        return sinkhorn(
            distances,
            distances.new_full((n_topics,), 1 / n_topics),
            torch.softmax(self.word_weights, dim=0),
            self._sinkhorn(self.settings.topic_word_alpha),
            init_potential=self.word_potential if self.training else None,
        )

    def _sinkhorn(self, alpha: float) -> SinkhornConfig:
        return SinkhornConfig(alpha, self.settings.sinkhorn_tolerance, self.settings.sinkhorn_max_iterations)
