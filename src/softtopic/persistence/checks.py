"""Whether the parts of a fitted state are sound and fit each other: values, shapes, ranges."""

from typing import Any

import numpy as np

from softtopic.backbones.inference import check_weights, mixtures, weight_shapes
from softtopic.backbones.registry import name_of
from softtopic.backbones.settings import Sizes
from softtopic.errors import InputError, check_whole
from softtopic.inputs.projection import projected_inputs
from softtopic.inputs.registry import INPUTS, split_inputs, split_target
from softtopic.state import FittedState
from softtopic.topics.documents import EXCERPT_LENGTH

# Rows of probabilities sum to 1 within this.
_TOLERANCE = 1e-3

MAX_SEED = 2**32 - 1


def check_state(state: FittedState) -> None:
    """Raise InputError unless a state is sound: what is saved can be loaded, and what was loaded can be used."""
    recipe, (n_documents, n_topics), n_words = state.recipe, state.theta.shape, len(state.vocabulary)
    check_whole("number of topics", n_topics, 2)
    check_whole("number of documents", n_documents, 1)
    check_whole("seed", state.seed, 0, MAX_SEED)
    _check_arrays(state, {"documents": n_documents, "topics": n_topics, "words": n_words})
    _check_inputs(state)
    if state.selection is not None and state.selection.n_topics != n_topics:
        raise InputError(f"the selection is of {state.selection.n_topics} topics; the model has {n_topics}")
    if not state.languages or not all(code.isascii() and code.isalpha() for code in state.languages):
        raise InputError(f"languages are {list(state.languages)}; expected codes such as en")
    if state.language_axes is not None:
        width = state.widths.get("embedding", state.language_axes.shape[-1])
        if state.language_axes.ndim != 2 or state.language_axes.shape[1] != width:
            raise InputError(f"language_axes have shape {state.language_axes.shape}; expected [axes, {width}]")
        if state.language_axes.dtype != np.float32 or not np.isfinite(state.language_axes).all():
            raise InputError("language_axes are not finite float32 numbers")
    if len(state.names) != n_topics or any(name != "" and not name.isprintable() for name in state.names):
        raise InputError(f"{len(state.names)} names for {n_topics} topics; expected one line for each")
    if len(set(state.topic_ids)) != n_topics or len(state.topic_ids) != n_topics or min(state.topic_ids) < 0:
        raise InputError(f"numbers of topics are {list(state.topic_ids)}; expected {n_topics} distinct ones from 0")
    _expect("prior", state.prior, recipe.read.calibration != "none" and "soft" in split_target(recipe.target))
    _expect("relevance", state.relevance, recipe.ranking.order == "relevance")
    _expect("static", state.static, "static" in state.widths)
    _expect("lsa", state.lsa, any(INPUTS[name].fits_lsa for name in split_inputs(recipe.inputs)))
    if state.encoder is not None and not ("embedding" in state.widths and state.encoder.strip("\0 ")):
        raise InputError(f"encoder is {state.encoder!r}, and the inputs are {recipe.inputs}")
    if state.lsa is not None and (state.lsa.idf <= 0).any():
        raise InputError("lsa.idf has values that are not above 0")
    _check_word_width(state)
    _check_documents(state)
    _check_backbone(state)


def _check_arrays(state: FittedState, sizes: dict[str, int]) -> None:
    n_documents, n_topics, n_words = sizes.values()
    arrays = {
        "theta": (state.theta, (n_documents, n_topics)),
        "mean_theta": (state.mean_theta, (n_topics,)),
        "topic_word": (state.topic_word, (n_topics, n_words)),
        "relevance": (state.relevance, (n_topics, n_words)),
        "prior": (state.prior, (n_words,)),
    }
    if state.lsa is not None:
        rank = len(state.lsa.components)
        arrays |= {"lsa.idf": (state.lsa.idf, (n_words,)), "lsa.components": (state.lsa.components, (rank, n_words))}
    if state.vectors is not None:
        vectors = state.vectors
        inputs = sum(state.widths[name] for name in projected_inputs(state.widths))
        width = len(vectors.components)
        arrays |= {
            "vectors.components": (vectors.components, (width, inputs)),
            "vectors.documents": (vectors.documents, (n_documents, width)),
            "vectors.words": (vectors.words, (n_words, width)),
            "vectors.norms": (vectors.norms, (n_documents,)),
        }
    if state.static is not None and not np.isfinite(state.static.vectors).all():
        raise InputError("static.vectors has values that are not finite")
    for name, (array, shape) in arrays.items():
        if array is None:
            continue
        kind = np.float16 if name in ("vectors.documents", "vectors.norms") else np.float32
        if array.dtype != kind or array.shape != shape:
            expected = f"{np.dtype(kind)} of shape {shape}"
            raise InputError(f"{name} is {array.dtype} of shape {array.shape}; expected {expected}")
        if not np.isfinite(array).all():
            raise InputError(f"{name} has values that are not finite")
        if name in ("theta", "mean_theta", "topic_word"):
            total = array.sum(axis=-1, dtype=np.float64)
            if (array < 0).any() or (np.abs(total - 1) > _TOLERANCE).any():
                raise InputError(f"{name} has rows that are no probabilities; expected values from 0 that sum to 1")


