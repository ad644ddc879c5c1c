"""All measures by name. A measure is added in the module of its formula; a new module is added here."""

from collections.abc import Callable, Iterable
from typing import Any

from softtopic.errors import InputError
from softtopic.metrics import clustering, coherence, diversity, retrieval, stability
from softtopic.metrics.measure import Measure, MeasureInputs, Need

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for module in (coherence, diversity, clustering, retrieval, stability)
    for measure in module.MEASURES
}


def get_measure(name: str) -> Measure:
    """A measure by name; raises InputError with the known names unless it is one of them."""
    if name not in MEASURES:
        raise InputError(f"measure {name!r} is not known; choose from {', '.join(MEASURES)}")
    return MEASURES[name]


def available(inputs: MeasureInputs, *, needing: Need | None = None) -> list[str]:
    """Names of the default measures that can be computed from some inputs.

    Parameters
    ----------
    inputs : MeasureInputs
        What is there.
    needing : str or None, default=None
        Only measures that need this field, e.g. "labels". None: all.
    """
    return [
        measure.name
        for measure in MEASURES.values()
        if measure.default and measure.can_be_computed(inputs) and (needing is None or needing in measure.needs)
    ]


def compute(inputs: MeasureInputs, names: Iterable[str] | None = None) -> dict[str, float]:
    """Values of measures by name.

    Parameters
    ----------
    inputs : MeasureInputs
        What they are computed from.
    names : iterable of str or None, default=None
        Which ones. None: all that are `available`.

    Returns
    -------
    dict of str to float
        In the order of the names.

    Raises
    ------
    InputError
        If a name is unknown, or something that the measure needs is missing.

    Examples
    --------
    >>> compute(MeasureInputs(topics=[["orbit", "moon"], ["bread", "moon"]]), ["topic_diversity"])
    {'topic_diversity': 0.75}
    """
    results: dict[Callable[..., Any], Any] = {}
    values: dict[str, float] = {}
    for name in available(inputs) if names is None else names:
        measure = get_measure(name)
        if not measure.can_be_computed(inputs):
            raise InputError(f"measure {name!r} needs {' and '.join(measure.needs)}; give them, or leave it out")
        if measure.function not in results:
            results[measure.function] = measure.call(inputs)
        values[name] = float(measure.select(results[measure.function]))
    return values
