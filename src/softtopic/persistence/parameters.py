"""Parameters of `TopicModel` ↔ plain JSON values, so that a loaded model is the same estimator.

Scalars, names and lists of words stand for themselves. Anything else is ``{"type": ..., "value": ...}`` with one of the
types below. Functions and vectorizers cannot be stored without code: `NotSaved` takes their place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal, NoReturn, final

import numpy as np

from softtopic.backbones.settings import BackboneSettings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, check_number, check_whole
from softtopic.inputs.word_vectors import WordVectors
from softtopic.lm.encoder import SentenceEncoder
from softtopic.persistence.teachers import teacher_from_plain
from softtopic.persistence.values import check_names, from_plain, to_plain
from softtopic.recipes import Recipe, get_recipe
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import PROMPTS
from softtopic.teacher.server import ServerTeacher

# Every parameter with the hint of what stands for itself in JSON.
_HINTS: dict[str, Any] = {
    "n_topics": int,
    "recipe": str,
    "backbone": str | None,
    "inputs": str | None,
    "target": str | None,
    "embedder": str | None,
    "word_vectors": str | None,
    "lm": str,
    "sample": float | None,
    "demonstrations": Literal["auto", "none"] | None,
    "vocabulary": int | list[str | int | float],
    "language": str,
    "features": str | None,
    "random_state": int,
    "progress": bool,
}
# The other types that a parameter may have.
_TYPES = {
    "recipe": ("recipe",),
    "backbone": ("backbone",),
    "embedder": ("sentence-encoder", "not-saved"),
    "word_vectors": ("word-vectors", "path"),
    "lm": ("teacher", "not-saved"),
    "vocabulary": ("vocabulary", "tuple", "array", "not-saved"),
    "features": ("path",),
}
_WORD_VECTORS = "parameters.word_vectors"


@final
@dataclass(frozen=True)
class NotSaved:
    """Stands, in a loaded model, for a parameter that a model folder cannot hold, such as a function.

    Everything that does not need the parameter works as before; using it raises InputError.

    Attributes
    ----------
    parameter : str
        Name of the parameter.
    description : str
        What was given, e.g. "function lengths".

    Examples
    --------
    >>> model = TopicModel.load("model/")  # doctest: +SKIP
    >>> model.embedder  # doctest: +SKIP
    NotSaved(parameter='embedder', description='function lengths')
    >>> model.set_params(embedder=lengths).fit(texts)  # doctest: +SKIP
    """

    parameter: str
    description: str

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Raise InputError: where a function was expected this takes its place."""
        raise InputError(
            f"{self.parameter} was {self.description}, which a model folder cannot hold; "
            f"set it again with model.set_params({self.parameter}=...)"
        )


def check_parameters(parameters: dict[str, Any]) -> None:
    """Raise InputError, before a fit, for the first parameter that could not be saved and was not set again."""
    for value in parameters.values():
        if isinstance(value, NotSaved):
            value()


