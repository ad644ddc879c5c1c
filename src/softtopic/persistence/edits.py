"""Edits of topics ↔ edits.json."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from softtopic.errors import InputError
from softtopic.persistence.values import check_names, from_plain, to_plain
from softtopic.state import FittedState
from softtopic.topics.additions import Add
from softtopic.topics.edits import Drop, Edit, Exclude, Merge, Rename, Renumber, Split, apply
from softtopic.topics.rewording import Reword

_ALL = (Merge, Split, Drop, Rename, Exclude, Renumber, Add, Reword)
KINDS: dict[str, Any] = {kind.__name__.lower(): kind for kind in _ALL}


def plain_edits(edits: Sequence[Edit]) -> dict[str, Any]:
    """Contents of edits.json: the edits in order, each with its kind."""
    return {"edits": [{"edit": type(edit).__name__.lower()} | to_plain(edit) for edit in edits]}


def edits_of(plain: Any, state: FittedState) -> tuple[Edit, ...]:
    """Edits from the contents of edits.json; raises InputError unless they can be applied to the state."""
    check_names(plain, {"edits"}, "edits.json")
    if not isinstance(plain["edits"], list):
        raise InputError("edits.json holds no list of edits")
    edits = tuple(_edit(one, f"edits[{place}]") for place, one in enumerate(plain["edits"]))
    apply(state, edits)
    return edits


def _edit(plain: Any, name: str) -> Edit:
    kind = plain.get("edit") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{name} is of kind {kind!r}; expected {', '.join(KINDS)}")
    # Earlier versions did not write what has a default.
    defaults = {one.name: to_plain(one.default) for one in fields(KINDS[kind]) if one.default is not MISSING}
    given = {field: value for field, value in plain.items() if field != "edit"}
    return from_plain(KINDS[kind], defaults | given, name)
