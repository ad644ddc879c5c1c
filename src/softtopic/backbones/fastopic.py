"""FASTopic: documents, topics and words in one space, tied by transport plans (Wu et al., 2024)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from softtopic.backbones.base import Backbone, BackboneOutput, log_mixture
from softtopic.backbones.transport import Stop, Transport, sinkhorn, squared_distances
from softtopic.errors import InputError

# The published iteration checks its tolerance of 5e-3 at every 50th step alone, and is far below it then.
_STOP = Stop(tolerance=1e-4)


@dataclass(frozen=True, kw_only=True)
class FASTopicConfig:
    """Sizes and settings; the defaults are the published ones."""

    n_inputs: int
    n_topics: int
    n_words: int
    sharpness_documents: float = 3.0  # of the plan between documents and topics
    sharpness_words: float = 2.0  # of the plan between topics and words

    def __post_init__(self) -> None:
        if min(self.n_inputs, self.n_words) < 1 or self.n_topics < 2:
            raise InputError(f"FASTopic needs at least 2 topics and sizes of at least 1; given {self}")
        if min(self.sharpness_documents, self.sharpness_words) <= 0:
            raise InputError(f"sharpness is above 0; given {self}")


@final
class FASTopic(Backbone):
    """theta · beta, both rows of transport plans by squared distance; documents are inputs of unit length.

    In training theta is the batch's plan between documents and topics. At inference it is a softmax of negative
    distances, each topic's divided by their sum over the training set, so that it does not depend on other documents.
    """

    crowding: Tensor
    potential_documents: Tensor
    potential_words: Tensor

    def __init__(self, config: FASTopicConfig, noise: torch.Generator) -> None:
        super().__init__(config.n_inputs)
        self.config = config
        width, n_topics, n_words = config.n_inputs, config.n_topics, config.n_words
        topics, words = torch.empty(n_topics, width), torch.empty(n_words, width)
        self.topics = nn.Parameter(F.normalize(nn.init.trunc_normal_(topics, std=0.1, generator=noise)))
        self.words = nn.Parameter(F.normalize(nn.init.trunc_normal_(words, generator=noise)))
        self.topic_weights = nn.Parameter(torch.full((n_topics,), 1 / n_topics))
        self.word_weights = nn.Parameter(torch.full((n_words,), 1 / n_words))
        # For each topic log Σ exp(-sharpness x distance) over the training set, 0 until `settle` is called.
        self.register_buffer("crowding", torch.zeros(n_topics))
        # Of the last step, where the next one begins.
        self.register_buffer("potential_documents", torch.zeros(n_topics), persistent=False)
        self.register_buffer("potential_words", torch.zeros(n_words), persistent=False)

    def forward(self, inputs: Float[Tensor, "docs width"], noise: torch.Generator | None = None) -> BackboneOutput:
        del noise  # nothing here is random
        to_topics, to_words = self._distances(inputs), squared_distances(self.topics, self.words)
        documents, words = self._document_transport(to_topics), self._word_transport(to_words)
        theta = documents.plan * len(inputs) if self.training else self._theta(to_topics)
        if self.training:
            self.potential_documents.copy_(documents.potential)
            self.potential_words.copy_(words.potential)
        return BackboneOutput(
            log_words=log_mixture(theta, words.plan * self.config.n_topics),
            theta=theta,
            penalty=(documents.plan * to_topics).sum() + (words.plan * to_words).sum(),
            normalised=True,
        )

    def infer(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        return self._theta(self._distances(inputs))

    def topic_word(self) -> Float[Tensor, "topics vocab"]:
        plan = self._word_transport(squared_distances(self.topics, self.words)).plan
        return plan / plan.sum(dim=1, keepdim=True)

    @torch.no_grad()
    def settle(self, inputs: Iterable[Float[Tensor, "docs width"]]) -> None:
        sums = [torch.logsumexp(self._distances(part) * -self.config.sharpness_documents, dim=0) for part in inputs]
        self.crowding.copy_(torch.logsumexp(torch.stack(sums), dim=0))

    def _distances(self, inputs: Float[Tensor, "docs width"]) -> Float[Tensor, "docs topics"]:
        return squared_distances(F.normalize(self.standardised(inputs)), self.topics)

    def _theta(self, to_topics: Float[Tensor, "docs topics"]) -> Float[Tensor, "docs topics"]:
        return torch.softmax(to_topics * -self.config.sharpness_documents - self.crowding, dim=1)

    def _document_transport(self, to_topics: Float[Tensor, "docs topics"]) -> Transport:
        return sinkhorn(
            to_topics,
            to_topics.new_full((len(to_topics),), 1 / len(to_topics)),
            torch.softmax(self.topic_weights, dim=0),
            sharpness=self.config.sharpness_documents,
            stop=_STOP,
            start=self.potential_documents if self.training else None,
        )

    def _word_transport(self, to_words: Float[Tensor, "topics vocab"]) -> Transport:
        return sinkhorn(
            to_words,
            to_words.new_full((len(to_words),), 1 / len(to_words)),
            torch.softmax(self.word_weights, dim=0),
            sharpness=self.config.sharpness_words,
            stop=_STOP,
            start=self.potential_words if self.training else None,
        )
