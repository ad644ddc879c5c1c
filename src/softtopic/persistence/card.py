"""The model card of a model folder, in Markdown: what the model is, how it was made, and its topics."""

import numpy as np

from softtopic import __version__
from softtopic.backbones.registry import name_of
from softtopic.lm.config import MULTILINGUAL_ENCODER
from softtopic.state import FittedState
from softtopic.storage.assets import ASSETS
from softtopic.teacher.encoder import ENCODER_TEACHER
from softtopic.topics.table import topic_names, topics_of
from softtopic.wording import counted

_N_WORDS = 10


def model_card(state: FittedState) -> str:
    """Markdown about a fitted model; no text of a document is in it.

    Parameters
    ----------
    state : FittedState
        What was fitted.

    Returns
    -------
    str
        Settings and a table of the topics, largest first.
    """
    return "\n".join([
        "# Topic model",
        "",
        "A topic model fitted by softtopic.",
        "",
        "```python",
        "from softtopic import TopicModel",
        "",
        'model = TopicModel.load("path/to/this/folder")',
        "model.get_topic_info()",
        'model.transform(["a new document"])',
        "```",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_cell(value)} |" for name, value in model_facts(state).items()),
        "",
        "## Topics",
        "",
        "![Shares and words of the topics](topics.svg)",
        "",
        "Documents are those in which the topic has the largest share.",
        "",
        *_topics(state),
        "",
    ])  # fmt: skip


def _topics(state: FittedState) -> list[str]:
    """Lines of a table of topics, largest first; names where any were given."""
    sizes = [f"{count:,}" for count in state.counts]
    words = [_cell(", ".join(row)) for row in topics_of(state).top_words(_N_WORDS)]
    columns = {"Topic": [str(topic) for topic in state.topic_ids], "Documents": sizes, "Words": words}
    if any(state.names):
        columns["Name"] = [_cell(name) for name in topic_names(state)]
    order = np.argsort(-state.counts, kind="stable")
    rows = ([cells[row] for cells in columns.values()] for row in order)
    return [_line(list(columns)), "|" + "---|" * len(columns), *map(_line, rows)]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def model_facts(state: FittedState) -> dict[str, str]:
    """Settings of a fit, as a table shows them."""
    recipe = state.recipe
    return {
        "Documents": f"{len(state.theta):,}",
        "Vocabulary": counted(len(state.vocabulary), "word"),
        "Topic model": f"{name_of(recipe.backbone)}, {counted(state.n_topics, 'topic')}",
        "Inputs": ", ".join(f"{name} ({counted(width, 'column')})" for name, width in state.widths.items()),
        "Target": " and ".join(_target(state, part) for part in recipe.target.split("+")),
        "Language model": _teacher(state),
        "Sentence encoder": _encoder(state),
        "Random seed": str(state.seed),
        "Made with": f"softtopic {__version__}",
    }


def _target(state: FittedState, part: str) -> str:
    if part == "bow":
        return "bag of words"
    is_encoder = state.teacher is not None and state.teacher.get("lm") == ENCODER_TEACHER
    return f"soft labels of the {'sentence encoder' if is_encoder else 'language model'}"


def _encoder(state: FittedState) -> str:
    if state.static is not None and "embedding" not in state.widths:
        return f"static, {counted(len(state.static.tokens), 'token')}"
    if state.encoder == MULTILINGUAL_ENCODER:
        asset = ASSETS[state.encoder]
        return f"{asset.source} (licence: {asset.licence})"
    return state.encoder or ("vectors of the user" if "embedding" in state.widths else "none")


def _teacher(state: FittedState) -> str:
    if state.teacher is None:
        return "none"
    name = str(state.teacher.get("lm", "a class of the user's"))
    return f"none; the sentence encoder {state.teacher['encoder']} teaches" if name == ENCODER_TEACHER else name


def _cell(text: str) -> str:
    """Text in a cell of a table."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
