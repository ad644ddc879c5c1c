"""Coherence measures against what people said of the same topics, and how long measuring takes.

    python benchmarks/coherence.py --data-dir FOLDER

Spearman's correlation with the mean human rating of each topic (Hoyle et al., 2021; Lau & Baldwin, 2016), top 10 words,
reference wiki_en_ref. The floor is a plain count of NPMI in windows of 110 words over pairs whose words both occur;
"known words" are the same measures with words that the reference lacks taken out of their topics.
"""

import argparse
import gzip
import json
import os
import resource
import tempfile
import time
from pathlib import Path

from scipy.stats import spearmanr

from softtopic.metrics.coherence import COHERENCE_MEASURES, CoherenceConfig, coherences
from softtopic.metrics.reference import Reference

FLOOR = {"hoyle wikitext": 0.589, "hoyle nytimes": 0.663, "lau wiki": 0.578, "lau news": 0.629}
ROWS = (
    ("default", CoherenceConfig()),
    ("known words", CoherenceConfig()),
    ("windows of 10", CoherenceConfig(window=10)),
    ("top 15", CoherenceConfig(top_n=15)),
)
SECONDS = 60


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", type=Path, required=True)
    folder = options.parse_args().data_dir
    gold = read_gold(folder)
    topics = [words for words, _ in gold["hoyle wikitext"] + gold["hoyle nytimes"]][:100]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SOFTTOPIC_CACHE"] = cache
        for what in ("cold", "with cache"):
            start = time.perf_counter()
            reference = Reference.read(folder / "wiki_en_ref.jsonl.gz")
            read = time.perf_counter() - start
            coherences(topics, reference, ("c_v", "npmi"), CoherenceConfig(top_n=15))
            print(json.dumps({
                "what": what, "topics": len(topics), "words": 15, "seconds": round(time.perf_counter() - start, 1),
                "of which reading": round(read, 1), "target": SECONDS, "documents": reference.n_documents,
                "reference_words": reference.n_tokens, "peak_gb": round(peak(), 2),
            }), flush=True)  # fmt: skip
        print("| measure | variant | " + " | ".join(f"{name} (floor {floor})" for name, floor in FLOOR.items()) + " |")
        print("|---" * (2 + len(FLOOR)) + "|")
        for name, config in ROWS:
            print_rows(gold, reference, name, config)


def print_rows(gold: dict, reference: Reference, variant: str, config: CoherenceConfig) -> None:
    table: dict[str, list[str]] = {measure: [] for measure in COHERENCE_MEASURES}
    for rated in gold.values():
        if variant == "known words":
            rated = [([w for w in words[:10] if len(reference.occurrences(w))], rating) for words, rating in rated]
            rated = [(words, rating) for words, rating in rated if len(words) > 1]
        words, ratings = zip(*rated, strict=True)
        for result in coherences(words, reference, COHERENCE_MEASURES, config):
            table[result.measure].append(f"{spearmanr(result.per_topic, ratings).statistic:.3f}")
    for measure, cells in table.items():
        print(f"| {measure} | {variant} | " + " | ".join(cells) + " |", flush=True)


def read_gold(folder: Path) -> dict[str, list[tuple[list[str], float]]]:
    """Topics with their mean rating, for each gold set."""
    gold: dict[str, list[tuple[list[str], float]]] = {name: [] for name in FLOOR}
    for row in rows(folder / "coherence_hoyle2021.jsonl.gz"):
        gold[f"hoyle {row['dataset']}"].append((row["words"], row["ratings_scores_avg"]))
    for row in rows(folder / "coherence_lau2016.jsonl.gz"):
        gold[f"lau {row['domain']}"].append((row["words"], row["top-10"]))
    return gold


def rows(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def peak() -> float:
    """Gigabytes of memory this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
