"""Layers whose weights are left uninitialised, because a file provides them: to draw them takes seconds."""

from typing import final

from torch import nn


@final
class Linear(nn.Linear):
    """`torch.nn.Linear` with uninitialised weights."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""


@final
class Embedding(nn.Embedding):
    """`torch.nn.Embedding` with uninitialised weights."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""
