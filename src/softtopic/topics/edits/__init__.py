"""Edits of topics: frozen values in order. The fitted state never changes; every view is that of `apply`.

A topic keeps its number: merged topics take the lowest one, the largest part of a split topic keeps it, numbers of
dropped topics are not used again and new ones count on, until `Renumber` makes them dense. On theta an edit is a
`ColumnMap`, which holds for new documents, too.
"""

from softtopic.topics.edits.kinds import Drop, Edit, Exclude, Merge, Rename, Renumber, Split, apply
from softtopic.topics.edits.parts import Splitter, as_tuples, classifier, narrowed
from softtopic.topics.edits.requests import drop, exclude, merge, rename, split, without_last
from softtopic.topics.edits.state import (
    ColumnMap,
    Divider,
    EditedState,
    distributions,
    new_numbers,
    representatives_of,
)

__all__ = [
    "ColumnMap",
    "Divider",
    "Drop",
    "Edit",
    "EditedState",
    "Exclude",
    "Merge",
    "Rename",
    "Renumber",
    "Split",
    "Splitter",
    "apply",
    "as_tuples",
    "classifier",
    "distributions",
    "drop",
    "exclude",
    "merge",
    "narrowed",
    "new_numbers",
    "rename",
    "representatives_of",
    "split",
    "without_last",
]
