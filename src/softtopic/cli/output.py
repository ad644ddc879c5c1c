"""What commands print and write: tables for people, JSON for programs."""

import json
import logging
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from softtopic.model import TopicModel


def show_messages(quiet: bool) -> None:
    """Log lines and warnings go to standard error, one line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("softtopic: %(message)s"))
    logger = logging.getLogger("softtopic")
    logger.handlers = [handler]
    logger.setLevel(logging.ERROR if quiet else logging.INFO)
    warnings.showwarning = lambda message, *_, **__: logger.warning("%s", message)


def topic_records(model: "TopicModel", words: int = 10) -> list[dict[str, Any]]:
    """The topics as plain values, largest first."""
    info = model.get_topic_info()
    return [
        {
            "topic": topic,
            "count": count,
            "words": [word for word, _ in model.get_topic(topic, words)],
            "representative_documents": model.get_representative_docs(topic),
        }
        for topic, count in zip(info["Topic"].tolist(), info["Count"].tolist(), strict=True)
    ]


def print_json(value: object) -> None:
    """One line of JSON."""
    print(json.dumps(value, ensure_ascii=False))


def print_topics(model: "TopicModel", words: int = 10) -> None:
    """A table of topics: number, size, words, a representative document."""
    from softtopic.topics.words import excerpt

    rows = [
        [
            str(row["topic"]),
            str(row["count"]),
            " ".join(row["words"]),
            excerpt(" ".join(row["representative_documents"][:1])),
        ]
        for row in topic_records(model, words)
    ]
    print_rows(["topic", "size", "words", "a representative document"], rows)


def print_fitted(model: "TopicModel", scores: dict[str, float | int] | None, out: Path) -> None:
    """What `fit` found, and where it is."""
    print_topics(model)
    if scores is not None:
        print_evaluation(scores)
    print(f"\nThe model is in {out}.")


def print_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; the last column takes what room the terminal leaves."""
    width = shutil.get_terminal_size((160, 24)).columns
    shown = [
        [cell if cell.isprintable() else "".join(c if c.isprintable() else " " for c in cell) for cell in row]
        for row in rows
    ]
    widths = [max(len(row[column]) for row in [head, *shown]) for column in range(len(head) - 1)]
    rest = max(24, width - sum(widths) - 2 * len(widths))
    for row in [head, *shown]:
        cells = [cell.ljust(size) for cell, size in zip(row, widths, strict=False)]
        last = row[-1] if len(row[-1]) <= rest else row[-1][: rest - 1] + "…"
        print("  ".join([*cells, last]).rstrip())


def print_estimate(cost: dict[str, int | float], *, as_json: bool) -> None:
    """What reading will take: a line each, or one JSON object."""
    if as_json:
        print_json(cost)
        return
    units = {"seconds": f"{cost['seconds']:,.0f}", "bytes": f"{cost['bytes']:,}"}
    for name, value in cost.items():
        print(f"{name:<10} {units.get(name, f'{value:,}'):>15}")


def print_evaluation(scores: dict[str, float | int]) -> None:
    print()
    for name, value in scores.items():
        print(f"{name:<16} {value:.3f}" if isinstance(value, float) else f"{name:<16} {value}")


def print_coherence(results: Sequence[dict[str, Any]]) -> None:
    """Measures side by side, and what they were measured against."""
    if not results:
        return
    print(f"{'coherence':<16} " + "   ".join(f"{r['measure']} {r['mean']:.3f} ± {r['std']:.3f}" for r in results))
    first = results[0]
    print(
        f"{'reference':<16} {first['reference']}: {first['n_documents']:,} documents, {first['n_tokens']:,} words; "
        f"windows of {first['window']} words; {sum(first['n_missing'])} of the topics' top {first['top_n']} words "
        "are not in it"
    )


def print_rating(rating: dict[str, Any] | None) -> None:
    """The mean rating, whose it is, and how far the language model answered at all."""
    if rating is None:
        return
    answered = sum(rating["mass"]) / len(rating["mass"])
    print(f"{'rating':<16} {rating['mean']:.3f} ± {rating['std']:.3f} (1 to 3)")
    print(
        f"{'rated by':<16} {rating['lm']} after {rating['n_examples']} examples, from the topics' top "
        f"{rating['top_n']} words; 1, 2 or 3 was {answered:.0%} of its answer"
    )


def write_text(out: Path | None, text: str) -> None:
    from softtopic.storage.atomic import staged_file

    if out is None:
        sys.stdout.write(text)
        return
    with staged_file(out) as staging:
        staging.write_text(text, encoding="utf-8")


def write_table(out: Path, ids: Sequence[str], theta: Any) -> None:
    import pandas as pd

    from softtopic.storage.atomic import staged_file

    columns = {"id": list(ids), "topic": theta.argmax(axis=1)}
    frame = pd.DataFrame(columns | {f"theta_{topic}": theta[:, topic] for topic in range(theta.shape[1])})
    with staged_file(out) as staging:
        if out.suffix == ".parquet":
            frame.to_parquet(staging, index=False)
        else:
            frame.to_csv(staging, index=False)
