"""All measures of one run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from softtopic.bench.packages.exchange import TOP_WORDS
from softtopic.data.corpus import Corpus
from softtopic.metrics.measure import MeasureInputs
from softtopic.metrics.reference import Reference
from softtopic.metrics.registry import available, compute
from softtopic.types import DocTopic

# Top words of each topic in topic diversity; the other measures take TOP_WORDS.
DIVERSITY_WORDS = 10


@dataclass(frozen=True)
class Outcome:
    """Results of a method.

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures; rows sum to 1.
    topics : sequence of sequence of str, default=()
        Top words of each topic, the most important first; empty where the method names none.
    clusters : ndarray of shape (n_documents,) or None, default=None
        Topic of each document. None: the one with the largest share.
    clustered : bool, default=True
        Whether columns of theta are topics; otherwise there are no clusters to compare with labels.
    """

    theta: DocTopic
    topics: Sequence[Sequence[str]] = ()
    clusters: Int[np.ndarray, " docs"] | None = None
    clustered: bool = True


def measure_outcome(outcome: Outcome, corpus: Corpus, reference: Reference | None) -> dict[str, float | int]:
    """Values of all measures that can be computed, by name.

    Parameters
    ----------
    outcome : Outcome
    corpus : Corpus
        Without labels only measures that need none are computed.
    reference : Reference or None
        Of topic coherence.
    """
    return _without_labels(outcome, reference) | _with_labels(outcome, corpus)


def _without_labels(outcome: Outcome, reference: Reference | None) -> dict[str, float | int]:
    theta = outcome.theta if outcome.clustered else None
    # Coherence is of pairs of words.
    topics = [words for words in outcome.topics if len(set(words)) > 1]
    if len(topics) < 2:
        return dict(compute(MeasureInputs(theta=theta)))
    inputs = MeasureInputs(theta=theta, topics=topics, reference=reference, top_n=TOP_WORDS)
    return {
        **compute(inputs),
        **compute(replace(inputs, top_n=DIVERSITY_WORDS), ["topic_diversity"]),
        "n_topics": len(outcome.topics),
        "n_topics_without_words": len(outcome.topics) - len(topics),
    }


def _with_labels(outcome: Outcome, corpus: Corpus) -> dict[str, float | int]:
    label = np.asarray(corpus.labels or [""] * len(corpus), dtype=object)
    known = label != ""
    if len(set(label[known])) < 2:
        return {}
    clusters = None
    if outcome.clustered:
        clusters = (outcome.theta.argmax(axis=1) if outcome.clusters is None else outcome.clusters)[known]
    inputs = MeasureInputs(theta=outcome.theta[known], clusters=clusters, labels=list(label[known]))
    return dict(compute(inputs, available(inputs, needing="labels")))
