"""What a topic model learns to say of each document: the language model's words, the document's own, or both."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from torch import Tensor

from softtopic.errors import InputError
from softtopic.graph.imputation import Known, carry
from softtopic.graph.initial_groups import Guide, guide, own_share
from softtopic.graph.neighbours import View
from softtopic.inputs.lsa import WordSpace, tf_idf
from softtopic.inputs.registry import split_target
from softtopic.recipes import Recipe
from softtopic.topics.ranking import WordVectors, profiles, relevance
from softtopic.training.dataset import TrainingData, l1_normalized, soft_label_targets
from softtopic.types import DocHidden, DocTopic, TopicVocab

# How much each view counts when documents are compared.
_VIEWS = {"embedding": 1.0, "hidden": 0.75, "words": 0.75}
_WORDS_COMPARED_BY = 100  # dimensions
# How much words count beside sentence vectors where what was not read is predicted.
_WORDS_KNOWN = 0.25


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Targets of the distinct documents, one of them at least."""

    recipe: Recipe
    soft: Float[Tensor, "rows vocab"] | None  # float16, rows sum to 1, see `soft_targets`
    counts: csr_matrix  # of words, [rows, vocab]; without rows where the recipe has no use for them
    vectors: dict[str, DocHidden] = field(default_factory=dict)  # by which documents are compared, beside their words
    # Documents in a space of words, the first axes first; None: it is still to be made.
    placed: Float[np.ndarray, "learnt axes"] | None = None

    def data(
        self, inputs: Float[Tensor, "rows width"], documents: Int[Tensor, " docs"], guide: Guide | None
    ) -> TrainingData:
        """What the trainer takes. Where words are guided or mixed with soft labels, all documents weigh the same."""
        theta = None if guide is None else torch.from_numpy(guide.theta).to(inputs.device)
        if self.soft is not None:
            data = TrainingData(inputs=inputs, labels=self.soft, documents=documents, target_mixtures=theta)
            return data.with_bow_targets(self._words, self.recipe.bow_share) if self._has_words else data
        if guide is None:
            return TrainingData.from_counts(inputs, self.counts, documents)
        labels = l1_normalized(self._words, inputs.device)
        return TrainingData(inputs=inputs, labels=labels, documents=documents, target_mixtures=theta)

    def guide(self, n_topics: int, seed: int) -> Guide | None:
        """Groups of documents, compared by their vectors and by words; None where the recipe has no guide."""
        if self.recipe.guide is None:
            return None
        labels: list[Any] = [] if self.soft is None else [self.soft.cpu().numpy()]
        views: list[View] = [(_standardised(rows), _VIEWS[name]) for name, rows in self.vectors.items()]
        if self._has_words:
            labels.append(self._words)
            rows = self._compared_words(seed)
            # The less few dimensions hold of a document's words, the less can be told by them.
            held = float(np.square(rows).sum(axis=1).mean())
            if held:
                views.append((rows, _VIEWS["words"] * held))
        return guide(labels, views, n_topics, self.recipe.guide, seed)

    def carried(self, read: Int[np.ndarray, " read"]) -> "Targets":
        """Soft labels and hidden states for all documents, where some were read."""
        known: list[Known] = [
            (_standardised(rows), _VIEWS[name]) for name, rows in self.vectors.items() if name != "hidden"
        ]
        views = [*known, (self._words, _WORDS_KNOWN)] if self._has_words else known
        if self.soft is None or not views:
            raise InputError("what is not read is predicted from sentence vectors or words, and there are none")
        hidden = _standardised(self.vectors["hidden"])
        labels, states = carry(self.soft.cpu().numpy(), hidden, read, views)
        vectors = self.vectors | {"hidden": states}
        return replace(self, soft=torch.from_numpy(labels).to(self.soft.device), vectors=vectors)

    def relevance(self, topic_word: TopicVocab, theta: DocTopic, words: WordVectors | None) -> TopicVocab | None:
        """In which order to show the words of topics; None where the recipe shows them by probability.

        Words are compared by the vectors given, and by those of the documents that are about them.
        """
        if self.recipe.order == "probability":
            return None
        views = [] if words is None else [words]
        about = self._words if self.soft is None else self.soft.cpu().numpy()
        # Hidden states, where there are any: a sentence encoder has vectors for the words themselves.
        named = "hidden" if "hidden" in self.vectors else "embedding"
        if named in self.vectors:
            views.append(profiles(about, _standardised(self.vectors[named])))
        own = np.asarray((self.counts.T @ own_share(theta)).T) if self._has_words else None
        return relevance(topic_word, own, views)

    def _compared_words(self, seed: int) -> Float[np.ndarray, "docs width"]:
        if self.placed is not None:
            return self.placed[:, :_WORDS_COMPARED_BY].astype(np.float32)
        return WordSpace.fit(self.counts, _WORDS_COMPARED_BY, seed=seed).of(self.counts)

    @cached_property
    def _words(self) -> csr_matrix:
        return tf_idf(self.counts)

    @property
    def _has_words(self) -> bool:
        return self.counts.shape[0] > 0  # type: ignore[index]


def soft_targets(
    recipe: Recipe,
    log_probs: Float[np.ndarray, "rows vocab"] | None,
    prior: Float[Tensor, " vocab"] | None,
    device: torch.device,
) -> Float[Tensor, "rows vocab"] | None:
    """Soft labels as the recipe has them, of log probabilities and the prior to be taken off; None: it wants none."""
    if log_probs is None or "soft" not in split_target(recipe.target):
        return None
    return soft_label_targets(torch.from_numpy(log_probs), recipe.training, prior, device)


def _standardised(rows: DocHidden) -> Float[np.ndarray, "docs width"]:
    """Columns of mean 0 and deviation 1, else the few large ones of a language model decide every cosine."""
    rows = rows.astype(np.float32)
    deviation = rows.std(axis=0)
    return (rows - rows.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
