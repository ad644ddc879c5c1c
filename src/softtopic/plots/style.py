"""What all figures share: colours that colour-blind people tell apart, fonts, texts that are never markup."""

import html
import textwrap
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from softtopic.data.direction import isolated
from softtopic.errors import InputError, check_whole
from softtopic.state import FittedState
from softtopic.topics.documents import excerpt
from softtopic.topics.table import column_of

# A plotly.graph_objects.Figure. plotly is imported when the first figure is made.
Figure = Any

# "Muted" of Tol (2021), Colour schemes, without olive, which is near sand; then those that are farthest from all before
# them in CIE L*a*b*, to people with and without a colour vision deficiency, the darkest last.
PALETTE = (
    *("#332288", "#CC6677", "#117733", "#88CCEE", "#DDCC77", "#AA4499", "#44AA99", "#882255"),
    *("#9999FF", "#00EEAA", "#779900", "#CC9977", "#993300", "#FF88CC", "#0066BB", "#DD4444"),
    *("#FFAA44", "#442255", "#003333", "#333311"),
)
GREY, FAINT = "#999999", "#DDDDDD"

_AXIS = {"automargin": True, "gridcolor": "#E5E5E5", "zerolinecolor": "#BBBBBB", "linecolor": "#BBBBBB"}

# Each letter is drawn by the first of the fonts on a machine that has it: those of Linux, macOS and Windows for scripts
# that Helvetica lacks.
_FONTS = (
    "Helvetica, Arial, Noto Sans, Noto Sans CJK SC, Noto Sans Arabic, Noto Sans Devanagari, Noto Sans Thai, "
    "PingFang SC, Hiragino Sans, Microsoft YaHei, Yu Gothic, Malgun Gothic, Nirmala UI, Leelawadee UI, sans-serif"
)

# What figures have unless they are given other values; the width, in pixels, is that of a column.
_TEMPLATE = {
    "layout": {
        "width": 660,
        "font": {"family": _FONTS, "size": 13, "color": "#222222"},
        "margin": {"l": 10, "r": 10, "t": 30, "b": 10},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hoverlabel": {"align": "left", "bgcolor": "white"},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
}

# Characters of a line of a hover text.
_HOVER_WIDTH = 60


def graph_objects() -> Any:
    """The module plotly.graph_objects.

    Raises
    ------
    InputError
        If plotly is not installed.
    """
    if find_spec("plotly") is None:
        raise InputError("figures are drawn with plotly, which is not installed; pip install 'softtopic[plots]'")
    import plotly.graph_objects as go

    return go


def figure(traces: Sequence[Any], layout: Mapping[str, Any], **defaults: Any) -> Figure:
    """A figure of these traces; see `styled`."""
    return styled(graph_objects().Figure(list(traces)), layout, **defaults)


def styled(made: Figure, layout: Mapping[str, Any], **defaults: Any) -> Figure:
    """The figure in the common style, with the caller's settings of the layout, such as title and width."""
    made.update_layout(template=_TEMPLATE, **defaults)
    try:
        made.update_layout(**layout)
    except ValueError as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{', '.join(layout)}: give settings of a plotly layout, as title or width; {reason}"
        ) from None
    return made


def plain(text: object) -> str:
    """Text that plotly shows as it is: no markup, no formula, no line breaks, its direction its own."""
    line = isolated(" ".join(str(text).split()))
    return html.escape(line, quote=False).replace("$", "&#36;")


def label(name: object, length: int = 30) -> str:
    """A name as plain text, cut to a length."""
    return plain(excerpt(str(name), length))


def hover(*parts: object) -> str:
    """Plain text in lines; the first part is bold."""
    first, *rest = [_wrapped(part) for part in parts if str(part)]
    return "<br>".join([f"<b>{first}</b>", *rest])


def _wrapped(text: object) -> str:
    return "<br>".join(map(plain, textwrap.wrap(str(text), _HOVER_WIDTH)))


def ticks(labels: Sequence[object], length: int = 30) -> dict[str, Any]:
    """Labels at 0, 1, …: as categories of plotly, those that look like numbers or dates would be sorted as such."""
    shown = [label(one, length) for one in labels]
    return {"tickvals": list(range(len(shown))), "ticktext": shown, "zeroline": False}


def error_bars(middle: np.ndarray, low: np.ndarray, high: np.ndarray, width: int) -> dict[str, Any]:
    """Bars from `low` to `high` with ends of a width in pixels, for points at `middle`."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (high - middle).tolist(),
        "arrayminus": (middle - low).tolist(),
        "thickness": 1.5,
        "width": width,
    }


def faded(color: str, opacity: float = 0.2) -> str:
    """The colour as CSS with an opacity."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def chosen_columns(state: FittedState, topics: Sequence[int] | None, top_n: int | None) -> list[int]:
    """Columns of the topics of these numbers, in this order; without any, of the `top_n` largest, or of all."""
    if topics is not None:
        columns = [column_of(state, topic) for topic in topics]
        if not columns:
            raise InputError("topics are empty; give numbers of topics, or None for the largest")
        return columns
    if top_n is not None:
        check_whole("top_n_topics", top_n, 1)
    return np.argsort(-state.counts, kind="stable")[:top_n].tolist()
