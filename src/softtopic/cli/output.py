"""What commands print: tables for people, JSON for programs."""

import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Any

from softtopic.cli.layout import column_widths, cut, in_colour, plain_line, print_in_colour, terminal_width
from softtopic.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from softtopic.model import TopicModel

CHANGES = ("kept", "vanished", "merged", "appeared", "split")


class _BarHandler(logging.StreamHandler):
    """Writes each message above the progress bar, if one is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        try:
            tqdm.write(self.format(record), file=self.stream)
            self.flush()
        except Exception:
            self.handleError(record)


# Columns of a terminal from which a table of topics has room for a document.
_WIDE = 120
# Cells of a name beside the words on a terminal.
_NAME_WIDTH = 28

# Invisible letters that Persian, Indic scripts and emoji are spelt with.
_JOINERS = "\u200c\u200d"

# Escape and its like, but for white space.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def show_messages(quiet: bool) -> None:
    """Send log messages and warnings to standard error, one line each."""
    handler = _BarHandler(sys.stderr)
    handler.setFormatter(_Printable("softtopic: %(message)s"))
    logger = logging.getLogger("softtopic")
    logger.handlers = [handler]
    logger.setLevel(logging.ERROR if quiet else logging.INFO)
    shown: set[str] = set()

    def show_once(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            logger.warning("%s", message)

    warnings.showwarning = show_once


@contextmanager
def without_messages() -> Iterator[None]:
    """Show no log messages."""
    logger = logging.getLogger("softtopic")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Printable(logging.Formatter):
    """Messages without control characters: they may quote documents."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def topic_records(model: "TopicModel", words: int = 10, *, language: str | None = None) -> list[dict[str, Any]]:
    """The topics as values that JSON can hold, largest first; with a language words and documents in this one alone."""
    info, top = model.get_topic_info(), model.get_topics(words, language=language)
    shown = model.get_representative_docs(language=language)
    return [
        {
            "topic": topic,
            "count": count,
            "name": name,
            "words": [word for word, _ in top[topic]],
            "representative_documents": shown[topic],
        }
        for topic, count, name in zip(info["Topic"].tolist(), info["Count"].tolist(), info["Name"], strict=True)
    ]


def with_sizes(records: list[dict[str, Any]], sizes: "pd.DataFrame | None") -> list[dict[str, Any]]:
    """Topics with the sizes among all documents, largest first."""
    if sizes is None:
        return records
    counts = dict(zip(sizes["Topic"].tolist(), sizes["Count"].tolist(), strict=True))
    known = [record | {"count": counts[record["topic"]]} for record in records]
    return sorted(known, key=lambda record: -record["count"])


def topic_columns(records: list[dict[str, Any]], *, as_lists: bool = False) -> dict[str, list[Any]]:
    """The topics as columns of a table; lists are joined for files that have none."""
    columns = {name: [record[name] for record in records] for name in records[0]}
    if not as_lists:
        columns["words"] = [", ".join(row) for row in columns["words"]]
        columns["representative_documents"] = ["\n".join(row) for row in columns["representative_documents"]]
    return columns


