"""Ratings of topics by a language model against human ratings of the same topics.

    python benchmarks/rating.py --data-dir FOLDER [--lm LM]

Spearman's correlation with the mean human rating of each topic, as in benchmarks/coherence.py, top 10 words; in
parentheses the mean ± standard deviation of the ratings, and the probability of the three answers together.
"""

import time
from pathlib import Path

from coherence import BASELINE, read_ratings
from common import parser, print_head, print_row
from scipy.stats import spearmanr

from softtopic.lm.loading import EMBEDDED
from softtopic.metrics.rating import EXAMPLES, rate_topics
from softtopic.teacher.endpoint import is_url
from softtopic.teacher.raters import LocalRater, ServerRater

PROMPTS = {"published": (), "with examples": EXAMPLES}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--lm", default=EMBEDDED)
    arguments = options.parse_args()
    rated = read_ratings(Path(arguments.data_dir))
    rater = ServerRater(arguments.lm) if is_url(arguments.lm) else LocalRater(arguments.lm)
    print_head(f"prompt for {arguments.lm}", *BASELINE, "topics/s")
    for prompt, examples in PROMPTS.items():
        cells, start = [], time.perf_counter()
        for topics in rated.values():
            words, human = zip(*topics, strict=True)
            ratings = rate_topics(words, rater, examples=examples)
            mass = sum(ratings.mass) / len(ratings.mass)
            correlation = spearmanr(ratings.per_topic, human).statistic
            cells.append(f"{correlation:.3f} ({ratings.mean:.2f} ± {ratings.std:.2f}, {mass:.2f})")
        print_row(prompt, *cells, round(sum(map(len, rated.values())) / (time.perf_counter() - start)))


if __name__ == "__main__":
    main()
