"""All measures of a model at once, against labels and without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.metrics.measure import MeasureInputs
from softtopic.metrics.registry import available, compute
from softtopic.types import DocTopic


@final
@dataclass(frozen=True)
class Scores:
    """Values of measures, and the counts that they rest on; both are attributes too: `scores.purity`.

    Attributes
    ----------
    values : mapping of str to float
        By name of the measure.
    counts : mapping of str to int
        E.g. "n_documents".
    """

    values: Mapping[str, float]
    counts: Mapping[str, int]

    def __getattr__(self, name: str) -> float | int:
        # Reads __dict__, which is empty while a copy is made.
        for known in self.__dict__.values():
            if name in known:
                return known[name]
        raise AttributeError(f"there is no measure {name!r}")

    def to_dict(self) -> dict[str, float | int]:
        """Values and counts by name, for JSON."""
        return {**self.values, **self.counts}


def check_labels(labels: Sequence[str] | None) -> None:
    """Raise InputError unless there are at least two different labels; "" is none."""
    if labels is None:
        raise InputError("the documents have no labels; name their column with --label")
    values = set(labels) - {""}
    if len(values) < 2:
        held = f"the single value {next(iter(values))!r}" if values else "no value"
        raise InputError(f"the label column holds {held}; expected two or more different labels")


def evaluate(theta: DocTopic, corpus: Corpus) -> Scores:
    """Every measure of agreement with labels, over the documents that have both a text and a label.

    A document's cluster is the topic with the largest share.

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures; rows sum to 1.
    corpus : Corpus
        The documents with their labels.

    Returns
    -------
    Scores
        Measures that need labels. Counts: `n_documents` and `n_labels` that were measured; `n_empty` documents without
        text and `n_unlabelled` with text but no label were not.

    Raises
    ------
    InputError
        If the lengths differ, or there are fewer than two different labels.
    """
    check_labels(corpus.labels)
    _check_lengths(theta, corpus)
    label = np.asarray(corpus.labels, dtype=object)
    empty = corpus.distinct.rows < 0
    usable = ~empty & (label != "")
    labels = list(label[usable])
    check_labels(labels)
    inputs = MeasureInputs(theta=theta[usable], clusters=theta[usable].argmax(axis=1), labels=labels)
    return Scores(
        compute(inputs, available(inputs, needing="labels")),
        {
            "n_documents": len(labels),
            "n_labels": len(set(labels)),
            "n_empty": int(empty.sum()),
            "n_unlabelled": int((~empty & (label == "")).sum()),
        },
    )


def describe(topics: Sequence[Sequence[str]], theta: DocTopic, corpus: Corpus, *, top_n: int = 10) -> Scores:
    """Every measure of topics and mixtures that needs neither labels nor a reference corpus.

    Parameters
    ----------
    topics : sequence of sequence of str
        Top words of each topic, the most important first.
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures; rows sum to 1.
    corpus : Corpus
        The documents; blank ones are not measured.
    top_n : int, default=10
        Words of each topic that are compared.

    Returns
    -------
    Scores
        Measures without labels. Counts: `n_topics`, `top_n`, and `n_texts`, documents that are not blank.

    Raises
    ------
    InputError
        If the lengths differ, or there are fewer than two topics or one without words.
    """
    _check_lengths(theta, corpus)
    texts = theta[corpus.distinct.rows >= 0]
    inputs = MeasureInputs(theta=texts, clusters=texts.argmax(axis=1), topics=topics, top_n=top_n)
    return Scores(compute(inputs), {"n_topics": len(topics), "top_n": top_n, "n_texts": len(texts)})


def _check_lengths(theta: DocTopic, corpus: Corpus) -> None:
    if len(theta) != len(corpus):
        raise InputError(f"{len(theta)} mixtures for {len(corpus)} documents; give one for each")