def _check_word_width(state: FittedState) -> None:
    """Pre-trained word embeddings, where there were any, have left weights of their width."""
    widths = {array.shape[1] for array in state.weights.values() if array.ndim == 2}
    if state.word_width is not None and state.word_width not in widths:
        raise InputError(f"word embeddings have {state.word_width} columns, which no weights have")


def _check_inputs(state: FittedState) -> None:
    if tuple(state.widths) != split_inputs(state.recipe.inputs):
        raise InputError(f"inputs are {' + '.join(state.widths)}; expected {state.recipe.inputs}")
    known: dict[str, int] = dict.fromkeys(("tf-idf", "bow", "normalised-bow"), len(state.vocabulary))
    if state.lsa is not None:
        known["words"] = len(state.lsa.components)
    if state.static is not None:
        known["static"] = state.static.width
    for name, width in state.widths.items():
        check_whole(f"width of {name}", width, 1)
        if width != known.get(name, width):
            raise InputError(f"{name} has {width} columns; expected {known[name]}")


def _check_documents(state: FittedState) -> None:
    n_documents = len(state.theta)
    columns = {"ids": state.ids, "excerpts": state.excerpts} | ({} if state.times is None else {"times": state.times})
    for name, values in columns.items():
        kinds = {type(value) for value in values}
        if len(values) != n_documents or not (kinds == {str} or (kinds == {int} and name == "ids")):
            raise InputError(f"{len(values)} {name} for {n_documents} documents; expected a string for each")
    if any(len(text) > EXCERPT_LENGTH for text in state.excerpts):
        raise InputError(f"an excerpt has more than {EXCERPT_LENGTH} characters")
    blank = state.blank
    if blank.dtype != np.int64 or blank.ndim != 1 or len(np.unique(blank)) < len(blank):
        raise InputError("rows of blank documents are no distinct integers")
    if len(blank) and (blank.min() < 0 or blank.max() >= n_documents):
        raise InputError(f"rows of blank documents go up to {blank.max()}; expected rows below {n_documents}")
    if len(state.representatives) != state.n_topics:
        raise InputError(f"representative documents of {len(state.representatives)} topics; expected {state.n_topics}")
    for rows in state.representatives:
        if len(rows) and (rows.min() < 0 or rows.max() >= n_documents or len(set(rows.tolist())) < len(rows)):
            raise InputError(f"representative documents {rows.tolist()}; expected distinct rows below {n_documents}")


def _expect(name: str, value: Any, expected: bool) -> None:
    if (value is not None) != expected:
        raise InputError(f"{name} is missing, the recipe needs it" if expected else f"{name} is not used by the recipe")


def _check_backbone(state: FittedState) -> None:
    """The weights are those of the backbone's sizes, and give topic mixtures."""
    sizes = Sizes(
        n_inputs=sum(state.widths.values()),
        n_topics=state.n_topics,
        n_words=len(state.vocabulary),
        word_width=state.word_width,
    )
    backbone = state.recipe.backbone
    check_weights(state.weights, weight_shapes(backbone, sizes), name_of(backbone))
    theta = mixtures(state.weights, backbone, np.zeros((1, sizes.n_inputs), dtype=np.float32))
    if not abs(float(theta.sum()) - 1) < _TOLERANCE:
        raise InputError("the weights give topic mixtures that do not sum to 1")
