"""Training data on the device, their targets, and mini-batches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize
from torch import Tensor

from softtopic.backbones.base import BatchInputs
from softtopic.backbones.batch import SparseBatch
from softtopic.training.config import TrainingConfig
from softtopic.training.objective import soft_labels

# Rows that are converted together; bounds the memory.
CHUNK_ROWS = 4096


@final
@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Inputs and targets of the distinct documents, all on one device.

    Parameters
    ----------
    inputs : Tensor of shape (n_rows, n_dense)
        Inputs of the backbone, of any float type; all of them, or those before the sparse ones.
    sparse_inputs : csr_matrix of shape (n_rows, n_sparse) or None, default=None
        Last columns of the inputs, float32, for a backbone that takes sparse columns.
    labels : Tensor of shape (n_rows, n_words)
        Target distributions over words, of any float type; rows sum to 1, or to 0 for a document without words.
    documents : Tensor of shape (n_documents,)
        Row of each training document: a text that occurs twice counts twice.
    weights : Tensor of shape (n_rows,) or None, default=None
        Weight of each row's loss. None: `TrainingConfig.distillation_weight` for all.
    target_mixtures : Tensor of shape (n_rows, n_topics) or None, default=None
        Topic mixtures that theta is trained to match; rows sum to 1. None: there are none.
    """

    inputs: Float[Tensor, "rows width"]
    labels: Float[Tensor, "rows vocab"]
    documents: Int[Tensor, " docs"]
    weights: Float[Tensor, " rows"] | None = None
    target_mixtures: Float[Tensor, "rows topics"] | None = None
    sparse_inputs: csr_matrix | None = None

    def batch(self, rows: Int[Tensor, " batch"]) -> BatchInputs:
        """Inputs of some rows, float32."""
        # index_select takes a fifth of the time of indexing on a CPU.
        dense = self.inputs.index_select(0, rows).float()
        if self.sparse_inputs is None:
            return dense
        return SparseBatch.of(dense, csr_matrix(self.sparse_inputs[rows.cpu().numpy()]))

    @classmethod
    def from_counts(
        cls, inputs: Float[Tensor, "rows width"], counts: csr_matrix, documents: Int[Tensor, " docs"]
    ) -> "TrainingData":
        """Word counts as the target, with the length of a document as its weight.

        The loss is then the negative log likelihood of the counts.

        Parameters
        ----------
        inputs : Tensor of shape (n_rows, n_inputs)
            Inputs of the backbone.
        counts : csr_matrix of shape (n_rows, n_words)
            Word counts.
        documents : Tensor of shape (n_documents,)
            Row of each training document.
        """
        lengths = torch.from_numpy(np.asarray(counts.sum(axis=1), dtype=np.float32).ravel()).to(inputs.device)
        return cls(inputs=inputs, labels=l1_normalized(counts, inputs.device), documents=documents, weights=lengths)

    def with_bow_targets(self, counts: csr_matrix, share: float) -> "TrainingData":
        """Labels (1 - share) x soft label + share x L1-normalised bag of words.

        Parameters
        ----------
        counts : csr_matrix of shape (n_rows, n_words)
            Word counts or weights; a document without words keeps its soft label.
        share : float in [0, 1]
            Weight of the bag of words.
        """
        labels = l1_normalized(counts, self.labels.device)
        for soft, bow in zip(self.labels.split(CHUNK_ROWS), labels.split(CHUNK_ROWS), strict=True):
            weight = share * bow.any(dim=1, keepdim=True)
            bow.copy_((1 - weight) * soft.float() + weight * bow.float())
        return replace(self, labels=labels)


def minibatches(
    documents: Int[Tensor, " docs"], config: TrainingConfig, rng: torch.Generator
) -> Iterator[Int[Tensor, " batch"]]:
    """The documents of one epoch in random order, in batches of nearly equal size, none of a single document."""
    order = torch.randperm(len(documents), generator=rng, device=rng.device)
    yield from documents[order.to(documents.device)].tensor_split(config.n_batches(len(documents)))


def l1_normalized(counts: csr_matrix, device: torch.device) -> Float[Tensor, "rows vocab"]:
    """Rows of counts divided by their sum, dense, float16; rows of zeros stay zeros."""
    rows = csr_matrix(normalize(counts.astype(np.float32), norm="l1"))
    n_chunks = 1 + len(rows.indptr) // CHUNK_ROWS
    chunks = [rows[chunk] for chunk in np.array_split(np.arange(len(rows.indptr) - 1), n_chunks)]
    return torch.cat([torch.from_numpy(chunk.toarray()).to(device).half() for chunk in chunks])


def soft_label_targets(
    log_probs: Float[Tensor, "rows vocab"],
    config: TrainingConfig,
    prior: Float[Tensor, " vocab"] | None,
    device: torch.device,
) -> Float[Tensor, "rows vocab"]:
    """Soft labels at the temperature and top k of the configuration, on the device.

    They are kept in float16, so that the 2,000 words of a document take 4 kB.

    Parameters
    ----------
    log_probs : Tensor of shape (n_rows, n_words)
        Log probabilities of words.
    config : TrainingConfig
        Temperature and top k.
    prior : Tensor of shape (n_words,) or None
        Log probability of each word to subtract first.
    device : torch.device
        Where training takes place.

    Returns
    -------
    Tensor of shape (n_rows, n_words)
        float16; rows sum to 1 up to rounding.
    """
    labels = torch.empty(log_probs.shape, dtype=torch.float16, device=device)
    for rows in torch.arange(len(log_probs)).split(CHUNK_ROWS):
        chunk = log_probs[rows].to(device)
        labels[rows] = soft_labels(chunk, temperature=config.temperature, top_k=config.top_k, prior=prior).half()
    return labels
