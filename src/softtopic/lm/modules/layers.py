"""Layers without initial weights, which would be drawn for seconds and then be replaced by those of a file."""

from typing import final

from torch import nn


@final
class Linear(nn.Linear):
    """`torch.nn.Linear` with weights that are not set."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""


@final
class Embedding(nn.Embedding):
    """`torch.nn.Embedding` with weights that are not set."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""
