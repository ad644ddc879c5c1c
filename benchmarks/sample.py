"""How much of a corpus the language model has to read: `sample=` at 5 to 50 %, all of it, and none.

    python benchmarks/sample.py --data-dir FOLDER [--only stackoverflow] [--documents 2000] [--seeds 2]

The model reads sentence vectors in every row. Labels are read after training alone.
"""

import argparse
import json
from typing import Any

from scoring import over_seeds, shown, spread

from softtopic import TopicModel
from softtopic.datasets import load

CORPORA = ("stackoverflow", "tweettopic", "biomedical", "20newsgroups", "googlenews", "reuters-r52")

ROWS: dict[str, dict[str, Any]] = {
    "none": {"inputs": "embedding", "target": "bow"},
    **{f"{share:.0%}": {"sample": share} for share in (0.05, 0.1, 0.2, 0.5)},
    "all": {"inputs": "embedding"},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--only", help="one corpus", choices=CORPORA)
    options.add_argument("--documents", type=int, default=2000, help="distinct ones, at equal distances in the file")
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--seeds", type=int, default=2)
    given = options.parse_args()
    for data in CORPORA:
        if given.only not in (None, data):
            continue
        corpus = spread(load(data, data_dir=given.data_dir), given.documents)
        for read, asked in ROWS.items():
            models = (TopicModel(given.topics, random_state=seed, **asked).fit(corpus) for seed in range(given.seeds))
            row = {"corpus": data, "documents": len(corpus), "topics": given.topics, "read": read, "seeds": given.seeds}
            print(json.dumps(row | shown(over_seeds(models, corpus))), flush=True)


if __name__ == "__main__":
    main()
