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
    """Soft labels softmax((log_probs - prior) / temperature) (Hinton et al., 2015).

    Parameters
    ----------
    log_probs : Tensor of shape (n_documents, n_words)
        Log probabilities of words, of any float type.
    temperature : float, default=1.0
        Above 0; the larger, the flatter the labels.
    top_k : int or None, default=None
        All but this many words of a document get probability 0, and more remain where values tie. None: all remain.
    prior : Tensor of shape (n_words,) or None, default=None
        Log probability of each word to subtract first (calibration).

    Returns
    -------
    Tensor of shape (n_documents, n_words)
        float32; rows sum to 1.

    Examples
    --------
    >>> soft_labels(torch.tensor([[0.5, 0.25, 0.25]]).log(), temperature=0.5)
    tensor([[0.6667, 0.1667, 0.1667]])
    """
    scores = log_probs.float()
    if prior is not None:
        scores = scores - prior
    if top_k is not None and top_k < scores.shape[1]:
        # All ties at the threshold stay, so that the result does not depend on the order of the words.
        threshold = scores.topk(top_k, dim=1).values[:, -1:]
        scores = scores.masked_fill(scores < threshold, float("-inf"))
    return torch.softmax(scores * (1 / temperature), dim=1)


class _CrossEntropy(torch.autograd.Function):
    """logsumexp(logits) - labels · logits, with the gradient softmax(logits) - labels in one fused step.

    Autograd would make five more passes over [docs, vocab] for the same formula, most of a training step.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tensor:
        ctx.save_for_backward(logits, labels)
        return -torch.log_softmax(logits, dim=1).mul_(labels).sum(dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        logits, labels = ctx.saved_tensors
        return torch.softmax(logits, dim=1).sub_(labels).mul_(gradients[0][:, None]), None


def cross_entropy(
    logits: Float[Tensor, "docs vocab"], labels: Float[Tensor, "docs vocab"], *, normalized: bool = False
) -> Float[Tensor, " docs"]:
    """-Σ labels · log softmax(logits), the part of the distillation loss that has a gradient.

    Parameters
    ----------
    logits : Tensor of shape (n_documents, n_words)
        Reconstruction of the words.
    labels : Tensor of shape (n_documents, n_words)
        Rows sum to 1, or to 0 for a document without a label.
    normalized : bool, default=False
        Whether the logits are log probabilities already.

    Returns
    -------
    Tensor of shape (n_documents,)
        In nats.
    """
    if normalized:
        return -torch.linalg.vecdot(labels, logits)
    return _CrossEntropy.apply(logits, labels)  # type: ignore[return-value]


def entropy(labels: Float[Tensor, "docs vocab"]) -> Float[Tensor, " docs"]:
    """-Σ labels · log labels of each document, in nats, with 0 log 0 = 0."""
    return -torch.special.xlogy(labels, labels).sum(dim=1)


def distillation_loss(
    logits: Float[Tensor, "docs vocab"], labels: Float[Tensor, "docs vocab"]
) -> Float[Tensor, " docs"]:
    """KL(labels ‖ softmax(logits)) of each document, in nats, at least 0 up to rounding.

    Parameters
    ----------
    logits : Tensor of shape (n_documents, n_words)
        Reconstruction of the words.
    labels : Tensor of shape (n_documents, n_words)
        Soft labels; rows sum to 1.

    Returns
    -------
    Tensor of shape (n_documents,)
        Cross-entropy minus the entropy of the labels.
    """
    return cross_entropy(logits, labels) - entropy(labels)
