"""What the benchmarks of quality share: the same documents for every row, several seeds, mean and spread."""

import argparse
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence

from softtopic import Corpus, TopicModel
from softtopic.bench.sources import spread
from softtopic.data.datasets import load
from softtopic.metrics.diversity import topic_diversity
from softtopic.metrics.evaluation import evaluate

__all__ = ["MEASURES", "corpora", "measured", "over_seeds", "shown", "spread"]

MEASURES = ("purity", "nmi", "precision_at_5", "distinct_words")


def corpora(about: str, names: Sequence[str], documents: int) -> Iterator[tuple[argparse.Namespace, str, Corpus]]:
    """What the command line asks for: its options (topics, seeds, …), and each corpus's name and documents."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--only", help="one corpus", choices=names)
    options.add_argument(
        "--documents", type=int, default=documents, help="size of a random sample of the distinct ones"
    )
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--seeds", type=int, default=2)
    given = options.parse_args()
    for name in [given.only] if given.only else names:
        yield given, name, spread(load(name, data_dir=given.data_dir), given.documents)


def measured(model: TopicModel, corpus: Corpus) -> dict[str, float]:
    """All measures of agreement with labels, and distinct words as a share of all top ten."""
    result = evaluate(model.probabilities_, corpus)
    names = ("purity", "nmi", "ari", "precision_at_1", "precision_at_5", "precision_at_10")
    return {name: getattr(result, name) for name in names} | {
        "distinct_words": topic_diversity(model.topics.top_words(10))
    }


def over_seeds(
    models: Iterable[TopicModel], corpus: Corpus, more: Callable[[TopicModel], dict] = lambda _: {}
) -> dict[str, list[float]]:
    """Every measure of every model, one for each seed; `more` adds its own."""
    rows = [measured(model, corpus) | more(model) for model in models]
    return {name: [row[name] for row in rows] for name in rows[0]}


def shown(scores: dict[str, list[float]], names: tuple[str, ...] = MEASURES) -> dict[str, str]:
    """Mean ± standard deviation."""
    return {name: f"{statistics.mean(scores[name]):.3f} ± {statistics.pstdev(scores[name]):.3f}" for name in names}
