"""Ratings of a language model against what people said of the same topics.

    python benchmarks/rating.py --data-dir FOLDER [--lm LM]

Spearman's correlation with the mean human rating of each topic, as for coherence (benchmarks/coherence.py), top 10
words; after the rating its mean ± standard deviation over topics and the probability of the three answers together.
"""

import argparse
import time
from pathlib import Path

from coherence import FLOOR, read_gold
from scipy.stats import spearmanr

from softtopic.metrics.rating import EXAMPLES, rate_topics
from softtopic.teacher.endpoint import is_url
from softtopic.teacher.raters import LocalRater, ServerRater

WAYS = {"published": (), "after examples": EXAMPLES}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", type=Path, required=True)
    options.add_argument("--lm", default="smollm2-135m")
    given = options.parse_args()
    gold = read_gold(given.data_dir)
    rater = ServerRater(given.lm) if is_url(given.lm) else LocalRater(given.lm)
    print(f"| rated by {given.lm} | " + " | ".join(FLOOR) + " | topics/s |")
    print("|---" * (2 + len(FLOOR)) + "|")
    for way, examples in WAYS.items():
        cells, start = [], time.perf_counter()
        for rated in gold.values():
            topics, people = zip(*rated, strict=True)
            found = rate_topics(topics, rater, examples=examples)
            mass = sum(found.mass) / len(found.mass)
            cells.append(f"{spearmanr(found.per_topic, people).statistic:.3f} "
                         f"({found.mean:.2f} ± {found.std:.2f}, {mass:.2f})")  # fmt: skip
        rate = sum(map(len, gold.values())) / (time.perf_counter() - start)
        print(f"| {way} | " + " | ".join(cells) + f" | {rate:.0f} |", flush=True)


if __name__ == "__main__":
    main()
