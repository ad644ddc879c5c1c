"""The one training loop: a backbone learns to reproduce soft labels, or counts of words, from inputs."""

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize
from torch import Tensor

from softtopic.backbones.base import Backbone
from softtopic.errors import InputError
from softtopic.storage.progress import Progress
from softtopic.training.objective import cross_entropy, entropy, soft_labels

log = logging.getLogger(__name__)

# Added to a share of a topic before its logarithm: float32 holds none below it.
_LEAST = 1e-12


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train; the defaults are the published ones."""

    epochs: int = 100
    batch_size: int | None = 64  # None: all documents, one step an epoch
    least_batches: int = 1  # in an epoch: few documents are cut into smaller batches, so that steps are not too few
    most_batches: int | None = None  # in all epochs: of many documents there are fewer epochs; None: no limit
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.99, 0.99)
    weight: float = 1000.0  # of the distillation loss against the backbone's penalty; counts weigh what they count
    temperature: float = 3.0  # of the soft labels
    top_k: int | None = None  # words kept in a soft label
    guidance: float = 1.0  # of the cross-entropy of theta against the distillation loss, where data have a theta
    patience: int | None = None  # stop after so many epochs without a better loss; None: never early

    def __post_init__(self) -> None:
        if (
            min(self.epochs, self.least_batches, self.most_batches or 1) < 1
            or (self.batch_size is not None and self.batch_size < 2)
            or (self.patience is not None and self.patience < 1)
        ):
            raise InputError(f"give at least 1 epoch, batches of 2 and a patience of 1; given {self}")
        if self.learning_rate <= 0 or self.weight <= 0 or self.temperature <= 0:
            raise InputError(f"learning rate, weight and temperature must be above 0; given {self}")
        if self.guidance < 0:
            raise InputError(f"guidance is {self.guidance}; give at least 0")


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Features of distinct documents, on the device, and which of them each training document is."""

    inputs: Float[Tensor, "rows width"]
    labels: Float[Tensor, "rows vocab"]  # distributions over words, any float format; 0 where there are no words
    documents: Int[Tensor, " docs"]  # row of each document: a text that stands twice counts twice
    weights: Float[Tensor, " rows"] | None = None  # of each row's loss; None: the weight of the configuration
    theta: Float[Tensor, "rows topics"] | None = None  # the mixtures the model is guided to; None: it is not guided

    @classmethod
    def count(
        cls, inputs: Float[Tensor, "rows width"], counts: csr_matrix, documents: Int[Tensor, " docs"]
    ) -> "TrainingData":
        """Counts of words, [rows, vocab]: the loss is their negative log likelihood, length x cross-entropy."""
        lengths = torch.from_numpy(np.asarray(counts.sum(axis=1), dtype=np.float32).ravel()).to(inputs.device)
        return cls(inputs=inputs, labels=shares(counts, inputs.device), documents=documents, weights=lengths)

    def mixed(self, counts: csr_matrix, share: float) -> "TrainingData":
        """Soft labels of which `share` is each document's own words; one without words keeps its soft label."""
        labels = shares(counts, self.labels.device)
        for soft, own in zip(self.labels.split(4096), labels.split(4096), strict=True):
            part = share * own.any(dim=1, keepdim=True)
            own.copy_((1 - part) * soft.float() + part * own.float())
        return replace(self, labels=labels)


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What happened: mean loss per epoch (distillation in nats, unweighted), and the speed."""

    losses: tuple[float, ...]
    documents_per_second: float


def train(
    backbone: Backbone,
    data: TrainingData,
    config: TrainingConfig,
    noise: torch.Generator,
    *,
    progress: bool = False,
) -> TrainingReport:
    """Fit the backbone; it is left in `eval` mode. Deterministic for a given generator state on one machine."""
    if len(data.documents) < 2:
        raise InputError(f"{len(data.documents)} document to train on; give at least 2")
    optimizer = torch.optim.Adam(backbone.parameters(), lr=config.learning_rate, betas=config.betas, fused=True)
    losses: list[float] = []
    floor, epochs = _mean_entropy(data), epochs_of(config, len(data.documents))
    start = time.perf_counter()
    with Progress("training", epochs, "epoch", show=progress) as bar:
        for _ in range(epochs):
            losses.append(_epoch(backbone, data, config, optimizer, noise) - floor)
            bar.advance(1)
            if _stalled(losses, config.patience):
                log.info("stopped after %d epochs: no better loss for %d", len(losses), config.patience)
                break
    backbone.eval()
    backbone.settle(data.inputs.index_select(0, rows).float() for rows in data.documents.split(4096))
    return TrainingReport(tuple(losses), len(losses) * len(data.documents) / (time.perf_counter() - start))


def _epoch(
    backbone: Backbone,
    data: TrainingData,
    config: TrainingConfig,
    optimizer: torch.optim.Optimizer,
    noise: torch.Generator,
) -> float:
    backbone.train()
    total = torch.zeros((), dtype=torch.float64, device=data.inputs.device)
    for rows in batches(data.documents, config, noise):
        # index_select takes a fifth of the time of indexing on a CPU.
        output = backbone(data.inputs.index_select(0, rows).float(), noise)
        labels = data.labels.index_select(0, rows).float()
        distilled = cross_entropy(output.log_words, labels, normalised=output.normalised)
        weights = config.weight if data.weights is None else data.weights.index_select(0, rows)
        loss = (weights * distilled).mean() + output.penalty
        if data.theta is not None:
            held = -torch.linalg.vecdot(data.theta.index_select(0, rows), (output.theta + _LEAST).log())
            loss = loss + config.guidance * config.weight * held.mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += distilled.detach().sum()
    mean = float(total) / len(data.documents)
    if not math.isfinite(mean):
        raise InputError("training diverged (the loss is not a number); give a smaller learning rate")
    return mean


def _mean_entropy(data: TrainingData) -> float:
    """What the cross-entropy of a perfect reconstruction would be."""
    of_row = torch.cat([entropy(part.float()) for part in data.labels.split(4096)])
    return float(of_row[data.documents].double().mean())


def batches(
    documents: Int[Tensor, " docs"], config: TrainingConfig, noise: torch.Generator
) -> Iterator[Int[Tensor, " batch"]]:
    """All documents in random order, in batches of nearly equal size: no batch of one, which BatchNorm cannot take."""
    order = torch.randperm(len(documents), generator=noise, device=noise.device)
    yield from documents[order.to(documents.device)].tensor_split(batches_in(config, len(documents)))


def batches_in(config: TrainingConfig, documents: int) -> int:
    """How many batches an epoch of so many documents has."""
    wanted = max(round(documents / (config.batch_size or documents)), config.least_batches)
    return max(1, min(wanted, documents // 2))


def epochs_of(config: TrainingConfig, documents: int) -> int:
    """How many epochs so many documents are trained for, unless the loss stalls."""
    if config.most_batches is None:
        return config.epochs
    return max(1, min(config.epochs, round(config.most_batches / batches_in(config, documents))))


def shares(counts: csr_matrix, device: torch.device) -> Float[Tensor, "rows vocab"]:
    """Counts as shares of each document's words, dense, float16."""
    known = csr_matrix(normalize(counts.astype(np.float32), norm="l1"))
    parts = [known[rows] for rows in np.array_split(np.arange(len(known.indptr) - 1), 1 + len(known.indptr) // 4096)]
    return torch.cat([torch.from_numpy(part.toarray()).to(device).half() for part in parts])


def tempered(
    log_probs: Float[Tensor, "rows vocab"],
    config: TrainingConfig,
    prior: Float[Tensor, " vocab"] | None,
    device: torch.device,
) -> Float[Tensor, "rows vocab"]:
    """Soft labels as the configuration has them, kept in float16: 2,000 words of a document are 4 kB."""
    labels = torch.empty(log_probs.shape, dtype=torch.float16, device=device)
    for rows in torch.arange(len(log_probs)).split(4096):
        part = log_probs[rows].to(device)
        labels[rows] = soft_labels(part, temperature=config.temperature, top_k=config.top_k, prior=prior).half()
    return labels


def _stalled(losses: list[float], patience: int | None) -> bool:
    return patience is not None and len(losses) - 1 - losses.index(min(losses)) >= patience
