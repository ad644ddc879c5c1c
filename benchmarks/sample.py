"""How much of a corpus the language model has to read: `sample=` at 5 to 50 %, all of it, and none.

    python benchmarks/sample.py --data-dir FOLDER [--only stackoverflow] [--documents 2000] [--seeds 2]

The model reads sentence vectors in every row. Labels are read after training alone.
"""

import json
from typing import Any

from scoring import corpora, over_seeds, shown

from softtopic import TopicModel

CORPORA = ("stackoverflow", "tweettopic", "biomedical", "20newsgroups", "googlenews", "reuters-r52")

ROWS: dict[str, dict[str, Any]] = {
    "none": {"inputs": "embedding+words", "target": "bow"},
    **{f"{share:.0%}": {"sample": share} for share in (0.05, 0.1, 0.2, 0.5)},
    "all": {"inputs": "embedding+words"},
}


def main() -> None:
    for given, data, corpus in corpora(__doc__ or "", CORPORA, documents=2000):
        for read, asked in ROWS.items():
            models = (TopicModel(given.topics, random_state=seed, **asked).fit(corpus) for seed in range(given.seeds))
            row = {"corpus": data, "documents": len(corpus), "topics": given.topics, "read": read, "seeds": given.seeds}
            print(json.dumps(row | shown(over_seeds(models, corpus))), flush=True)


if __name__ == "__main__":
    main()
