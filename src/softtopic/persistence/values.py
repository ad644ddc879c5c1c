"""Nested frozen dataclasses ↔ plain JSON values, driven by type hints; no class name is ever taken from a file."""

import reprlib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from softtopic.backbones.registry import name_of, settings_class
from softtopic.backbones.settings import BackboneSettings
from softtopic.data.language_names import ENGLISH
from softtopic.errors import InputError

# JSON's types with the hints that may take a value of each; a bool is no number, and an int is a float too.
_SCALARS: dict[type, tuple[type, ...]] = {
    NoneType: (NoneType,),
    bool: (bool,),
    int: (int, float),
    float: (float,),
    str: (str,),
}
# Larger numbers are no setting, and neither NumPy nor torch could hold them.
_LIMIT = 2**63
_SEQUENCES = (list, tuple, Sequence)
# Fields that model folders saved before lack; they take their defaults.
_ADDED: dict[str, dict[str, Any]] = {
    "Prompt": {"language": ENGLISH},
    "RankingConfig": {"merge_forms": None},
    "ReadConfig": {"prompt_language": None},
    "Vocabulary": {"segmented": None},
}


def to_plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses become objects, tuples lists, NumPy's numbers Python's.

    Parameters
    ----------
    value : object
        None, a bool, number or string, a list, tuple or dict of values, or a dataclass with such fields. The settings
        of a backbone are stored with its name.

    Examples
    --------
    >>> to_plain(TrainingConfig())["betas"]
    [0.99, 0.99]
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: to_plain(item) for name, item in value.items()}
    if not is_dataclass(value):
        raise InputError(f"{type(value).__name__} cannot be stored; give a plain value")
    plain = {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    return {"name": name_of(value)} | plain if isinstance(value, BackboneSettings) else plain


def from_plain(hint: Any, plain: Any, name: str) -> Any:
    """The value that a type hint describes, from JSON's types; strict.

    Parameters
    ----------
    hint : type or type hint
        Of a dataclass, a scalar, `Literal`, list, tuple, sequence, or a union of these.
    plain : object
        What `to_plain` made of the value.
    name : str
        What the value is called in messages.

    Raises
    ------
    InputError
        If a field is missing or unknown, of another type, or refused by its class.
    """
    if get_origin(hint) in (Union, UnionType):
        hint = next((option for option in get_args(hint) if _accepts(option, plain)), hint)
    if not _accepts(hint, plain):
        raise InputError(f"{name} is {reprlib.repr(plain)}; expected {_described(hint)}")
    if isinstance(plain, dict):
        return _build(hint, plain, name)
    if not isinstance(plain, list):
        if type(plain) is int and not -_LIMIT <= plain < _LIMIT:
            raise InputError(f"{name} is {reprlib.repr(plain)}; expected a number of 64 bits")
        return plain
    options = get_args(hint)
    if get_origin(hint) is tuple and options[-1] is not ...:
        if len(plain) != len(options):
            raise InputError(f"{name} has {len(plain)} values; expected {len(options)}")
    else:
        options = options[:1] * len(plain)
    items = [
        from_plain(one, item, f"{name}[{row}]") for row, (one, item) in enumerate(zip(options, plain, strict=True))
    ]
    return items if get_origin(hint) is list else tuple(items)


def _accepts(hint: Any, plain: Any) -> bool:
    """Whether a value of JSON is of the kind that a hint asks for; what it contains is checked later."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_accepts(option, plain) for option in get_args(hint))
    if origin is Literal:
        return any(type(option) is type(plain) and option == plain for option in get_args(hint))
    if isinstance(plain, dict):
        return isinstance(hint, type) and is_dataclass(hint)
    if isinstance(plain, list):
        return origin in _SEQUENCES
    return hint in _SCALARS.get(type(plain), ())


def _build(cls: Any, plain: dict[str, Any], name: str) -> Any:
    if cls is BackboneSettings:
        cls = settings_class(from_plain(str, plain.get("name"), f"{name}.name"))
        plain = {field: value for field, value in plain.items() if field != "name"}
    hints = get_type_hints(cls)
    known = {field.name for field in fields(cls)}
    check_names(_ADDED.get(cls.__name__, {}) | plain, known, name)
    values = {field: from_plain(hints[field], plain[field], f"{name}.{field}") for field in plain}
    try:
        return cls(**values)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def check_names(found: Any, expected: set[str], name: str) -> None:
    """Raises InputError unless an object of JSON has exactly these names."""
    if not isinstance(found, dict):
        raise InputError(f"{name} is {reprlib.repr(found)}; expected an object")
    if missing := sorted(expected - found.keys()):
        raise InputError(f"{name} lacks {', '.join(missing)}")
    if unknown := sorted(found.keys() - expected):
        raise InputError(f"{name} has unknown values {reprlib.repr(unknown)}; expected {', '.join(sorted(expected))}")


def _described(hint: Any) -> str:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType, Literal) else (hint,)
    names = {NoneType: "null", bool: "true or false", int: "a whole number", float: "a number", str: "a string"}
    return " or ".join(
        names.get(option)
        or ("a list" if get_origin(option) in _SEQUENCES else getattr(option, "__name__", repr(option)))
        for option in options
    )
