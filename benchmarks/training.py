"""Speed of training: every backbone, 50 topics, 2,000 words, documents per second.

    python benchmarks/training.py [--rounds 5] [--only ecrtm]

Random features of the embedded model's width: the speed does not depend on the values. The same model fed by a
per-sample data loader, the usual way, stands beside it: one that hands out rows of dense labels, and one that cuts each
document's words out of a sparse matrix, as loaders of bags of words do.
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_sparse
from torch.utils.data import DataLoader, Dataset, TensorDataset

from softtopic.backbones.registry import BACKBONES, build_backbone, default_settings
from softtopic.backbones.settings import Sizes
from softtopic.recipes import get_recipe
from softtopic.training.config import TrainingConfig
from softtopic.training.dataset import TrainingData, soft_label_targets
from softtopic.training.objective import distillation_loss
from softtopic.training.trainer import train

TARGETS = {"prodlda": 40_000, "etm": 40_000, "ecrtm": 10_000, "fastopic": 10_000}
DOCUMENTS = 20_000
PART = 4096


def backbone(name: str, rng: torch.Generator):
    settings = default_settings(name).resolved(label_temperature=3.0)
    return build_backbone(settings, Sizes(n_inputs=576, n_topics=50, n_words=2000), rng)


class SparseRows(Dataset):
    """Inputs and words of each document, the words made dense one document at a time."""

    def __init__(self, inputs: torch.Tensor, words: csr_matrix) -> None:
        self.inputs, self.words = inputs, words

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.inputs[row], torch.from_numpy(self.words[row].toarray()[0])


def by_loader(name: str, samples: Dataset, config: TrainingConfig, rng: torch.Generator) -> float:
    """Documents per second of one sample at a time, as published code trains."""
    model = backbone(name, rng)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, betas=config.betas)
    rows = len(samples)  # type: ignore[arg-type]
    start = time.perf_counter()
    for inputs, labels in DataLoader(samples, batch_size=config.batch_size or rows, shuffle=True, drop_last=True):
        output = model(inputs, rng)
        optimizer.zero_grad()
        (config.distillation_weight * distillation_loss(output.logits, labels).mean() + output.penalty).backward()
        optimizer.step()
    return rows / (time.perf_counter() - start)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", choices=BACKBONES)
    given = options.parse_args()
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(DOCUMENTS, 576, generator=rng).half()
    words = csr_matrix(random_sparse(PART, 2000, density=0.02, format="csr", dtype=np.float32, random_state=0))
    log_probs = torch.log_softmax(2 * torch.randn(DOCUMENTS, 2000, generator=rng), dim=1).half()
    for name in BACKBONES if given.only is None else (given.only,):
        for recipe in ("paper", "light"):
            settings = get_recipe(recipe, name).training
            config = TrainingConfig(
                epochs=5,
                batch_size=settings.batch_size,
                temperature=settings.temperature,
                distillation_weight=settings.distillation_weight,
            )
            labels = soft_label_targets(log_probs, config, None, inputs.device)
            data = TrainingData(inputs=inputs, labels=labels, documents=torch.arange(DOCUMENTS))
            speeds = [train(backbone(name, rng), data, config, rng).documents_per_second for _ in range(given.rounds)]
            # Of a part of the documents: a loader's speed does not depend on how many there are.
            part = data.inputs[:PART].float()
            loader, sparse_loader = (
                statistics.median(by_loader(name, samples, config, rng) for _ in range(given.rounds))
                for samples in (TensorDataset(part, data.labels[:PART].float()), SparseRows(part, words))
            )
            print(json.dumps({
                "backbone": name, "recipe": recipe, "batch_size": config.batch_size,
                "documents_per_second": round(statistics.median(speeds)),
                "least_and_most": [round(min(speeds)), round(max(speeds))], "target": TARGETS.get(name),
                "by_loader": round(loader), "times_the_loader": round(statistics.median(speeds) / loader, 1),
                "by_sparse_loader": round(sparse_loader),
                "times_the_sparse_loader": round(statistics.median(speeds) / sparse_loader, 1),
                "threads": torch.get_num_threads(),
            }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
