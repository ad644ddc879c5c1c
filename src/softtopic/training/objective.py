"""Soft labels and the loss that distils them: one value per document, no reduction."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def soft_labels(
    log_probs: Float[Tensor, "docs vocab"],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    prior: Float[Tensor, " vocab"] | None = None,
) -> Float[Tensor, "docs vocab"]:
    """Distributions over the vocabulary, rows sum to 1: softmax((log_probs - prior) / temperature), in float32.

    `prior` is a log probability per word to be taken off first (calibration). With `top_k` all but the k most
    probable words of a document get probability 0.
    """
    scores = log_probs.float()
    if prior is not None:
        scores = scores - prior
    if top_k is not None and top_k < scores.shape[1]:
        # Every tie at the edge stays, so that the result does not depend on the order of the words.
        edge = scores.topk(top_k, dim=1).values[:, -1:]
        scores = scores.masked_fill(scores < edge, float("-inf"))
    return torch.softmax(scores * (1 / temperature), dim=1)


class _CrossEntropy(torch.autograd.Function):
    """logsumexp(scores) - labels · scores, with the gradient softmax(scores) - labels in one fused step.

    Left to autograd the same formula makes five passes more over [docs, vocab], most of a training step.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, labels: Tensor) -> Tensor:
        ctx.save_for_backward(scores, labels)
        return -torch.log_softmax(scores, dim=1).mul_(labels).sum(dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        scores, labels = ctx.saved_tensors
        return torch.softmax(scores, dim=1).sub_(labels).mul_(gradients[0][:, None]), None


def cross_entropy(
    log_words: Float[Tensor, "docs vocab"], labels: Float[Tensor, "docs vocab"], *, normalised: bool = False
) -> Float[Tensor, " docs"]:
    """-Σ labels · log softmax(log_words) for each document, in nats: the part of the loss that has a gradient.

    Rows of `labels` sum to 1, or to 0 where a document says nothing. With `normalised`, `log_words` are log
    probabilities as they are.
    """
    if normalised:
        return -torch.linalg.vecdot(labels, log_words)
    return _CrossEntropy.apply(log_words, labels)  # type: ignore[return-value]


def entropy(labels: Float[Tensor, "docs vocab"]) -> Float[Tensor, " docs"]:
    """-Σ labels · log labels for each document, in nats; 0 log 0 is 0."""
    return -torch.special.xlogy(labels, labels).sum(dim=1)


def distillation_loss(
    log_words: Float[Tensor, "docs vocab"], labels: Float[Tensor, "docs vocab"]
) -> Float[Tensor, " docs"]:
    """KL(labels ‖ softmax(log_words)) for each document, in nats, at least 0 up to rounding."""
    return cross_entropy(log_words, labels) - entropy(labels)
