"""The training loop: one for all backbones and all targets."""

import logging
import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from softtopic.backbones.base import Backbone
from softtopic.errors import InputError
from softtopic.storage.progress import Progress, RunClock, Step
from softtopic.training.config import TrainingConfig
from softtopic.training.dataset import CHUNK_ROWS, TrainingData, minibatches
from softtopic.training.objective import cross_entropy, entropy
from softtopic.training.report import TrainingReport
from softtopic.wording import counted

log = logging.getLogger(__name__)

# Added to theta before its logarithm, which float32 could not hold at 0.
_EPSILON = 1e-12


def train(
    backbone: Backbone,
    data: TrainingData,
    config: TrainingConfig,
    rng: torch.Generator,
    *,
    progress: bool | RunClock = False,
) -> TrainingReport:
    """Train a backbone with Adam, and leave it in `eval` mode.

    Parameters
    ----------
    backbone : Backbone
        Trained in place.
    data : TrainingData
        Inputs and targets, on the backbone's device.
    config : TrainingConfig
        Hyper-parameters.
    rng : torch.Generator
        The only source of randomness: equal states give equal weights on one machine.
    progress : bool or RunClock, default=False
        Show a progress bar on standard error.

    Returns
    -------
    TrainingReport
        Losses and speed.

    Raises
    ------
    InputError
        If there are fewer than two documents, or the loss is no longer finite.
    """
    n_documents = len(data.documents)
    if n_documents < 2:
        raise InputError(f"{n_documents} document to train on; give at least 2")
    optimizer = torch.optim.Adam(backbone.parameters(), lr=config.learning_rate, betas=config.betas, fused=True)
    losses: list[float] = []
    minimum, n_epochs = _mean_entropy(data), config.n_epochs(n_documents)
    start = time.perf_counter()
    with Progress(Step.TRAIN, n_epochs, "epoch", show=progress) as bar:
        for _ in range(n_epochs):
            losses.append(_train_epoch(backbone, data, config, optimizer, rng) - minimum)
            bar.advance(1)
            if _has_stalled(losses, config.patience):
                log.info("stopped after %s: no lower loss for %d", counted(len(losses), "epoch"), config.patience)
                break
    backbone.eval()
    backbone.finalize(data.batch(rows) for rows in data.documents.split(CHUNK_ROWS))
    return TrainingReport(tuple(losses), len(losses) * n_documents / (time.perf_counter() - start))


def _train_epoch(
    backbone: Backbone,
    data: TrainingData,
    config: TrainingConfig,
    optimizer: torch.optim.Optimizer,
    rng: torch.Generator,
) -> float:
    """Mean cross-entropy of the epoch."""
    backbone.train()
    total = torch.zeros((), dtype=torch.float64, device=data.inputs.device)
    for rows in minibatches(data.documents, config, rng):
        loss, words = _batch_loss(backbone, data, rows, config, rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += words.detach().sum()
    mean = float(total) / len(data.documents)
    if not math.isfinite(mean):
        raise InputError("training diverged (the loss is not a number); give a smaller learning rate")
    return mean


def _batch_loss(
    backbone: Backbone, data: TrainingData, rows: Tensor, config: TrainingConfig, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Loss of a batch, and the cross-entropy of each of its documents."""
    output = backbone(data.batch(rows), rng)
    words = cross_entropy(output.logits, data.labels.index_select(0, rows).float(), normalized=output.normalized)
    weights = config.distillation_weight if data.weights is None else data.weights.index_select(0, rows)
    loss = (weights * words).mean() + output.penalty
    if data.target_mixtures is not None:
        theta = -torch.linalg.vecdot(data.target_mixtures.index_select(0, rows), (output.theta + _EPSILON).log())
        loss = loss + config.theta_weight * config.distillation_weight * theta.mean()
    return loss, words


def _mean_entropy(data: TrainingData) -> float:
    """Entropy of the labels, the cross-entropy of a perfect reconstruction."""
    per_row = torch.cat([entropy(chunk.float()) for chunk in data.labels.split(CHUNK_ROWS)])
    return float(per_row[data.documents].double().mean())


def _has_stalled(losses: Sequence[float], patience: int | None) -> bool:
    return patience is not None and len(losses) - 1 - losses.index(min(losses)) >= patience
