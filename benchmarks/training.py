"""Speed of training: documents per second of every backbone, 50 topics, 2,000 words.

    python benchmarks/training.py [--rounds 5] [--backbone ecrtm] [--documents 20000]

Random features of the embedded language model's width: the speed does not depend on the values. The last columns are
the ratio to the same model fed by a data loader one document at a time, as published code trains: "dense" hands out
rows of dense labels, "sparse" converts each document's row of a sparse matrix, as loaders of bags of words do.
"""

import statistics
import time

import numpy as np
import torch
from common import parser, print_head, print_row
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_sparse
from torch.utils.data import DataLoader, Dataset, TensorDataset

from softtopic.backbones.base import Backbone
from softtopic.backbones.registry import BACKBONES, build_backbone, default_settings
from softtopic.backbones.settings import Sizes
from softtopic.recipes import get_recipe
from softtopic.training.config import TrainingConfig
from softtopic.training.dataset import TrainingData, soft_label_targets
from softtopic.training.objective import distillation_loss
from softtopic.training.trainer import train

TARGETS = {"prodlda": "≥ 40,000", "etm": "≥ 40,000", "ecrtm": "≥ 10,000", "fastopic": "≥ 10,000"}
N_INPUTS, N_TOPICS, N_WORDS = 576, 50, 2000
# A loader's speed does not depend on how many documents there are.
LOADER_DOCUMENTS = 4096


def main() -> None:
    options = parser(__doc__, data=False)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--backbone", choices=BACKBONES, help="one of them alone")
    options.add_argument("--documents", type=int, default=20_000)
    arguments = options.parse_args()
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(arguments.documents, N_INPUTS, generator=rng).half()
    log_probs = torch.log_softmax(2 * torch.randn(arguments.documents, N_WORDS, generator=rng), dim=1).half()
    print_head(
        "backbone", "recipe", "batch size", "documents/s (least to most)", "target", "times dense", "times sparse"
    )
    for name in [arguments.backbone] if arguments.backbone else BACKBONES:
        for recipe in ("paper", "light"):
            known = get_recipe(recipe, name).training
            config = TrainingConfig(
                epochs=5,
                batch_size=known.batch_size,
                temperature=known.temperature,
                distillation_weight=known.distillation_weight,
            )
            labels = soft_label_targets(log_probs, config, None, inputs.device)
            data = TrainingData(inputs=inputs, labels=labels, documents=torch.arange(len(inputs)))
            speeds = [train(new_backbone(name, rng), data, config, rng).documents_per_second
                      for _ in range(arguments.rounds)]  # fmt: skip
            speed = statistics.median(speeds)
            times = [speed / statistics.median(loader_speed(name, rows, config, rng) for _ in range(arguments.rounds))
                     for rows in (dense_rows(data), SparseRows(data))]  # fmt: skip
            spread = f"{speed:,.0f} ({min(speeds):,.0f} to {max(speeds):,.0f})"
            ratios = (f"{value:.1f}" for value in times)
            print_row(name, recipe, config.batch_size or "all", spread, TARGETS.get(name, ""), *ratios)


def new_backbone(name: str, rng: torch.Generator) -> Backbone:
    settings = default_settings(name).resolved(label_temperature=3.0)
    return build_backbone(settings, Sizes(n_inputs=N_INPUTS, n_topics=N_TOPICS, n_words=N_WORDS), rng)


def dense_rows(data: TrainingData) -> Dataset:
    return TensorDataset(data.inputs[:LOADER_DOCUMENTS].float(), data.labels[:LOADER_DOCUMENTS].float())


class SparseRows(Dataset):
    """Inputs and words of each document, made dense one document at a time."""

    def __init__(self, data: TrainingData) -> None:
        self.inputs = data.inputs[:LOADER_DOCUMENTS].float()
        shape = (len(self.inputs), N_WORDS)
        self.words = csr_matrix(random_sparse(*shape, density=0.02, format="csr", dtype=np.float32, random_state=0))

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.inputs[row], torch.from_numpy(self.words[row].toarray()[0])


def loader_speed(name: str, rows: Dataset, config: TrainingConfig, rng: torch.Generator) -> float:
    """Documents per second of one epoch, one document at a time."""
    model = new_backbone(name, rng)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, betas=config.betas)
    count = len(rows)  # type: ignore[arg-type]
    start = time.perf_counter()
    for inputs, labels in DataLoader(rows, batch_size=config.batch_size or count, shuffle=True, drop_last=True):
        output = model(inputs, rng)
        optimizer.zero_grad()
        (config.distillation_weight * distillation_loss(output.logits, labels).mean() + output.penalty).backward()
        optimizer.step()
    return count / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
