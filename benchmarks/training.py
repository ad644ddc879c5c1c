"""Speed of training: every backbone, 50 topics, 2,000 words, documents per second.

    python benchmarks/training.py [--rounds 5] [--only ecrtm]

Random features of the embedded model's width: the speed does not depend on the values. The same model fed by a
per-sample data loader, the usual way, stands beside it.
"""

import argparse
import json
import statistics
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

from softtopic.backbones.registry import BACKBONES, build_backbone
from softtopic.objective import distillation_loss
from softtopic.recipes import get_recipe
from softtopic.training.trainer import TrainingConfig, TrainingData, tempered, train

TARGETS = {"prodlda": 40_000, "etm": 40_000, "ecrtm": 10_000, "fastopic": 10_000}
DOCUMENTS = 20_000


def backbone(name: str, noise: torch.Generator):
    return build_backbone(name, {"n_inputs": 576, "n_topics": 50, "n_words": 2000}, noise)


def by_loader(name: str, data: TrainingData, config: TrainingConfig, noise: torch.Generator) -> float:
    """Documents per second of one sample at a time, as published code trains, on a part of the documents."""
    model = backbone(name, noise)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, betas=config.betas)
    rows = min(DOCUMENTS, 4096)
    samples = TensorDataset(data.inputs[:rows].float(), data.labels[:rows].float())
    start = time.perf_counter()
    for inputs, labels in DataLoader(samples, batch_size=config.batch_size or rows, shuffle=True, drop_last=True):
        output = model(inputs, noise)
        optimizer.zero_grad()
        (config.weight * distillation_loss(output.log_words, labels).mean() + output.penalty).backward()
        optimizer.step()
    return rows / (time.perf_counter() - start)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", choices=BACKBONES)
    given = options.parse_args()
    noise = torch.Generator().manual_seed(0)
    inputs = torch.randn(DOCUMENTS, 576, generator=noise).half()
    log_probs = torch.log_softmax(2 * torch.randn(DOCUMENTS, 2000, generator=noise), dim=1).half()
    for name in BACKBONES if given.only is None else (given.only,):
        for recipe in ("paper", "light"):
            settings = get_recipe(recipe, name).training
            config = TrainingConfig(
                epochs=5, batch_size=settings.batch_size, temperature=settings.temperature, weight=settings.weight
            )
            labels = tempered(log_probs, config, None, inputs.device)
            data = TrainingData(inputs=inputs, labels=labels, documents=torch.arange(DOCUMENTS))
            speeds = [
                train(backbone(name, noise), data, config, noise).documents_per_second for _ in range(given.rounds)
            ]
            loader = statistics.median(by_loader(name, data, config, noise) for _ in range(given.rounds))
            print(json.dumps({
                "backbone": name, "recipe": recipe, "batch_size": config.batch_size,
                "documents_per_second": round(statistics.median(speeds)),
                "least_and_most": [round(min(speeds)), round(max(speeds))], "target": TARGETS.get(name),
                "by_loader": round(loader), "times_the_loader": round(statistics.median(speeds) / loader, 1),
                "threads": torch.get_num_threads(),
            }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
