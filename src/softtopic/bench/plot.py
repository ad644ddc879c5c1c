"""Figures of a comparison, as SVG. The only user of matplotlib."""

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from softtopic.bench.methods import get_method
from softtopic.bench.tables import Row, by_setting, present, setting_value
from softtopic.errors import InputError
from softtopic.metrics.registry import MEASURES

# Measures shown unless others are named.
SHOWN = ("purity", "nmi", "precision_at_5", "npmi", "c_v", "inverted_rbo")


def check_plotting() -> None:
    """Raise InputError where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise InputError(
            "a comparison is plotted with matplotlib, which is not installed; pip install 'softtopic[bench]'"
        )


def plot_comparison(rows: Sequence[Row]) -> list[str]:
    """One figure of all methods, or one for each corpus, method and setting that was changed."""
    rows = [row for row in rows if present([row], SHOWN)]
    groups = by_setting(rows)
    if groups:
        return [_plot_setting(group, name) for (_, _, name), group in groups.items()]
    return [plot_methods(rows)] if rows else []


def plot_methods(rows: Sequence[Row], measures: Sequence[str] = SHOWN) -> str:
    """A panel for each measure, a line for each method, a colour for each corpus; bars are standard deviations."""
    measures = present(rows, measures)
    models = list(dict.fromkeys(row.model for row in rows))
    figure, panels = new_figure(len(measures), 0.32 * len(models) + 1.4)
    for panel, measure in zip(panels, measures, strict=True):
        for number, corpus in enumerate(dict.fromkeys(row.corpus for row in rows)):
            points = [(row, value) for row in rows if row.corpus == corpus and (value := row.summary(measure))]
            panel.errorbar(
                [value.mean for _, value in points],
                [models.index(row.model) + 0.12 * number for row, _ in points],
                xerr=[value.std for _, value in points],
                fmt="o", markersize=5, capsize=2, label=corpus,
            )  # fmt: skip
        panel.set_yticks(
            range(len(models)), [get_method(model).title for model in models] if panel is panels[0] else []
        )
        panel.set_ylim(len(models) - 0.4, -0.6)
        panel.set_title(MEASURES[measure].title, fontsize=11)
    return to_svg(figure)


def plot_by_topics(rows: Sequence[Row], measures: Sequence[str] = SHOWN) -> str:
    """A panel for each measure, over the number of topics; a line for each corpus, and for each method if several."""
    measures = present(rows, measures)
    several = len({row.model for row in rows}) > 1
    figure, panels = new_figure(len(measures), 3.4)
    for panel, measure in zip(panels, measures, strict=True):
        for row in rows:
            numbers = sorted({cell.topics for cell in row.cells})
            values = [row.where(lambda cell, n=number: cell.topics == n).summary(measure) for number in numbers]
            points = [(number, value) for number, value in zip(numbers, values, strict=True) if value]
            panel.errorbar(
                [number for number, _ in points],
                [value.mean for _, value in points],
                yerr=[value.std for _, value in points],
                fmt="o-", markersize=4, capsize=2, label=f"{row.corpus}, {row.title}" if several else row.corpus,
            )  # fmt: skip
        panel.set_title(MEASURES[measure].title, fontsize=11)
        panel.set_xlabel("number of topics")
    return to_svg(figure)


def plot_stages(rows: Sequence[Row]) -> str:
    """Time of each method, its stages stacked; a panel for each corpus."""
    corpora = list(dict.fromkeys(row.corpus for row in rows))
    models = list(dict.fromkeys(row.model for row in rows))
    stages = list(dict.fromkeys(s["stage"] for row in rows for record in row.records for s in record["stages"]))
    figure, panels = new_figure(len(corpora), 0.32 * len(models) + 1.4)
    for panel, corpus in zip(panels, corpora, strict=True):
        own = [row for row in rows if row.corpus == corpus]
        left = dict.fromkeys(models, 0.0)
        for stage in stages:
            seconds = {row.model: _mean_seconds(row, stage) for row in own}
            panel.barh(
                [models.index(model) for model in seconds], list(seconds.values()), left=[left[m] for m in seconds],
                height=0.6, label=stage,
            )  # fmt: skip
            left |= {model: left[model] + value for model, value in seconds.items()}
        panel.set_yticks(
            range(len(models)), [get_method(model).title for model in models] if panel is panels[0] else []
        )
        panel.set_ylim(len(models) - 0.4, -0.6)
        panel.set_title(corpus, fontsize=11)
        panel.set_xlabel("seconds")
    return to_svg(figure)


def _mean_seconds(row: Row, stage: str) -> float:
    seconds = [s["seconds"] or 0.0 for record in row.records for s in record["stages"] if s["stage"] == stage]
    return sum(seconds) / len(row.records) if row.records else 0.0


def _plot_setting(rows: Sequence[Row], name: str) -> str:
    """A panel for each measure, over the values of a setting."""
    measures = present(rows, SHOWN)
    figure, panels = new_figure(len(measures), 3.2)
    values = [setting_value(row) for row in rows]
    positions = _positions(values)
    for panel, measure in zip(panels, measures, strict=True):
        points = [(x, value) for x, row in zip(positions, rows, strict=True) if (value := row.summary(measure))]
        means, errors = [value.mean for _, value in points], [value.std for _, value in points]
        panel.errorbar([x for x, _ in points], means, yerr=errors, fmt="o-", markersize=4, capsize=2)
        panel.set_xticks(positions, values, fontsize=8)
        panel.set_title(MEASURES[measure].title, fontsize=11)
        panel.set_xlabel(name)
    figure.suptitle(f"{get_method(rows[0].model).title} on {rows[0].corpus}", fontsize=11)
    return to_svg(figure)


def _positions(values: Sequence[str]) -> list[float]:
    """Numbers are their own positions; names stand at equal distances."""
    try:
        return [float(value) for value in values]
    except ValueError:
        return [float(position) for position in range(len(values))]


def new_figure(columns: int, height: float) -> tuple[Any, Any]:
    """A matplotlib figure with panels side by side, and the panels."""
    from matplotlib.figure import Figure

    # Without pyplot there is neither a window nor global state.
    figure = Figure(figsize=(3.2 * columns + 1.6, height), layout="constrained")
    panels = figure.subplots(1, columns, squeeze=False)[0]
    for panel in panels:
        panel.grid(axis="both", alpha=0.3)
    return figure, panels


def to_svg(figure: Any) -> str:
    """The figure as an SVG element, with a legend of what its first panel labels; equal figures give equal text."""
    from matplotlib import rc_context

    handles, labels = figure.axes[0].get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    stream = io.StringIO()
    # Text stays text.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "softtopic"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
