"""Pictures of a comparison, the only user of matplotlib."""

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from softtopic.bench.methods import get_method
from softtopic.bench.tables import Row, present, setting_name
from softtopic.errors import InputError
from softtopic.metrics.registry import MEASURES

# What is drawn, where it was measured.
_DRAWN = ("purity", "nmi", "precision_at_5", "npmi", "c_v", "inverted_rbo")


def check_plotting() -> None:
    """Raise InputError where the library that draws is not here."""
    if find_spec("matplotlib") is None:
        raise InputError("a comparison is drawn with matplotlib, which is not here; pip install 'softtopic[bench]'")


def draw(rows: Sequence[Row]) -> list[str]:
    """One SVG of all methods, or one of each swept method."""
    rows = [row for row in rows if row.records]
    if not present(rows, _DRAWN):
        return []
    swept = [row for row in rows if row.setting is not None]
    if not swept:
        return [_methods(rows)]
    groups = dict.fromkeys((row.corpus, row.model) for row in swept)
    return [_sweep([row for row in swept if (row.corpus, row.model) == group]) for group in groups]


def _figure(columns: int, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    # Without pyplot nothing is drawn on a screen and no state is left.
    figure = Figure(figsize=(3.2 * columns + 1.6, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _svg(figure: Any) -> str:
    from matplotlib import rc_context

    written = io.StringIO()
    # Letters stay letters, and equal figures give equal files.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "softtopic"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    return text[text.index("<svg") :]


def _methods(rows: Sequence[Row]) -> str:
    """A panel for each measure, a line for each method, a colour for each corpus."""
    measures = present(rows, _DRAWN)
    models = list(dict.fromkeys(row.model for row in rows))
    figure, panels = _figure(len(measures), 0.32 * len(models) + 1.4)
    for panel, measure in zip(panels, measures, strict=True):
        for number, corpus in enumerate(dict.fromkeys(row.corpus for row in rows)):
            shown = [(row, spread) for row in rows if row.corpus == corpus and (spread := row.spread(measure))]
            panel.errorbar(
                [spread.mean for _, spread in shown],
                [models.index(row.model) + 0.12 * number for row, _ in shown],
                xerr=[spread.std for _, spread in shown],
                fmt="o", markersize=5, capsize=2, label=corpus,
            )  # fmt: skip
        first = panel is panels[0]
        panel.set_yticks(range(len(models)), [get_method(model).title for model in models] if first else [])
        panel.set_ylim(len(models) - 0.4, -0.6)
        panel.set_title(MEASURES[measure].title, fontsize=11)
        panel.grid(axis="both", alpha=0.3)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return _svg(figure)


def _sweep(rows: Sequence[Row]) -> str:
    """A panel for each measure: its value against that of the setting."""
    measures = present(rows, _DRAWN)
    figure, panels = _figure(len(measures), 3.2)
    places = _places([str(row.setting) for row in rows])
    for panel, measure in zip(panels, measures, strict=True):
        shown = [(place, row, spread) for place, row in zip(places, rows, strict=True)
                 if (spread := row.spread(measure))]  # fmt: skip
        means, errors = [spread.mean for *_, spread in shown], [spread.std for *_, spread in shown]
        panel.errorbar([place for place, *_ in shown], means, yerr=errors, fmt="o-", markersize=4, capsize=2)
        panel.set_xticks(places, [str(row.setting) for row in rows], fontsize=8)
        panel.set_title(MEASURES[measure].title, fontsize=11)
        panel.set_xlabel(setting_name(rows))
        panel.grid(axis="both", alpha=0.3)
    figure.suptitle(f"{get_method(rows[0].model).title} on {rows[0].corpus}", fontsize=11)
    return _svg(figure)


def _places(values: Sequence[str]) -> list[float]:
    """Numbers stand where they are, names one after the other."""
    try:
        return [float(value) for value in values]
    except ValueError:
        return [float(place) for place in range(len(values))]
