"""Speed of training: ProdLDA, 50 topics, 2,000 words, documents per second.

    python benchmarks/training.py [--rounds 5]

Random features of the embedded model's width: the speed does not depend on the values.
"""

import argparse
import json
import statistics

import torch

from softtopic.backbones.prodlda import ProdLDA, ProdLDAConfig
from softtopic.recipes import RECIPES
from softtopic.training.trainer import TrainingConfig, TrainingData, train

TARGET = 40_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    noise = torch.Generator().manual_seed(0)
    inputs = torch.randn(20_000, 576, generator=noise).half()
    log_probs = torch.log_softmax(2 * torch.randn(20_000, 2000, generator=noise), dim=1).half()
    for name, recipe in RECIPES.items():
        size = recipe.training.batch_size
        config = TrainingConfig(epochs=5, batch_size=size, temperature=recipe.training.temperature)
        data = TrainingData.distil(inputs, log_probs, torch.arange(20_000), config)
        speeds = []
        for _ in range(rounds):
            model = ProdLDA(ProdLDAConfig(n_inputs=576, n_topics=50, n_words=2000), noise)
            speeds.append(train(model, data, config, noise).documents_per_second)
        print(json.dumps({
            "recipe": name, "batch_size": size, "documents_per_second": round(statistics.median(speeds)),
            "least_and_most": [round(min(speeds)), round(max(speeds))], "target": TARGET,
            "threads": torch.get_num_threads(),
        }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
