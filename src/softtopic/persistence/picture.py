"""The picture of a model card: a bar chart of the largest topics, as SVG made of templates."""

from html import escape

import numpy as np

from softtopic.data.xml import xml_text
from softtopic.state import FittedState
from softtopic.topics.table import topics_of

# Topics in the chart, and words and characters of a label.
_N_TOPICS, _N_WORDS, _N_CHARACTERS = 25, 5, 48
# Pixels: height of a row, place of the bars, width of the longest, width of the whole.
_ROW, _LEFT, _BAR, _WIDTH = 24, 380, 260, 700

_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" \
role="img" aria-label="{title}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="12" y="22" font-weight="bold" fill="#222222">{title}</text>
{rows}
</svg>
"""

_ROW_SVG = """<text x="{label_at}" y="{baseline}" text-anchor="end" direction="ltr" fill="#222222">{label}</text>
<rect x="{left}" y="{top}" width="{length}" height="16" fill="#0072b2"/>
<text x="{share_at}" y="{baseline}" fill="#444444">{share}</text>"""


def topics_picture(state: FittedState) -> str:
    """SVG of the shares of the largest topics with their names or first words; no text of a document is in it.

    Parameters
    ----------
    state : FittedState
        After edits.

    Returns
    -------
    str
        Equal states give equal pictures.
    """
    order = np.argsort(-state.counts, kind="stable")[:_N_TOPICS].tolist()
    shares = state.counts / max(1, len(state.with_text))
    words = topics_of(state).top_words(_N_WORDS)
    largest = max(float(shares.max()), 1e-9)
    shown = "Topics" if len(order) == state.n_topics else f"The {len(order)} largest of {state.n_topics} topics"
    rows = [
        _row(place, _label(state, column, words[column]), float(shares[column]), largest)
        for place, column in enumerate(order)
    ]
    title = f"{shown} by share of {len(state.with_text):,} documents"
    return _SVG.format(width=_WIDTH, height=(len(order) + 2) * _ROW, title=title, rows="\n".join(rows))


def _row(place: int, label: str, share: float, largest: float) -> str:
    top = (place + 1) * _ROW + 12
    length = round(_BAR * share / largest, 1)
    return _ROW_SVG.format(
        label_at=_LEFT - 8,
        baseline=top + 13,
        label=escape(label),
        left=_LEFT,
        top=top,
        length=length,
        share_at=round(_LEFT + length + 6, 1),
        share=f"{share:.1%}",
    )


def _label(state: FittedState, column: int, words: list[str]) -> str:
    """The name of a topic, else its first words."""
    label = xml_text(state.names[column] or " ".join(words))
    return label if len(label) <= _N_CHARACTERS else label[: _N_CHARACTERS - 1] + "…"
