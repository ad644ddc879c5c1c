"""Topic mixtures in NumPy, from the weights of a trained backbone: applying a model needs no torch.

Each backbone has an entry in `_NETWORKS`: the shapes of its weights, and its inference network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix
from scipy.special import softmax

from softtopic.backbones.registry import name_of
from softtopic.backbones.settings import BackboneSettings, ECRTMSettings, FASTopicSettings, PLSASettings, Sizes
from softtopic.errors import InputError
from softtopic.types import DocHidden, DocTopic

Weights = Mapping[str, np.ndarray]
Shapes = Mapping[str, tuple[int, ...]]

# Added to variances, as `torch.nn.BatchNorm1d` does, and the least norm that a vector is divided by.
_VARIANCE_EPSILON = 1e-5
_MIN_NORM = 1e-12


def takes_sparse(settings: BackboneSettings) -> bool:
    """Whether sparse columns at the end of the inputs of a backbone stay sparse."""
    return _NETWORKS[name_of(settings)].takes_sparse


def mixtures(
    weights: Weights, settings: BackboneSettings, dense: DocHidden, sparse: csr_matrix | None = None
) -> DocTopic:
    """Topic mixtures of documents, those of the backbone in evaluation mode.

    Parameters
    ----------
    weights : mapping of str to ndarray
        As `Backbone.weights` returns them.
    settings : BackboneSettings
        Hyper-parameters; their class decides which backbone it is.
    dense : ndarray of shape (n_documents, n_dense)
        Inputs; all of them, or those before the sparse ones.
    sparse : csr_matrix of shape (n_documents, n_sparse) or None, default=None
        Last columns of the inputs, see `takes_sparse`.

    Returns
    -------
    ndarray of shape (n_documents, n_topics), float32
        Rows sum to 1; each depends on its own row of the inputs alone, up to rounding.
    """
    width = dense.shape[1]
    standardized = (dense.astype(np.float32) - weights["center"][:width]) / weights["scale"][:width]
    with np.errstate(over="ignore", invalid="ignore"):
        return _NETWORKS[name_of(settings)].mixtures(weights, settings, (standardized, sparse))


def weight_shapes(settings: BackboneSettings, sizes: Sizes) -> Shapes:
    """Names and shapes of the weights of a backbone; nothing is allocated."""
    inputs = {"center": (sizes.n_inputs,), "scale": (sizes.n_inputs,)}
    return inputs | _NETWORKS[name_of(settings)].shapes(settings, sizes)


def check_weights(weights: Weights, expected: Shapes, backbone: str) -> None:
    """Raise InputError unless these are float32 arrays of the expected names and shapes, all values finite."""
    if expected.keys() != weights.keys():
        differing = ", ".join(sorted(expected.keys() ^ weights.keys()))
        raise InputError(f"weights of {backbone}: missing or unknown are {differing}; give all, no others")
    for name, shape in expected.items():
        array = weights[name]
        if array.dtype != np.float32 or array.shape != shape:
            raise InputError(f"{name} is {array.dtype} of shape {array.shape}; expected float32 of shape {shape}")
        if not np.isfinite(array).all():
            raise InputError(f"{name} holds values that are not finite; restore it, or train again")


# Standardised inputs: dense columns, then sparse ones, which are never standardised.
_Block = tuple[DocHidden, csr_matrix | None]


@dataclass(frozen=True)
class _Network:
    """Weights and inference network of one backbone.

    Attributes
    ----------
    shapes : callable
        From settings and sizes to the shapes of all weights but those that standardise the inputs.
    mixtures : callable
        From weights, settings and inputs of documents to their topic mixtures.
    takes_sparse : bool
        Whether sparse columns at the end of the inputs stay sparse.
    """

    shapes: Callable[[Any, Sizes], dict[str, tuple[int, ...]]]
    mixtures: Callable[[Weights, Any, _Block], DocTopic]
    takes_sparse: bool = False


def _gaussian_mean(weights: Weights, _: BackboneSettings, block: _Block) -> DocTopic:
    """The softmax of the mean that `GaussianEncoder` gives, after whichever normalisation its weights are of."""
    x = _softplus(_linear(weights, "encoder.first", block[0]))
    x = _linear(weights, "encoder.mean", _softplus(_linear(weights, "encoder.second", x)))
    for norm in ("encoder.mean_norm.", "encoder.mean_norm.0."):
        if f"{norm}running_mean" in weights:
            deviation = np.sqrt(weights[f"{norm}running_var"] + np.float32(_VARIANCE_EPSILON))
            x = (x - weights[f"{norm}running_mean"]) / deviation
    return softmax(x + weights.get("encoder.mean_norm.1.bias", np.float32(0)), axis=1)


def _plsa(weights: Weights, settings: PLSASettings, block: _Block) -> DocTopic:
    dense, sparse = block
    first, width = weights["first.weight"], dense.shape[1]
    x = dense @ first[:, :width].T + weights["first.bias"]
    if sparse is not None:
        x += sparse @ np.ascontiguousarray(first[:, width:].T)
    scores = _linear(weights, "scores", _softplus(_linear(weights, "second", _softplus(x))))
    tail, weight = softmax(scores / np.float32(settings.tail_temperature), axis=1), np.float32(settings.tail_weight)
    return (1 - weight) * softmax(scores, axis=1) + weight * tail


def _fastopic(weights: Weights, settings: FASTopicSettings, block: _Block) -> DocTopic:
    x, topics = block[0], weights["topic_embeddings"]
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.float32(_MIN_NORM))
    squares = np.square(x).sum(axis=1, keepdims=True) + np.square(topics).sum(axis=1)
    distances = np.maximum(squares - 2 * (x @ topics.T), 0)
    return softmax(distances * np.float32(-settings.doc_topic_alpha) - weights["log_normalizer"], axis=1)


def _linear(weights: Weights, name: str, x: Float[np.ndarray, "docs width"]) -> Float[np.ndarray, "docs out"]:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _softplus(x: Float[np.ndarray, "docs width"]) -> Float[np.ndarray, "docs width"]:
    # Without log1p, which NumPy computes one number at a time; the rounding errors are those of float32 at 1.
    return np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))


def _layer(name: str, n_inputs: int, n_outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (n_outputs, n_inputs), f"{name}.bias": (n_outputs,)}


def _encoder_shapes(settings: Any, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    layers = _layer("encoder.first", sizes.n_inputs, settings.n_hidden)
    layers |= _layer("encoder.second", settings.n_hidden, settings.n_hidden)
    for name in ("encoder.mean", "encoder.log_variance"):
        layers |= _layer(name, settings.n_hidden, sizes.n_topics)
    return layers


def _norm_shapes(sizes: Sizes, place: str = "") -> dict[str, tuple[int, ...]]:
    """BatchNorm of mean and log-variance, and of the words."""
    names = [f"encoder.{of}_norm.{place}running_{what}" for of in ("mean", "log_variance") for what in ("mean", "var")]
    return dict.fromkeys(names, (sizes.n_topics,)) | dict.fromkeys(
        ("word_norm.mean", "word_norm.variance"), (sizes.n_words,)
    )


def _embedding_shapes(sizes: Sizes, width: int) -> dict[str, tuple[int, ...]]:
    return {"topic_embeddings": (sizes.n_topics, width), "word_embeddings": (sizes.n_words, width)}


def _prodlda_shapes(settings: Any, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    prior = dict.fromkeys(("prior_mean", "prior_log_variance"), (sizes.n_topics,))
    beta = {"beta": (sizes.n_topics, sizes.n_words)}
    return _encoder_shapes(settings, sizes) | _norm_shapes(sizes) | beta | prior


def _etm_shapes(settings: Any, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    return _encoder_shapes(settings, sizes) | _embedding_shapes(sizes, sizes.word_width or settings.word_width)


def _ecrtm_shapes(settings: ECRTMSettings, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    biases = {f"encoder.{of}_norm.1.bias": (sizes.n_topics,) for of in ("mean", "log_variance")}
    shift = {"word_shift.bias": (sizes.n_words,)}
    return _etm_shapes(settings, sizes) | _norm_shapes(sizes, "0.") | biases | shift


def _fastopic_shapes(_: Any, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    topics = dict.fromkeys(("topic_weights", "log_normalizer"), (sizes.n_topics,))
    return _embedding_shapes(sizes, sizes.n_inputs) | topics | {"word_weights": (sizes.n_words,)}


def _plsa_shapes(settings: PLSASettings, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    layers = _layer("first", sizes.n_inputs, settings.n_hidden)
    layers |= _layer("second", settings.n_hidden, settings.n_hidden)
    return layers | _layer("scores", settings.n_hidden, sizes.n_topics) | {"beta": (sizes.n_topics, sizes.n_words)}


_NETWORKS = {
    "prodlda": _Network(_prodlda_shapes, _gaussian_mean),
    "etm": _Network(_etm_shapes, _gaussian_mean),
    "ecrtm": _Network(_ecrtm_shapes, _gaussian_mean),
    "fastopic": _Network(_fastopic_shapes, _fastopic),
    "plsa": _Network(_plsa_shapes, _plsa, takes_sparse=True),
}
