"""A refit as the continuation of an earlier model: numbers of its topics, its edits once more, and what has changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.topics.additions import Add
from softtopic.topics.comparison import Change, Side, change_table
from softtopic.topics.documents import known_vectors
from softtopic.topics.edits import (
    Drop,
    Edit,
    EditedState,
    Exclude,
    Merge,
    Rename,
    Renumber,
    Split,
    apply,
    as_tuples,
    classifier,
)
from softtopic.topics.table import column_of, topic_names
from softtopic.types import DocHidden, DocInt, DocTopic

Overlap = Float[np.ndarray, "topics others"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Earlier:
    """An earlier model, and its mixtures of the documents of a refit.

    Attributes
    ----------
    state : FittedState
        As fitted.
    edits : tuple of Edit
    theta : ndarray of shape (n_documents, n_topics)
        Mixtures of the documents of the refit before edits.
    vectors : ndarray of shape (n_documents, width) or None
        Their vectors as in `DocumentVectors`.
    """

    state: FittedState
    edits: tuple[Edit, ...]
    theta: DocTopic
    vectors: DocHidden | None


def contingency(before: DocInt, after: DocInt, n_before: int, n_after: int) -> Int[np.ndarray, "topics others"]:
    """Numbers of documents in each column before and each column after."""
    return np.bincount(before * n_after + after, minlength=n_before * n_after).reshape(n_before, n_after)


def dice(table: Int[np.ndarray, "topics others"]) -> Overlap:
    """Dice coefficients, in [0, 1], of the documents of all pairs of topics; 0 where there are none."""
    sizes = table.sum(axis=1)[:, None] + table.sum(axis=0)
    return 2 * table / np.maximum(sizes, 1)


def with_numbers(state: FittedState, earlier: Earlier, min_overlap: float) -> FittedState:
    """The state of a refit with numbers and names of the topics that continue some of an earlier model.

    Topics are matched one to one so that the sum of the Dice coefficients of their documents is largest (Hungarian
    algorithm); pairs of at least `min_overlap` are the same topic. Numbers of the others count on.
    """
    rows, n_topics = state.with_text, state.n_topics
    before = earlier.theta[rows].argmax(axis=1)
    overlap = dice(contingency(before, state.columns[rows], earlier.state.n_topics, n_topics))
    pairs = zip(*linear_sum_assignment(-overlap), strict=True)
    partner = {int(column): int(row) for row, column in pairs if overlap[row, column] >= min_overlap}
    next_id = apply(earlier.state, earlier.edits).next_id
    free = iter(range(next_id, next_id + n_topics))
    ids, names = [], []
    for column in range(n_topics):
        row = partner.get(column)
        ids.append(next(free) if row is None else earlier.state.topic_ids[row])
        names.append("" if row is None else earlier.state.names[row])
    return replace(state, topic_ids=tuple(ids), names=tuple(names))


def replay(state: FittedState, earlier: Earlier) -> tuple[tuple[Edit, ...], list[str]]:
    """Repeat the edits of an earlier model on a refit.

    Splits and added topics are learned anew from the documents that the earlier model would give to their parts.

    Parameters
    ----------
    state : FittedState
        Of the refit, see `with_numbers`.
    earlier : Earlier

    Returns
    -------
    edits : tuple of Edit
    skipped : list of str
        What could not be repeated and why, one for each edit.
    """
    old, theta = apply(earlier.state, ()), earlier.theta
    new = apply(state, ())
    done: list[Edit] = []
    skipped: list[str] = []
    for edit in earlier.edits:
        before, old = old, edit.apply(old)
        for step in old.maps[len(before.maps) :]:
            theta = step.mixtures(theta, earlier.vectors)
        try:
            repeated = _repeated(edit, before, old, theta, new)
            new = repeated.apply(new)
            done.append(repeated)
            skipped += _left_out(edit, repeated)
        except InputError as error:
            skipped.append(f"{_described(edit)} ({error})")
    return tuple(done), skipped


def changes(
    before: tuple[FittedState, DocInt], after: tuple[FittedState, DocInt], appeared: Iterable[int] = ()
) -> pd.DataFrame:
    """What became of the topics of a model; a topic is kept if its number is.

    Parameters
    ----------
    before, after : tuple of FittedState and ndarray of shape (n_documents,)
        Both models after edits, and the column of each of the same documents in them.
    appeared : iterable of int
        Columns of `after` that are known to be new.

    Returns
    -------
    DataFrame
        As `softtopic.topics.comparison.Comparison.changes`; Similarity is the Dice coefficient of the documents. A
        topic without a partner was split from, or merged into, the one that has half of its documents or more.
    """
    (old, rows), (new, columns) = before, after
    table = contingency(rows, columns, old.n_topics, new.n_topics)
    partner = {row: new.topic_ids.index(one) for row, one in enumerate(old.topic_ids) if one in new.topic_ids}
    found: list[Change] = [("kept", row, column) for row, column in partner.items()]
    for column in sorted(set(range(new.n_topics)) - set(partner.values())):
        origin = int(table[:, column].argmax())
        split = column not in appeared and 2 * table[origin, column] >= max(table[:, column].sum(), 1)
        found.append(("split", origin, column) if split else ("appeared", None, column))
    for row in sorted(set(range(old.n_topics)) - partner.keys()):
        target = int(table[row].argmax())
        merged = 2 * table[row, target] >= max(table[row].sum(), 1)
        found.append(("merged", row, target) if merged else ("vanished", row, None))
    sides = [
        Side(state.topic_ids, topic_names(state), sizes / max(len(rows), 1))
        for state, sizes in ((old, table.sum(axis=1)), (new, table.sum(axis=0)))
    ]
    return change_table(found, dice(table), *sides)


def _repeated(edit: Edit, before: EditedState, after: EditedState, theta: DocTopic, new: EditedState) -> Edit:
    """The edit for the refit; raises InputError where it says nothing there."""
    ids = new.state.topic_ids
    if _topics(edit) and not set(_topics(edit)) & set(ids):
        raise InputError("its topics are gone")
    if isinstance(edit, Rename):
        return Rename(tuple((topic, name) for topic, name in edit.names if topic in ids))
    if isinstance(edit, Drop):
        return Drop(tuple(topic for topic in edit.topics if topic in ids))
    if isinstance(edit, Merge):
        groups = [tuple(topic for topic in group if topic in ids) for group in edit.groups]
        return Merge(tuple(group for group in groups if len(group) > 1))
    if isinstance(edit, Exclude):
        return Exclude(tuple(word for word in edit.words if word in new.state.vocabulary.words))
    if isinstance(edit, Split):
        return _split_again(edit, before, after, theta, new.state)
    if isinstance(edit, Add):
        return _added_again(edit, before, after, theta, new.state)
    if isinstance(edit, Renumber) and ids != before.state.topic_ids:
        raise InputError("the topics are not the same ones")
    return edit


def _split_again(edit: Split, before: EditedState, after: EditedState, theta: DocTopic, new: FittedState) -> Split:
    numbers = after.state.topic_ids[before.state.n_topics :]
    parts = [column_of(after.state, edit.topic), *range(before.state.n_topics, after.state.n_topics)]
    vectors = known_vectors(new).documents
    rows = (new.columns == column_of(new, edit.topic)) & vectors.any(axis=1)
    weights, biases = _learned(vectors[rows], theta[rows][:, parts].argmax(axis=1), len(parts))
    return Split(edit.topic, as_tuples(weights), tuple(biases.tolist()), numbers)


def _added_again(edit: Add, before: EditedState, after: EditedState, theta: DocTopic, new: FittedState) -> Add:
    numbers = after.state.topic_ids[before.state.n_topics :]
    rows = known_vectors(new).documents.any(axis=1)
    classes = np.maximum(theta[rows].argmax(axis=1) - before.state.n_topics + 1, 0)
    weights, biases = _learned(known_vectors(new).documents[rows], classes, len(numbers) + 1)
    topics = [
        replace(topic, weights=tuple((row - weights[0]).tolist()), bias=float(bias - biases[0]))
        for topic, row, bias in zip(edit.topics, weights[1:], biases[1:], strict=True)
    ]
    return Add(tuple(topics), numbers=numbers)


def _learned(points: DocHidden, classes: DocInt, n: int) -> tuple[np.ndarray, np.ndarray]:
    if len(np.unique(classes)) < n:
        raise InputError("one of the parts has no documents")
    return classifier(points.astype(np.float64), classes)


def _left_out(edit: Edit, repeated: Edit) -> list[str]:
    """Topics of an edit that the repeated one leaves out."""
    gone = sorted(set(_topics(edit)) - set(_topics(repeated)))
    return [f"{_described(edit)} (without topics {', '.join(map(str, gone))}, which are gone)"] if gone else []


def _topics(edit: Edit) -> Sequence[int]:
    if isinstance(edit, Rename):
        return [topic for topic, _ in edit.names]
    if isinstance(edit, Merge):
        return [topic for group in edit.groups for topic in group]
    return edit.topics if isinstance(edit, Drop) else [edit.topic] if isinstance(edit, Split) else []


def _described(edit: Edit) -> str:
    """An edit in a few words."""
    about = edit.words if isinstance(edit, Exclude) else _topics(edit)
    shown = [str(one) for one in about]
    return " ".join([type(edit).__name__.lower(), ", ".join(shown[:5]) + (", …" if len(shown) > 5 else "")]).strip()
