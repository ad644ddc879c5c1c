"""All measures of one run: of its words, its mixtures, and its clusters against labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from softtopic.bench.packages.exchange import TOP_WORDS
from softtopic.data.corpus import Corpus
from softtopic.metrics.clustering import clustering_scores
from softtopic.metrics.coherence import CoherenceConfig, coherences
from softtopic.metrics.diversity import inverted_rbo, topic_diversity
from softtopic.metrics.reference import Reference
from softtopic.metrics.retrieval import precision_at
from softtopic.metrics.stability import dominant_share
from softtopic.types import DocTopic

# Of topic diversity; the other measures of words take TOP_WORDS.
DIVERSITY_WORDS = 10


@dataclass(frozen=True)
class Outcome:
    """What a method found.

    Args:
        theta: mixtures, rows sum to 1.
        topics: top words of each topic, the most important first; none where the method names none.
        clusters: topic of each document; None: the largest share.
        clustered: False where shares are not of topics, so that there are no clusters to compare with labels.

    """

    theta: DocTopic
    topics: Sequence[Sequence[str]] = ()
    clusters: Int[np.ndarray, " docs"] | None = None
    clustered: bool = True


def measured(outcome: Outcome, corpus: Corpus, reference: Reference | None) -> dict[str, float | int]:
    """Every measure there can be: without labels, those that need none."""
    return _of_words(outcome, reference) | _of_labels(outcome, corpus) | _of_theta(outcome)


def _of_words(outcome: Outcome, reference: Reference | None) -> dict[str, float | int]:
    # A topic of one word has no pair to be coherent with; of none, nothing at all.
    topics = [words for words in outcome.topics if len(set(words)) > 1]
    if len(topics) < 2:
        return {}
    found: dict[str, float | int] = {
        "topic_diversity": topic_diversity(topics, top_n=DIVERSITY_WORDS),
        "inverted_rbo": inverted_rbo(topics, top_n=TOP_WORDS),
        "n_topics": len(outcome.topics),
        "n_topics_without_words": len(outcome.topics) - len(topics),
    }
    if reference is not None:
        config = CoherenceConfig(top_n=TOP_WORDS)
        found |= {one.measure: one.mean for one in coherences(topics, reference, ("c_v", "npmi"), config)}
    return found


def _of_theta(outcome: Outcome) -> dict[str, float | int]:
    return {"dominant_share": dominant_share(outcome.theta)} if outcome.clustered else {}


def _of_labels(outcome: Outcome, corpus: Corpus) -> dict[str, float | int]:
    label = np.asarray(corpus.labels or [""] * len(corpus), dtype=object)
    known = label != ""
    if len(set(label[known])) < 2:
        return {}
    labels = list(label[known])
    precision = precision_at(outcome.theta[known], labels)
    found: dict[str, float | int] = {f"precision_at_{k}": value for k, value in precision.items()}
    if outcome.clustered:
        clusters = outcome.theta.argmax(axis=1) if outcome.clusters is None else outcome.clusters
        scores = clustering_scores(clusters[known].tolist(), labels)
        found |= {name: getattr(scores, name) for name in ("purity", "nmi", "ari", "homogeneity", "completeness")}
    return found
