"""Comparison of two models: which topics were kept, appeared, vanished, split or merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from softtopic.errors import InputError, check_number
from softtopic.topics.words import Topics
from softtopic.types import DocTopic

# Share of topics that another seed alone may let fall below the threshold.
_BASELINE_QUANTILE = 0.05

# Without other seeds: topics are the same if they are more similar than this share of the topics of one model are to
# the nearest other topic of the same model.
_DISTINCT_QUANTILE = 0.9
# At least: topics of a small model may share no word.
_MIN_THRESHOLD = 0.5

Similarity = Float[np.ndarray, "topics others"]
Change = tuple[str, int | None, int | None]


@runtime_checkable
class FittedTopics(Protocol):
    """What is compared: a fitted `TopicModel`."""

    @property
    def topics(self) -> Topics: ...

    @property
    def probabilities_(self) -> DocTopic: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What differs between the topics of two models.

    Attributes
    ----------
    changes : DataFrame
        A row for each matched pair of topics, and for each topic without a partner: Change, Topic_A, Name_A, Share_A,
        Topic_B, Name_B, Share_B, Similarity. Change is "kept", "appeared" (in B), "vanished" (from A), "split" (one
        more topic of B from one of A) or "merged" (one more topic of A into one of B); the topics of a side that has
        none are <NA>. Shares are those of the documents with this topic.
    threshold : float in [0, 1]
        Similarity from which topics are the same.
    """

    changes: pd.DataFrame
    threshold: float

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows of each change."""
        found = self.changes["Change"].tolist()
        return {change: found.count(change) for change in ("kept", "appeared", "vanished", "split", "merged")}


def compare(
    a: FittedTopics,
    b: FittedTopics,
    *,
    baseline: FittedTopics | Sequence[FittedTopics] = (),
    threshold: float | None = None,
) -> Comparison:
    """Match the topics of two models of the same or different documents by their word distributions.

    Similarities are Bhattacharyya coefficients of word distributions. Topics that are more similar to each other than
    to any other topic were kept if their similarity is at least .5: between samples they are lower. The others
    are matched one to one (Hungarian algorithm) so that the sum of their similarities is largest, and were kept if
    theirs is above the threshold. A topic of B that is left over was split from a topic of A if its
    similarity to one is above the threshold, and has appeared otherwise; a topic of A was merged into one of B, or has
    vanished.

    Parameters
    ----------
    a, b : TopicModel
        Fitted models: the earlier and the later one.
    baseline : TopicModel or sequence of TopicModel, default=()
        Fits to the documents of `a` that differ from it in nothing but their seeds. The threshold is then the
        similarity that 95 % of the topics of `a` have with their partners there: what falls below it differs by more
        than another seed does.
    threshold : float in (0, 1) or None, default=None
        None: by the baseline. Without one, the similarity that 90 % of the topics of either model do not have to any
        other topic of the same model, and at least .5.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If the models share no word.
    """
    for model in (a, b):
        if not hasattr(model, "topics"):
            raise InputError(f"{model!r} is no model; load model folders with TopicModel.load")
    one, other = a.topics, b.topics
    if threshold is None:
        fits = list(baseline) if isinstance(baseline, Sequence) else [baseline]
        threshold = _from_seeds(one, fits) if fits else max(_from_distinct_topics(one), _from_distinct_topics(other))
    check_number("threshold", threshold, 0, 1, closed="neither")
    similarity = topic_similarity(one, other)
    return Comparison(changes=_changes(similarity, a, b, threshold), threshold=float(threshold))


def topic_similarity(one: Topics, other: Topics) -> Similarity:
    """Bhattacharyya coefficients, in [0, 1], of all pairs of word distributions; words of one model alone count 0."""
    places = {word: column for column, word in enumerate(other.words)}
    shared = [column for column, word in enumerate(one.words) if word in places]
    if not shared:
        raise InputError("the models have no word in common; compare models of texts in the same language")
    there = [places[one.words[column]] for column in shared]
    return np.sqrt(one.topic_word[:, shared]) @ np.sqrt(other.topic_word[:, there]).T


def _from_seeds(topics: Topics, fits: Sequence[FittedTopics]) -> float:
    matched = [
        similarity[linear_sum_assignment(-similarity)]
        for similarity in (topic_similarity(topics, fit.topics) for fit in fits)
    ]
    return float(np.quantile(np.concatenate(matched), _BASELINE_QUANTILE))


def _from_distinct_topics(topics: Topics) -> float:
    similarity = topic_similarity(topics, topics)
    np.fill_diagonal(similarity, 0)
    return max(_MIN_THRESHOLD, float(np.quantile(similarity.max(axis=1), _DISTINCT_QUANTILE)))


def _changes(similarity: Similarity, a: FittedTopics, b: FittedTopics, threshold: float) -> pd.DataFrame:
    partner = _partners(similarity, threshold)
    found: list[Change] = [("kept", row, column) for row, column in partner.items()]
    for column in sorted(set(range(similarity.shape[1])) - set(partner.values())):
        origin = int(similarity[:, column].argmax())
        split = similarity[origin, column] >= threshold
        found.append(("split", origin, column) if split else ("appeared", None, column))
    for row in sorted(set(range(similarity.shape[0])) - set(partner)):
        target = int(similarity[row].argmax())
        merged = similarity[row, target] >= threshold
        found.append(("merged", row, target) if merged else ("vanished", row, None))
    return change_table(found, similarity, Side.of(a), Side.of(b))


def _partners(similarity: Similarity, threshold: float) -> dict[int, int]:
    """The topic of B for each topic of A that was kept."""
    partner: dict[int, int] = {}
    # Word distributions in other documents differ by chance; those nearest to each other are still the same topic.
    nearest = (similarity >= similarity.max(axis=1, keepdims=True)) & (similarity >= similarity.max(axis=0))
    for row, column in np.argwhere(nearest & (similarity >= min(threshold, _MIN_THRESHOLD))).tolist():
        if row not in partner and column not in partner.values():
            partner[row] = column
    # The others one to one, so that the best pair of some does not take that of many.
    rows = np.setdiff1d(np.arange(similarity.shape[0]), list(partner))
    columns = np.setdiff1d(np.arange(similarity.shape[1]), list(partner.values()))
    places = linear_sum_assignment(-similarity[np.ix_(rows, columns)])
    pairs = zip(rows[places[0]].tolist(), columns[places[1]].tolist(), strict=True)
    partner |= {row: column for row, column in pairs if similarity[row, column] >= threshold}
    return dict(sorted(partner.items()))


def change_table(found: Sequence[Change], similarity: Similarity, a: "Side", b: "Side") -> pd.DataFrame:
    """A row for each change: what, the columns of the topics in both models, and their similarity."""
    records = [
        {"Change": change}
        | a.record("A", row)
        | b.record("B", column)
        | {"Similarity": _similarity_of(similarity, row, column)}
        for change, row, column in found
    ]
    frame = pd.DataFrame(records)
    return frame.astype({"Topic_A": "Int64", "Topic_B": "Int64"})


def _similarity_of(similarity: Similarity, row: int | None, column: int | None) -> float:
    """Of a pair; of a topic without a partner, with the most similar one."""
    part = similarity[slice(None) if row is None else row, slice(None) if column is None else column]
    return float(np.max(part))


@dataclass(frozen=True)
class Side:
    """Numbers, names and shares of a model's topics."""

    ids: Sequence[int]
    names: Sequence[str]
    shares: np.ndarray

    @classmethod
    def of(cls, model: FittedTopics) -> "Side":
        theta = model.probabilities_
        n_topics = theta.shape[1]
        ids = np.asarray(getattr(model, "topic_ids_", range(n_topics))).tolist()
        return cls(ids, model.topics.names(), np.bincount(theta.argmax(axis=1), minlength=n_topics) / len(theta))

    def record(self, side: str, topic: int | None) -> dict[str, Any]:
        values = (None, "", np.nan) if topic is None else (self.ids[topic], self.names[topic], self.shares[topic])
        return dict(zip((f"Topic_{side}", f"Name_{side}", f"Share_{side}"), values, strict=True))
