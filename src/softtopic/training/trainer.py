"""The one training loop: a backbone learns to reproduce soft labels from inputs."""

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from softtopic.backbones.base import Backbone
from softtopic.errors import InputError
from softtopic.objective import cross_entropy, entropy, soft_labels
from softtopic.progress import Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train; the defaults are the published ones."""

    epochs: int = 100
    batch_size: int = 64
    least_batches: int = 1  # in an epoch: few documents are cut into smaller batches, so that steps are not too few
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.99, 0.99)
    weight: float = 1000.0  # of the distillation loss against the backbone's penalty
    temperature: float = 3.0  # of the soft labels
    top_k: int | None = None  # words kept in a soft label
    patience: int | None = None  # stop after so many epochs without a better loss; None: never early

    def __post_init__(self) -> None:
        if (
            min(self.epochs, self.least_batches) < 1
            or self.batch_size < 2
            or (self.patience is not None and self.patience < 1)
        ):
            raise InputError(f"give at least 1 epoch, batches of 2 and a patience of 1; given {self}")
        if self.learning_rate <= 0 or self.weight <= 0 or self.temperature <= 0:
            raise InputError(f"learning rate, weight and temperature must be above 0; given {self}")


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Features of distinct documents, on the device, and which of them each training document is."""

    inputs: Float[Tensor, "rows width"]
    labels: Float[Tensor, "rows vocab"]  # soft labels, rows sum to 1, any float format
    documents: Int[Tensor, " docs"]  # row of each document: a text that stands twice counts twice

    @classmethod
    def distil(
        cls,
        inputs: Float[Tensor, "rows width"],
        log_probs: Float[Tensor, "rows vocab"],
        documents: Int[Tensor, " docs"],
        config: "TrainingConfig",
        prior: Float[Tensor, " vocab"] | None = None,
    ) -> "TrainingData":
        """Soft labels are worked out once and kept in float16: 2,000 words of a document are 4 kB."""
        labels = torch.empty(log_probs.shape, dtype=torch.float16, device=inputs.device)
        for rows in torch.arange(len(log_probs)).split(4096):
            part = log_probs[rows].to(inputs.device)
            labels[rows] = soft_labels(part, temperature=config.temperature, top_k=config.top_k, prior=prior).half()
        return cls(inputs=inputs, labels=labels, documents=documents)


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
    floor = _mean_entropy(data)
    start = time.perf_counter()
    with Progress("training", config.epochs, "epoch", show=progress) as bar:
        for _ in range(config.epochs):
            losses.append(_epoch(backbone, data, config, optimizer, noise) - floor)
            bar.advance(1)
            if _stalled(losses, config.patience):
                log.info("stopped after %d epochs: no better loss for %d", len(losses), config.patience)
                break
    backbone.eval()
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
        distilled = cross_entropy(output.log_words, data.labels.index_select(0, rows).float()).mean()
        optimizer.zero_grad(set_to_none=True)
        (config.weight * distilled + output.penalty).backward()
        optimizer.step()
        total += distilled.detach() * len(rows)
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
    wanted = max(round(len(documents) / config.batch_size), config.least_batches)
    count = max(1, min(wanted, len(documents) // 2))
    yield from documents[order.to(documents.device)].tensor_split(count)


def _stalled(losses: list[float], patience: int | None) -> bool:
    return patience is not None and len(losses) - 1 - losses.index(min(losses)) >= patience
