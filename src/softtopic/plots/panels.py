"""Several small plots side by side, each with the name of a topic."""

from collections.abc import Mapping, Sequence
from typing import Any

from softtopic.plots.style import Figure, graph_objects, label, styled

_COLUMNS = 2

# Pixels between panels, one above the other.
_GAP = 52


class Panels:
    """A figure of panels, two in a row.

    Parameters
    ----------
    names : sequence of str
        Title of each panel.
    height : int
        Of a panel, in pixels.
    """

    def __init__(self, names: Sequence[str], height: int) -> None:
        graph_objects()
        from plotly.subplots import make_subplots

        rows = -(-len(names) // _COLUMNS)
        self._height = rows * (height + _GAP)
        self._made = make_subplots(
            rows,
            min(_COLUMNS, len(names)),
            subplot_titles=[label(name, 36) for name in names],
            # Room for the title of a panel, and for the labels of its axes.
            vertical_spacing=min(_GAP / (self._height - _GAP), 1 / max(rows - 1, 1)),
            horizontal_spacing=0.18,
        )

    def add(self, place: int, traces: Sequence[Any], x: Mapping[str, Any], y: Mapping[str, Any]) -> None:
        """Add the traces and axes of a panel."""
        row, column = place // _COLUMNS + 1, place % _COLUMNS + 1
        self._made.add_traces(list(traces), rows=row, cols=column)
        self._made.update_xaxes(x, row=row, col=column)
        self._made.update_yaxes(y, row=row, col=column)

    def figure(self, layout: Mapping[str, Any], **defaults: Any) -> Figure:
        """The figure; see `style.styled`."""
        self._made.update_annotations(font={"size": 13}, yshift=2)
        return styled(self._made, layout, height=self._height, showlegend=False, **defaults)
