"""All measures of a model at once: with labels, over the documents that can be measured, and without."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.metrics.clustering import clustering_scores
from softtopic.metrics.diversity import inverted_rbo, topic_diversity
from softtopic.metrics.retrieval import precision_at
from softtopic.metrics.stability import dominant_share
from softtopic.types import DocTopic


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Agreement of a model's mixtures with labels, over documents that have both a text and a label."""

    purity: float
    inverse_purity: float
    harmonic_purity: float
    nmi: float
    ari: float
    homogeneity: float
    completeness: float
    precision_at_1: float
    precision_at_5: float
    precision_at_10: float
    n_documents: int  # measured
    n_labels: int
    n_empty: int  # not measured: no text
    n_unlabelled: int  # not measured: text, but no label


@dataclass(frozen=True, slots=True)
class Description:
    """What can be said of a model's topics and mixtures without labels."""

    topic_diversity: float  # of top words
    inverted_rbo: float  # of top words
    dominant_share: float  # of texts whose largest topic takes half or more
    n_topics: int
    top_n: int  # words of each topic
    n_texts: int  # documents that are not blank


def check_labels(labels: Sequence[str] | None) -> None:
    """Raise InputError unless there are two different labels to compare with."""
    if labels is None:
        raise InputError("the documents have no labels; name their column with --label")
    values = set(labels) - {""}
    if len(values) < 2:
        found = f"the single value {next(iter(values))!r}" if values else "no value"
        raise InputError(f"the label column holds {found}; expected two or more different labels")


def evaluate(theta: DocTopic, corpus: Corpus) -> Evaluation:
    """Clusters are the largest shares; retrieval ranks by KL(query ‖ document), every document queries all others."""
    check_labels(corpus.labels)
    if len(theta) != len(corpus):
        raise InputError(f"{len(theta)} mixtures for {len(corpus)} documents; give one for each")
    label = np.asarray(corpus.labels, dtype=object)
    empty = corpus.distinct.rows < 0
    usable = ~empty & (label != "")
    check_labels(list(label[usable]))
    clustering = clustering_scores(theta[usable].argmax(axis=1).tolist(), list(label[usable]))
    precision = precision_at(theta[usable], list(label[usable]))
    return Evaluation(
        purity=clustering.purity,
        inverse_purity=clustering.inverse_purity,
        harmonic_purity=clustering.harmonic_purity,
        nmi=clustering.nmi,
        ari=clustering.ari,
        homogeneity=clustering.homogeneity,
        completeness=clustering.completeness,
        precision_at_1=precision[1],
        precision_at_5=precision[5],
        precision_at_10=precision[10],
        n_documents=clustering.n_documents,
        n_labels=len(set(label[usable])),
        n_empty=int(empty.sum()),
        n_unlabelled=int((~empty & (label == "")).sum()),
    )


def describe(topics: Sequence[Sequence[str]], theta: DocTopic, corpus: Corpus, *, top_n: int = 10) -> Description:
    """Diversity of topics, each a list of words in order, and how far documents settle on one of them."""
    if len(theta) != len(corpus):
        raise InputError(f"{len(theta)} mixtures for {len(corpus)} documents; give one for each")
    texts = theta[corpus.distinct.rows >= 0]
    return Description(
        topic_diversity=topic_diversity(topics, top_n=top_n),
        inverted_rbo=inverted_rbo(topics, top_n=top_n),
        dominant_share=dominant_share(texts),
        n_topics=len(topics),
        top_n=top_n,
        n_texts=len(texts),
    )