def encode_parameters(parameters: dict[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Plain values, and the arrays among them by name.

    Parameters
    ----------
    parameters : dict
        As `TopicModel.get_params(deep=False)` returns them.
    """
    vectors = parameters.get("word_vectors")
    tensors = {_WORD_VECTORS: vectors.vectors} if isinstance(vectors, WordVectors) else {}
    return {name: _encode(name, value) for name, value in parameters.items()}, tensors


def _encode(name: str, value: Any) -> Any:
    if isinstance(value, NotSaved):
        return _tagged("not-saved", value.description)
    if isinstance(value, Recipe):
        return _tagged("recipe", to_plain(value))
    if isinstance(value, BackboneSettings):
        return _tagged("backbone", to_plain(value))
    if isinstance(value, PurePath):
        return _tagged("path", str(value))
    if isinstance(value, WordVectors):
        return _tagged("word-vectors", list(value.words))
    if isinstance(value, Vocabulary):
        return _tagged("vocabulary", to_plain(value))
    if isinstance(value, np.ndarray):
        return _tagged("array", value.tolist())
    if isinstance(value, Teacher | ServerTeacher) and not callable(getattr(value, "vectors", None)):
        return _tagged("teacher", to_plain(value.description))
    if isinstance(value, SentenceEncoder):
        return _tagged("sentence-encoder", {"name": value.name, "max_tokens": value.max_tokens})
    if isinstance(value, Sequence) and not isinstance(value, str | list):
        return _tagged("tuple", to_plain(list(value)))
    try:
        return to_plain(value)
    except InputError:
        return _tagged("not-saved", _described(value))


def decode_parameters(plain: Any, tensors: dict[str, np.ndarray], device: str) -> dict[str, Any]:
    """Parameters from plain values and arrays.

    Parameters
    ----------
    plain : object
        What `encode_parameters` made of them.
    tensors : dict of str to ndarray
        Arrays; what belongs to the parameters is removed from the dict.
    device : str
        Of language models and sentence encoders; none is loaded.

    Raises
    ------
    InputError
        If a parameter is missing, unknown, or not what it should be.
    """
    check_names(plain, set(_HINTS), "parameters")
    vectors = tensors.pop(_WORD_VECTORS, None)
    return {name: _decode(name, plain[name], vectors, device) for name in plain}


def _decode(name: str, plain: Any, vectors: np.ndarray | None, device: str) -> Any:
    if not isinstance(plain, dict):
        return from_plain(_HINTS[name], plain, name)
    check_names(plain, {"type", "value"}, name)
    kind, value = plain["type"], plain["value"]
    if kind not in _TYPES.get(name, ()):
        raise InputError(f"{name} is of type {kind!r}; expected {' or '.join(_TYPES.get(name, ('a plain value',)))}")
    if kind == "word-vectors":
        if vectors is None or vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.floating):
            raise InputError(f"{name} has no vectors")
        return WordVectors(tuple(from_plain(list[str], value, name)), vectors)
    if kind == "teacher":
        return teacher_from_plain(value, device=device)
    if kind == "not-saved":
        return NotSaved(name, from_plain(str, value, name))
    return _DECODERS[kind](value, name) if kind != "sentence-encoder" else _encoder(value, device)


def _encoder(value: Any, device: str) -> SentenceEncoder:
    check_names(value, {"name", "max_tokens"}, "embedder")
    name, limit = from_plain(str, value["name"], "embedder"), from_plain(int, value["max_tokens"], "embedder")
    return SentenceEncoder(name, max_tokens=limit, device=device)


_DECODERS: dict[str, Callable[[Any, str], Any]] = {
    "recipe": lambda value, name: recipe_from_plain(value, name),
    "backbone": lambda value, name: from_plain(BackboneSettings, value, name),
    "path": lambda value, name: Path(from_plain(str, value, name)),
    "vocabulary": lambda value, name: from_plain(Vocabulary, value, name),
    "tuple": lambda value, name: tuple(from_plain(list[str | int | float], value, name)),
    "array": lambda value, name: np.asarray(from_plain(list[str | int | float], value, name)),
}


def recipe_from_plain(plain: Any, name: str) -> Recipe:
    """A recipe from plain values; prompts are predefined ones by name, or stand there as they are: no file is read."""
    read = plain.get("read") if isinstance(plain, dict) else None
    prompts = read.get("prompts") if isinstance(read, dict) else None
    for prompt in prompts if isinstance(prompts, list) else [prompts]:
        if isinstance(prompt, str) and prompt not in PROMPTS:
            raise InputError(f"{name}.read.prompts names {prompt!r}; expected {', '.join(PROMPTS)} or a prompt")
    return from_plain(Recipe, plain, name)


def check_options(parameters: dict[str, Any]) -> None:
    """Raise InputError for parameters that are missing, or that no fit accepts."""
    check_names(parameters, set(_HINTS), "parameters")
    names = ("recipe", "backbone", "inputs", "target")
    recipe, backbone, inputs, target = (parameters[name] for name in names)
    get_recipe(recipe, backbone, inputs=inputs, target=target)
    if parameters["sample"] is not None:
        check_number("sample", parameters["sample"], 0, 1, closed="right")
    size = parameters["vocabulary"]
    if isinstance(size, int):
        check_whole("vocabulary", size, 2)


def _tagged(kind: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "value": value}


def _described(value: Any) -> str:
    name = getattr(value, "__name__", None)
    return f"function {name}" if callable(value) and name else f"an object of class {type(value).__name__}"
