"""Mean last states of texts under a bidirectional transformer, by the fastest way that gives the same vectors."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import Any

import torch
from jaxtyping import Float

from softtopic.lm.bert import PackedBert
from softtopic.lm.fused import pad_linear
from softtopic.lm.int8_bert import int8_layers

# Tokens of texts → mean of their last states, one row a text; texts of equal length lie next to each other.
MeanStates = Callable[[Sequence[Sequence[int]]], Float[torch.Tensor, "texts width"]]

# Least cosine of the vectors of the packed forward pass and of the model's own.
_MIN_AGREEMENT = 0.999
_MIN_INT8_AGREEMENT = 0.99


def fastest_mean_states(
    model: Any, probe: Sequence[Sequence[int]], calibration: Sequence[int] | None = None
) -> MeanStates:
    """The packed forward pass where the model allows it and gives the same vectors, else the model's own.

    Parameters
    ----------
    model : nn.Module
    probe : sequence of sequences of int
        Tokens of texts on which the vectors are compared, sorted by length.
    calibration : sequence of int, optional
        Tokens of a text by which int8 layers are calibrated; None: none are made. The model is in float32.
    """
    plain = partial(_mean_states, model)
    if calibration is not None:
        with suppress(AttributeError, RuntimeError, TypeError), torch.inference_mode():
            packed = PackedBert(model, int8_layers(model, calibration))
            if torch.cosine_similarity(packed(probe), plain(probe)).min() > _MIN_INT8_AGREEMENT:
                return packed
    with suppress(AttributeError, RuntimeError, TypeError), torch.inference_mode():
        packed = PackedBert(model)
        if torch.cosine_similarity(packed(probe), plain(probe)).min() > _MIN_AGREEMENT:
            return packed
    pad_linear(model)
    return plain


def _mean_states(model: Any, texts: Sequence[Sequence[int]]) -> Float[torch.Tensor, "texts width"]:
    """By the model's own forward, texts of equal length together, so that nothing is padded."""
    device = next(model.parameters()).device
    means = [
        model(input_ids=torch.tensor(list(run), device=device)).last_hidden_state.float().mean(dim=1)
        for _, run in groupby(texts, key=len)
    ]
    return torch.cat(means)
