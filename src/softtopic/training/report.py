"""What training reports. Nothing here imports torch, so that a fitted state can hold it."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class TrainingReport:
    """How training went.

    Attributes
    ----------
    losses : tuple of float
        Mean distillation loss of each epoch, KL(label ‖ words) in nats, unweighted.
    documents_per_second : float
        Speed over all epochs.
    """

    losses: tuple[float, ...]
    documents_per_second: float