def table_records(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows of a table as values that JSON can hold."""
    return json.loads(table.rename(columns=str.lower).to_json(orient="records", date_format="iso") or "[]")


def changes_in_words(changes: "pd.DataFrame") -> str:
    """Number of topics by change, and the names of those that are new."""
    counts = changes["Change"].value_counts()
    parts = [f"{counts[change]} {change}" for change in CHANGES if change in counts]
    names = [printable(name) for name in changes.loc[changes["Change"].isin(("appeared", "split")), "Name_B"]]
    return ", ".join(parts) + (f" ({', '.join(names)})" if names else "")


def print_message(message: str) -> None:
    """A line on standard error."""
    print(f"softtopic: {message}", file=sys.stderr)


def print_json(value: object) -> None:
    """One line of JSON without control characters; in ASCII where standard output cannot encode it."""
    line = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(finite(value), ensure_ascii=False))
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(finite(value))
    print(line)


def finite(value: Any) -> Any:
    """The value with None for numbers that JSON does not have, NaN and infinities."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def print_topics(model: "TopicModel", words: int = 10, sizes: "pd.DataFrame | None" = None) -> None:
    """A table of the topics of a model; with `sizes` among other documents than its own."""
    # Names that were not given are the first words once more.
    print_topic_records(with_sizes(topic_records(model, words), sizes), named=any(model.topics.given_names))


def print_topic_records(records: Sequence[Mapping[str, Any]], *, named: bool = False) -> None:
    """A table of topics: number, size, names if there are any, words; on wide lines a representative document."""
    from softtopic.topics.documents import excerpt

    terminal = terminal_width()
    wide = not 0 < terminal < _WIDE
    header = ["topic", "size", *(["name"] if named else []), "words", *(["a representative document"] if wide else [])]
    rows = [
        [
            str(row["topic"]),
            str(row["count"]),
            *([cut(row["name"], _NAME_WIDTH) if terminal else row["name"]] if named else []),
            " ".join(row["words"]),
            *([excerpt(" ".join(row["representative_documents"][:1]))] if wide else []),
        ]
        for row in records
    ]
    print_table(header, rows)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, a line for each row, cut to the width of a terminal; in colour where there is one."""
    lines = [header, *([printable(cell) for cell in row] for row in rows)]
    widths = column_widths(lines, terminal_width())
    if in_colour():
        print_in_colour(lines, widths)
        return
    for line in lines:
        print(plain_line(line, widths))


def printable(text: str) -> str:
    """The text as a terminal shows it and does not obey it: controls as escapes, other invisible ones as spaces."""
    if text.isprintable():
        return text
    shown = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return "".join(c if c.isprintable() or c in _JOINERS else " " for c in shown)


def printable_lines(text: str) -> str:
    """Like `printable`, for a text of several lines."""
    return "\n".join(map(printable, text.splitlines()))


def print_estimate(cost: dict[str, int | float]) -> None:
    """What extraction will take, a line each."""
    units = {"seconds": f"{cost['seconds']:,.0f}", "bytes": f"{cost['bytes']:,}"}
    for name, value in cost.items():
        print(f"{name:<10} {units.get(name, f'{value:,}'):>15}")


def print_evaluation(scores: dict[str, float | int] | None) -> None:
    """A measure a line; nothing where there are none."""
    if scores is None:
        return
    print()
    for name, value in scores.items():
        print(f"{name:<16} {value:.3f}" if isinstance(value, float) else f"{name:<16} {value}")


def print_coherence(results: Sequence[dict[str, Any]]) -> None:
    """Coherence measures side by side, and the reference corpus."""
    if not results:
        return
    print(f"{'coherence':<16} " + "   ".join(f"{r['measure']} {r['mean']:.3f} ± {r['std']:.3f}" for r in results))
    first = results[0]
    print(
        f"{'reference':<16} {first['reference']}: {counted(first['n_documents'], 'document')}, "
        f"{counted(first['n_tokens'], 'word')}; "
        f"windows of {first['window']} words; {sum(first['n_missing'])} of the topics' top {first['top_n']} words "
        "are not in it"
    )


def print_rating(rating: dict[str, Any] | None) -> None:
    """The mean rating, the language model, and how much of its probability was on an answer."""
    if rating is None:
        return
    answered = sum(rating["mass"]) / len(rating["mass"])
    print(f"{'rating':<16} {rating['mean']:.3f} ± {rating['std']:.3f} (1 to 3)")
    print(
        f"{'rated by':<16} {rating['lm']} after {counted(rating['n_examples'], 'example')}, from the topics' top "
        f"{rating['top_n']} words; 1, 2 or 3 was {answered:.0%} of its answer"
    )
