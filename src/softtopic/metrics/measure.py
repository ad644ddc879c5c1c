"""A measure of a topic model, and what it is computed from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from jaxtyping import Int

from softtopic.metrics.reference import Reference
from softtopic.types import DocTopic

Need = Literal["theta", "clusters", "labels", "topics", "reference"]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class MeasureInputs:
    """What measures are computed from; None where something is not there.

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics) or None, default=None
        Topic mixtures; rows sum to 1.
    clusters : ndarray of shape (n_documents,) or None, default=None
        Topic that each document is assigned to.
    labels : sequence of length n_documents or None, default=None
        Known label of each document.
    topics : sequence of sequence of str or None, default=None
        Top words of each topic, the most important first.
    reference : Reference or None, default=None
        Corpus in which coherence counts words.
    top_n : int, default=10
        Words of each topic that count.
    """

    theta: DocTopic | None = None
    clusters: Int[np.ndarray, " docs"] | None = None
    labels: Sequence[object] | None = None
    topics: Sequence[Sequence[str]] | None = None
    reference: Reference | None = None
    top_n: int = 10


@final
@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number that describes a topic model.

    Parameters
    ----------
    name : str
        By which it is asked for, and its key in results.
    title : str
        Its name in tables and figures.
    needs : tuple of str
        Fields of `MeasureInputs` that it is computed from.
    function : callable
        Takes these fields by name, and `top_n` if topics are among them. Measures with the same function share its
        result.
    select : callable, default=float
        From that result to the value.
    low, high : float, default=0.0 and 1.0
        Range of the value.
    higher_is_better : bool or None, default=True
        None: the measure describes and does not judge.
    default : bool, default=True
        Whether it is computed unless measures are asked for by name.
    """

    name: str
    title: str
    needs: tuple[Need, ...]
    function: Callable[..., Any]
    select: Callable[[Any], float] = float
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool | None = True
    default: bool = True

    def can_be_computed(self, inputs: MeasureInputs) -> bool:
        """Whether all that it needs is there."""
        return all(getattr(inputs, need) is not None for need in self.needs)

    def call(self, inputs: MeasureInputs) -> Any:
        """The result of its function, from which `select` takes the value."""
        names = (*self.needs, "top_n") if "topics" in self.needs else self.needs
        return self.function(**{name: getattr(inputs, name) for name in names})
