"""Agreement with labels, and distinct words: every backbone on soft labels and on bags of words.

    python benchmarks/backbones.py --data-dir FOLDER [--data stackoverflow] [--documents 3000] [--topics 50] [--seeds 1]

The language model and the sentence encoder read the documents once; every row trains on the same ones. Labels are
read after training alone.
"""

import argparse
import json
import statistics

from scoring import over_seeds, shown, spread

from softtopic import SentenceEncoder, TopicModel
from softtopic.data.datasets import load

ROWS = (
    ("light", {"backbone": "prodlda"}),
    ("light", {"backbone": "etm"}),
    ("light", {"backbone": "ecrtm"}),
    ("light", {"backbone": "fastopic"}),
    ("paper", {"backbone": "prodlda"}),
    ("paper", {"backbone": "etm"}),
    ("paper", {"backbone": "ecrtm"}),
    ("paper", {"backbone": "fastopic"}),
    ("light", {"target": "bow"}),
    ("light", {"target": "soft+bow"}),
    ("light", {"inputs": "embedding"}),
    ("light", {"inputs": "hidden+embedding"}),
    ("prodlda", {}),
    ("zeroshottm", {}),
    ("combinedtm", {}),
    ("etm", {}),
    ("ecrtm", {}),
    ("fastopic", {}),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--data", default="stackoverflow")
    options.add_argument("--documents", type=int, default=3000, help="size of a random sample of the distinct ones")
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--word-vectors", help="where the words of ETM and ECRTM begin")
    options.add_argument("--only", type=int, nargs="+", help="numbers of rows, from 0")
    given = options.parse_args()
    corpus = spread(load(given.data, data_dir=given.data_dir), given.documents)
    embeddings = SentenceEncoder()(corpus.texts)
    for number, (recipe, choices) in enumerate(ROWS):
        if given.only and number not in given.only:
            continue
        starts = {"word_vectors": given.word_vectors} if {"etm", "ecrtm"} & {choices.get("backbone"), recipe} else {}
        models = (
            TopicModel(given.topics, recipe=recipe, random_state=seed, **choices, **starts).fit(
                corpus, embeddings=embeddings
            )
            for seed in range(given.seeds)
        )

        def speed(model: TopicModel) -> dict[str, float]:
            return {"documents_per_second": model.training_.documents_per_second}

        scores = over_seeds(models, corpus, speed)
        row = shown(scores) | {"documents_per_second": round(statistics.mean(scores["documents_per_second"]))}
        print(json.dumps({"recipe": recipe} | choices | {"seeds": given.seeds} | row), flush=True)


if __name__ == "__main__":
    main()
