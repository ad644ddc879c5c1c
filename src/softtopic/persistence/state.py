"""FittedState ↔ the contents of a model folder."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from softtopic import __version__
from softtopic.data.language_names import ENGLISH
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.lsa import LSA
from softtopic.inputs.registry import split_inputs
from softtopic.lm.static_encoder import StaticEncoder
from softtopic.persistence.card import model_card
from softtopic.persistence.checks import check_state
from softtopic.persistence.edits import plain_edits
from softtopic.persistence.folder import ModelFiles
from softtopic.persistence.parameters import check_options, decode_parameters, encode_parameters, recipe_from_plain
from softtopic.persistence.picture import topics_picture
from softtopic.persistence.privacy import withhold_demonstrations
from softtopic.persistence.teachers import is_known, teacher_from_plain
from softtopic.persistence.values import check_names, from_plain, to_plain
from softtopic.recipes import Recipe
from softtopic.selection import AUTO, Selection
from softtopic.state import DocumentVectors, FittedState
from softtopic.topics.edits import Edit, apply
from softtopic.topics.table import topics_of
from softtopic.topics.words import Topics
from softtopic.types import DocInt

# Words of each topic in topics.json.
_N_WORDS = 15

WEIGHTS = "backbone."
_ARRAYS = ("theta", "mean_theta", "topic_word", "relevance", "prior", "language_axes")
_VECTORS = tuple(f"vectors.{field.name}" for field in fields(DocumentVectors))
_STATIC = ("static.tokenizer", "static.tokens", "static.vectors")
_OPTIONAL = ("relevance", "prior", "lsa.idf", "lsa.components", "blank", "language_axes", *_VECTORS, *_STATIC)

# In config.json where the number of topics was chosen.
_SELECTION = "selection"
# Names of guided topics, "" for the others; in config.json where there are any.
_NAMES = "names"
# Numbers of the topics; in config.json where they are not 0, 1, …
_IDS = "topic_ids"
# Codes of the documents' languages; in config.json where they are not English alone.
_LANGUAGES = "languages"

_CONFIG = {"softtopic", "sizes", "seed", "recipe", "widths", "encoder", "teacher", "word_width", "plan", "parameters"}


def files_of(state: FittedState, parameters: dict[str, Any], edits: tuple[Edit, ...], *, excerpts: bool) -> ModelFiles:
    """Contents of the files of a model.

    Parameters
    ----------
    state : FittedState
        What was fitted.
    parameters : dict
        Parameters of the estimator.
    edits : tuple of Edit
        Edits of the topics; the model card shows the topics after them.
    excerpts : bool
        Whether the beginnings of documents are among them.

    Raises
    ------
    InputError
        If the state could not be loaded again, or is not that of the parameters.
    """
    check_state(state)
    _check_parameters(parameters, state)
    plain_parameters, tensors = encode_parameters(parameters)
    topics = plain_topics(topics_of(state), state.representatives)
    config = {
        "softtopic": __version__,
        "sizes": _sizes(state),
        "seed": state.seed,
        "recipe": to_plain(state.recipe),
        "widths": list(state.widths.values()),
        "encoder": state.encoder,
        "teacher": to_plain(state.teacher) if state.teacher and is_known(state.teacher) else None,
        "word_width": state.word_width,
        "plan": list(state.plan),
        "parameters": plain_parameters,
    }
    shown = apply(state, edits).state
    return ModelFiles(
        config=withhold_demonstrations(config | _optional_config(state), excerpts=excerpts),
        tensors=tensors | _tensors_of_state(state),
        topics={"vocabulary": to_plain(state.vocabulary), "topics": topics},
        documents=_documents(state, excerpts=excerpts),
        card=model_card(shown),
        picture=topics_picture(shown),
        edits=plain_edits(edits),
    )


def _tensors_of_state(state: FittedState) -> dict[str, np.ndarray]:
    """Every array of a state by its name in the file."""
    tensors = {WEIGHTS + name: value for name, value in state.weights.items()}
    tensors |= {name: value for name in _ARRAYS if (value := getattr(state, name)) is not None}
    if state.lsa is not None:
        tensors |= {"lsa.idf": state.lsa.idf, "lsa.components": state.lsa.components}
    if state.vectors is not None:
        tensors |= {name: getattr(state.vectors, name.removeprefix("vectors.")) for name in _VECTORS}
    if state.static is not None:
        tensors |= _tensors_of(state.static)
    if len(state.blank):
        tensors["blank"] = state.blank
    return tensors


def _optional_config(state: FittedState) -> dict[str, Any]:
    """What config.json holds of some models alone."""
    config: dict[str, Any] = {}
    if state.selection is not None:
        config[_SELECTION] = to_plain(state.selection)
    if any(state.names):
        config[_NAMES] = list(state.names)
    if state.topic_ids != tuple(range(state.n_topics)):
        config[_IDS] = list(state.topic_ids)
    if state.languages != (ENGLISH,):
        config[_LANGUAGES] = list(state.languages)
    return config


def state_of(files: ModelFiles, *, device: str) -> tuple[FittedState, dict[str, Any]]:
    """The state and the parameters of a model from the contents of its files.

    Raises
    ------
    InputError
        If anything in them is not what it should be.
    """
    optional = {_SELECTION: None, _NAMES: [], _IDS: [], _LANGUAGES: [ENGLISH]}
    config, tensors = optional | files.config, dict(files.tensors)
    check_names(config, _CONFIG | optional.keys(), "config.json")
    from_plain(str, config["softtopic"], "softtopic")
    recipe = recipe_from_plain(config["recipe"], "recipe")
    if config["teacher"] is not None:
        teacher_from_plain(config["teacher"], device=device)
    parameters = decode_parameters(config["parameters"], tensors, device)
    weights = {one.removeprefix(WEIGHTS): tensors.pop(one) for one in sorted(tensors) if one.startswith(WEIGHTS)}
    check_names(tensors | dict.fromkeys(_OPTIONAL), {*_ARRAYS, *_OPTIONAL}, "model.safetensors")
    widths = _widths(recipe, config["widths"])
    vocabulary, representatives = _topics_of(files.topics)
    state = FittedState(
        recipe=recipe,
        seed=from_plain(int, config["seed"], "seed"),
        vocabulary=vocabulary,
        widths=widths,
        encoder=from_plain(str | None, config["encoder"], "encoder"),
        teacher=config["teacher"],
        weights=weights,
        word_width=from_plain(int | None, config["word_width"], "word_width"),
        static=_static_of(tensors),
        lsa=_lsa_of(tensors),
        vectors=_vectors_of(tensors),
        ids=tuple(files.documents["id"]),
        excerpts=tuple(files.documents["text"]),
        representatives=representatives,
        blank=tensors.get("blank", np.empty(0, dtype=np.int64)),
        plan=from_plain(tuple[str, ...], config["plan"], "plan"),
        **_identities_of(config),
        times=tuple(files.documents["time"]) if "time" in files.documents else None,
        **_arrays_of(tensors),
    )
    check_state(state)
    if files.topics["topics"] != plain_topics(topics_of(state), representatives):
        raise InputError("the words in topics.json are not those of model.safetensors")
    _check_sizes(config["sizes"], state)
    _check_parameters(parameters, state)
    return state, parameters


def _arrays_of(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: tensors.get(name) for name in _ARRAYS}


def _identities_of(config: dict[str, Any]) -> dict[str, Any]:
    """Names and numbers of the topics, () where they are not stored; how many were chosen; languages."""
    strings = {name: from_plain(tuple[str, ...], config[name], name) for name in (_NAMES, _LANGUAGES)}
    ids = from_plain(tuple[int, ...], config[_IDS], _IDS)
    return strings | {_IDS: ids, _SELECTION: from_plain(Selection | None, config[_SELECTION], _SELECTION)}


def _widths(recipe: Recipe, plain: Any) -> dict[str, int]:
    inputs = split_inputs(recipe.inputs)
    widths = from_plain(tuple[(int,) * len(inputs)], plain, "widths")  # type: ignore[misc]
    return dict(zip(inputs, widths, strict=True))


def _check_sizes(plain: Any, state: FittedState) -> None:
    sizes = _sizes(state)
    check_names(plain, set(sizes), "sizes")
    if any(from_plain(int, plain[name], f"sizes.{name}") != size for name, size in sizes.items()):
        raise InputError(f"sizes are {plain}; expected {sizes}")


def _documents(state: FittedState, *, excerpts: bool) -> dict[str, list[Any]]:
    texts = list(state.excerpts) if excerpts else [""] * len(state.ids)
    return {"id": list(state.ids), "text": texts} | ({} if state.times is None else {"time": list(state.times)})


def _sizes(state: FittedState) -> dict[str, int]:
    return {"documents": len(state.theta), "topics": state.n_topics, "words": len(state.vocabulary)}


def plain_topics(topics: Topics, representatives: Sequence[DocInt]) -> list[dict[str, Any]]:
    """First words and rows of the representative documents of each topic."""
    return [
        {"words": words, "representatives": rows.tolist()}
        for words, rows in zip(topics.top_words(_N_WORDS), representatives, strict=True)
    ]


def _topics_of(plain: Any) -> tuple[Vocabulary, tuple[DocInt, ...]]:
    """Vocabulary and rows of representative documents; the words of topics follow from the arrays."""
    check_names(plain, {"vocabulary", "topics"}, "topics.json")
    vocabulary = from_plain(Vocabulary, plain["vocabulary"], "vocabulary")
    topics = plain["topics"] if isinstance(plain["topics"], list) else []
    representatives = []
    for topic in topics:
        check_names(topic, {"words", "representatives"}, "topic")
        rows = from_plain(tuple[int, ...], topic["representatives"], "representatives")
        representatives.append(np.array(rows, dtype=np.int64))
    return vocabulary, tuple(representatives)


def _lsa_of(tensors: dict[str, np.ndarray]) -> LSA | None:
    found = {"idf": tensors.get("lsa.idf"), "components": tensors.get("lsa.components")}
    if all(value is None for value in found.values()):
        return None
    if any(value is None for value in found.values()) or found["components"].ndim != 2:  # type: ignore[union-attr]
        raise InputError("lsa.idf and lsa.components do not go together")
    return LSA(**found)  # type: ignore[arg-type]


def _vectors_of(tensors: dict[str, np.ndarray]) -> DocumentVectors | None:
    found = {name.removeprefix("vectors."): tensors[name] for name in _VECTORS if name in tensors}
    if not found:
        return None
    if len(found) < len(_VECTORS) or any(array.ndim != 2 for name, array in found.items() if name != "norms"):
        raise InputError(f"{', '.join(_VECTORS)} do not go together")
    return DocumentVectors(**found)


def _tensors_of(static: StaticEncoder) -> dict[str, np.ndarray]:
    tokenizer = np.frombuffer(static.tokenizer.encode(), dtype=np.uint8)
    return dict(zip(_STATIC, (tokenizer, static.tokens, static.vectors), strict=True))


def _static_of(tensors: dict[str, np.ndarray]) -> StaticEncoder | None:
    found = [tensors[name] for name in _STATIC if name in tensors]
    if not found:
        return None
    kinds = [(array.dtype, array.ndim) for array in found]
    if kinds != [(np.uint8, 1), (np.int32, 1), (np.float16, 2)]:
        raise InputError(f"{', '.join(_STATIC)} do not go together, or are of other types")
    tokenizer, tokens, vectors = found
    return StaticEncoder(tokenizer=tokenizer.tobytes().decode(), tokens=tokens, vectors=vectors)


def _check_parameters(parameters: dict[str, Any], state: FittedState) -> None:
    """Raise InputError unless these are parameters of the fit that left this state."""
    chosen = state.selection is not None and state.selection.n_topics == state.n_topics
    # From None a seed was drawn.
    seed = None if parameters.get("random_state") is None else state.seed
    for name, fitted in (("n_topics", AUTO if chosen else state.n_topics), ("random_state", seed)):
        if parameters.get(name) != fitted:
            raise InputError(f"{name} is {parameters.get(name)}, the model was fitted with {fitted}; set it to that")
    check_options(parameters)
