"""Parameters of `TopicModel` ↔ plain JSON values, so that a loaded model is the same estimator.

Scalars, names and lists of words stand for themselves. Anything else is ``{"type": ..., "value": ...}`` with one of the
types below. Functions and vectorizers cannot be stored without code: `NotSaved` takes their place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path, PurePath
from typing import Any, Literal, NoReturn, final

import numpy as np

from softtopic.backbones.settings import BackboneSettings
from softtopic.data.guides import parse_guides
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
    "n_topics": int | Literal["auto"],
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
    "language": str | list[str],
    "guides": list[str] | None,
    "features": str | None,
    "random_state": int | None,
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
    "language": ("tuple",),
    "guides": ("guides", "tuple", "not-saved"),
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
    return {name: _encode(value) for name, value in parameters.items()}, tensors


def _encode(value: Any) -> Any:
    if callable(getattr(value, "vectors", None)):
        return {"type": "not-saved", "value": f"a {type(value).__name__} with {_described(value.vectors)}"}
    for name, kind in _KINDS.items():
        if isinstance(value, kind.cls):
            return {"type": name, "value": kind.encode(value)}
    try:
        return to_plain(value)
    except InputError:
        return {"type": "not-saved", "value": _described(value)}


def decode_parameters(plain: Any, tensors: dict[str, np.ndarray], device: str) -> dict[str, Any]:
    """Parameters from plain values and arrays.

    Parameters
    ----------
    plain : object
        What `encode_parameters` made of them.
    tensors : dict of str to ndarray
        Arrays; those of the parameters are removed.
    device : str
        Of language models and sentence encoders; none is loaded.

    Raises
    ------
    InputError
        If a parameter is missing, unknown, or not what it should be.
    """
    check_names(plain, set(_HINTS), "parameters")
    parameters = {name: _decode(name, value, device) for name, value in plain.items()}
    vectors, words = tensors.pop(_WORD_VECTORS, None), parameters["word_vectors"]
    if (vectors is not None) != isinstance(words, tuple):
        raise InputError("word_vectors are not complete: words and vectors go together")
    if isinstance(words, tuple):
        parameters["word_vectors"] = _word_vectors(words, vectors)
    return parameters


def _decode(name: str, plain: Any, device: str) -> Any:
    if not isinstance(plain, dict):
        return from_plain(_HINTS[name], plain, name)
    check_names(plain, {"type", "value"}, name)
    known = _TYPES.get(name, ())
    if plain["type"] not in known:
        raise InputError(f"{name} is of type {plain['type']!r}; expected {', '.join(known) or 'a plain value'}")
    return _KINDS[plain["type"]].decode(plain["value"], name, device)


def _word_vectors(words: tuple[str, ...], vectors: Any) -> WordVectors:
    if vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.floating):
        raise InputError(f"word_vectors are {vectors.dtype} of shape {vectors.shape}; expected a vector for each word")
    return WordVectors(words, vectors)


def _sentence_encoder(plain: Any, name: str, device: str) -> SentenceEncoder:
    check_names(plain, {"name", "max_tokens"}, name)
    folder, limit = from_plain(str, plain["name"], name), from_plain(int, plain["max_tokens"], name)
    return SentenceEncoder(folder, max_tokens=limit, device=device)


@dataclass(frozen=True)
class _Kind:
    """A type of values, how they become plain, and how they come back from a plain value, name and device."""

    cls: Any
    encode: Callable[[Any], Any]
    decode: Callable[[Any, str, str], Any]


_WORDS = tuple[str | int | float, ...]
_GUIDES = tuple[tuple[str, list[str] | str], ...]

_KINDS: dict[str, _Kind] = {
    "not-saved": _Kind(
        NotSaved, lambda value: value.description, lambda plain, name, _: NotSaved(name, from_plain(str, plain, name))
    ),
    "recipe": _Kind(Recipe, to_plain, lambda plain, name, _: recipe_from_plain(plain, name)),
    "backbone": _Kind(BackboneSettings, to_plain, lambda plain, name, _: from_plain(BackboneSettings, plain, name)),
    "path": _Kind(PurePath, str, lambda plain, name, _: Path(from_plain(str, plain, name))),
    "word-vectors": _Kind(
        WordVectors, lambda value: list(value.words), lambda plain, name, _: from_plain(tuple[str, ...], plain, name)
    ),
    "teacher": _Kind(
        (Teacher, ServerTeacher),
        lambda value: to_plain(value.description),
        lambda plain, _, device: teacher_from_plain(plain, device=device),
    ),
    "sentence-encoder": _Kind(
        SentenceEncoder, lambda value: {"name": value.name, "max_tokens": value.max_tokens}, _sentence_encoder
    ),
    "vocabulary": _Kind(Vocabulary, to_plain, lambda plain, name, _: from_plain(Vocabulary, plain, name)),
    "array": _Kind(
        np.ndarray, lambda value: value.tolist(), lambda plain, name, _: np.asarray(from_plain(_WORDS, plain, name))
    ),
    "guides": _Kind(
        Mapping,
        lambda value: [[name, texts if isinstance(texts, str) else list(texts)] for name, texts in value.items()],
        lambda plain, name, _: dict(from_plain(_GUIDES, plain, name)),
    ),
    "tuple": _Kind(tuple, to_plain, lambda plain, name, _: from_plain(_WORDS, plain, name)),
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
    parse_guides(None if isinstance(parameters["guides"], NotSaved) else parameters["guides"])
    vocabulary = parameters["vocabulary"]
    if isinstance(vocabulary, Integral):
        check_whole("vocabulary", vocabulary, 2)
    elif isinstance(vocabulary, list | tuple | np.ndarray):
        Vocabulary(tuple(map(str, vocabulary)))


def _described(value: Any) -> str:
    name = getattr(value, "__name__", None)
    return f"function {name}" if callable(value) and name else f"an object of class {type(value).__name__}"
