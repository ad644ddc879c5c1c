"""Coherence measures against human ratings of the same topics, and the time that measuring takes.

    python benchmarks/coherence.py --data-dir FOLDER

Spearman's correlation with the mean human rating of each topic (Hoyle et al., 2021; Lau & Baldwin, 2016), top 10 words,
reference wiki_en_ref; in brackets a baseline that counts NPMI in windows of 110 over pairs of words that both occur. In
the rows "known words" words that the reference lacks are taken out of their topics.
"""

import gzip
import json
import os
import resource
import tempfile
import time
from pathlib import Path

from common import parser, print_head, print_row
from scipy.stats import spearmanr

from softtopic.metrics.coherence import COHERENCE_MEASURES, CoherenceConfig, coherences
from softtopic.metrics.reference import Reference

# Topics with their mean rating.
Rated = list[tuple[list[str], float]]

BASELINE = {"hoyle wikitext": 0.589, "hoyle nytimes": 0.663, "lau wiki": 0.578, "lau news": 0.629}
VARIANTS = {
    "default": CoherenceConfig(),
    "known words": CoherenceConfig(),
    "windows of 10": CoherenceConfig(window=10),
    "top 15": CoherenceConfig(top_n=15),
}


def main() -> None:
    arguments = parser(__doc__).parse_args()
    folder = Path(arguments.data_dir)
    rated = read_ratings(folder)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SOFTTOPIC_CACHE"] = cache
        reference = measure_time(folder, [words for words, _ in rated["hoyle wikitext"] + rated["hoyle nytimes"]][:100])
        print_head("measure", "variant", *(f"{name} [{value}]" for name, value in BASELINE.items()))
        for variant, config in VARIANTS.items():
            print_correlations(rated, reference, variant, config)


def measure_time(folder: Path, topics: list[list[str]]) -> Reference:
    print_head("100 topics, 15 words", "seconds", "of which reading", "target", "peak GB")
    for what in ("first time", "reference in the cache"):
        start = time.perf_counter()
        reference = Reference.read(folder / "wiki_en_ref.jsonl.gz")
        read = time.perf_counter() - start
        coherences(topics, reference, ("c_v", "npmi"), CoherenceConfig(top_n=15))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print_row(what, round(time.perf_counter() - start, 1), round(read, 1), "≤ 60 s", round(peak, 2))
    print()
    return reference


def print_correlations(rated: dict[str, Rated], reference: Reference, variant: str, config: CoherenceConfig) -> None:
    table: dict[str, list[str]] = {measure: [] for measure in COHERENCE_MEASURES}
    for topics in rated.values():
        if variant == "known words":
            topics = [([word for word in words[:10] if len(reference.occurrences(word))], rating)
                      for words, rating in topics]  # fmt: skip
            topics = [(words, rating) for words, rating in topics if len(words) > 1]
        words, ratings = zip(*topics, strict=True)
        for result in coherences(words, reference, COHERENCE_MEASURES, config):
            table[result.measure].append(f"{spearmanr(result.per_topic, ratings).statistic:.3f}")
    for measure, cells in table.items():
        print_row(measure, variant, *cells)


def read_ratings(folder: Path) -> dict[str, Rated]:
    """Topics with their mean rating, for each set of human ratings."""
    rated: dict[str, Rated] = {name: [] for name in BASELINE}
    for row in _rows(folder / "coherence_hoyle2021.jsonl.gz"):
        rated[f"hoyle {row['dataset']}"].append((row["words"], row["ratings_scores_avg"]))
    for row in _rows(folder / "coherence_lau2016.jsonl.gz"):
        rated[f"lau {row['domain']}"].append((row["words"], row["top-10"]))
    return rated


def _rows(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


if __name__ == "__main__":
    main()
