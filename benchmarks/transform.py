"""New documents a second: the whole model, and the one that reads sentence vectors alone.

    python benchmarks/transform.py --data-dir FOLDER [--rounds 3]

Both are fitted on 2,000 documents and transform 1,000 others (300 posts), in turn; nothing is kept between rounds.
"""

import argparse
import json
import statistics
import time

from scoring import spread

from softtopic import TopicModel
from softtopic.data.corpus import Corpus
from softtopic.data.datasets import load

NEW = {"stackoverflow": 1000, "20newsgroups": 300}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    for data, count in NEW.items():
        corpus = load(data, data_dir=given.data_dir)
        known = spread(corpus, 2000)
        seen = set(known.texts)
        others = list(dict.fromkeys(text for text in corpus.texts if text.strip() and text not in seen))
        new = Corpus.from_texts(others[:: len(others) // count][:count])
        models = {name: TopicModel(50, inputs=inputs).fit(known) for name, inputs in
                  (("whole", None), ("sentence vectors and words", "embedding+words"))}  # fmt: skip
        rates: dict[str, list[float]] = {name: [] for name in models}
        for model in models.values():
            model.features = None
            model.transform(new.take(20))
        for _ in range(given.rounds):
            for name, model in models.items():
                start = time.perf_counter()
                model.transform(new)
                rates[name].append(len(new) / (time.perf_counter() - start))
        whole = statistics.median(rates["whole"])
        for name, found in rates.items():
            median = statistics.median(found)
            print(json.dumps({"corpus": data, "model": name, "documents_per_second": round(median, 1),
                              "rounds": [round(rate, 1) for rate in found], "ratio": round(median / whole, 2)}),
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
