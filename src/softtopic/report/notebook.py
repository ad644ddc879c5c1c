"""Topics as a table of HTML, which notebooks show in the place of a model."""

from html import escape

import numpy as np

from softtopic.state import FittedState
from softtopic.topics.documents import excerpt
from softtopic.topics.table import topic_names, topics_of

# Rows and words that are shown, and characters of a name.
_N_TOPICS, _N_WORDS, _NAME = 25, 8, 40


def topics_html(state: FittedState) -> str:
    """A table of the largest topics: number, documents, name if there are any, words."""
    names, words = topic_names(state), topics_of(state).top_words(_N_WORDS)
    named = any(state.names)
    order = np.argsort(-state.counts, kind="stable").tolist()
    head = ["topic", "documents", *(["name"] if named else []), "words"]
    rows = [
        [
            str(state.topic_ids[column]),
            f"{state.counts[column]:,}",
            *([excerpt(names[column], _NAME)] if named else []),
            " ".join(words[column]),
        ]
        for column in order[:_N_TOPICS]
    ]
    more = f"<p>… and {len(order) - _N_TOPICS} more</p>" if len(order) > _N_TOPICS else ""
    title = f"{state.n_topics} topics of {len(state.with_text):,} documents"
    body = "".join(_row("td", row) for row in rows)
    return f"<table><caption>{title}</caption><thead>{_row('th', head)}</thead><tbody>{body}</tbody></table>{more}"


def _row(cell: str, values: list[str]) -> str:
    return "<tr>" + "".join(f'<{cell} style="text-align: left">{escape(value)}</{cell}>' for value in values) + "</tr>"
