"""Commands that compare documents and models by their topics: `trends`, `groups`, `compare`."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softtopic.cli.building import parse_bins, read_documents
from softtopic.cli.options import (
    OUTPUT,
    Delimiter,
    Device,
    DocumentOptions,
    Encoding,
    Format,
    Json,
    Model,
    Quiet,
    Text,
    Time,
    TimeFormat,
)
from softtopic.cli.output import print_json, print_message, print_table, show_messages, table_records
from softtopic.errors import InputError
from softtopic.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from softtopic.model import TopicModel

log = logging.getLogger("softtopic")

TableFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="File for the whole table: .parquet, .csv, .xlsx or .jsonl; default: none.",
        rich_help_panel=OUTPUT,
    ),
]

# Adjusted p-values below which differences are significant.
_SIGNIFICANT = 0.05

_BARS = "▁▂▃▄▅▆▇█"


def trends(
    model: Model,
    file: Annotated[
        str | None, typer.Argument(help="Documents, whose mixtures are computed; default: those of the model.")
    ] = None,
    time: Time = None,
    time_format: TimeFormat = None,
    bins: Annotated[
        str | None,
        typer.Option(
            "--bins", help="Number of periods, or hour, day, week, month, quarter, year; default: by the times."
        ),
    ] = None,
    text: Text = "text",
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    out: TableFile = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the topics' shares over time, those that rise or fall first."""
    loaded = _open(model, out, device, quiet)
    if (file is None) != (time is None):
        raise InputError("a file and --time COLUMN go together; leave out both for the times kept by fit --time")
    options: dict[str, Any] = {"bins": parse_bins(bins)}
    times, docs = None, None
    if file is not None:
        corpus = read_documents(
            file,
            DocumentOptions(
                text=text, format=format, delimiter=delimiter, encoding=encoding, time=time, time_format=time_format
            ),
        )
        times, docs = corpus.times, corpus.texts
        options["theta"] = loaded.transform(corpus)
    periods = loaded.topics_over_time(times, docs=docs, **options)
    try:
        tests = loaded.trend_test(times, **options)
    except InputError as error:
        if not quiet:
            print_message(f"no test of trends: {error}")
        tests = None
    _write(out, periods)
    if as_json:
        print_json({"trends": [] if tests is None else table_records(tests), "periods": table_records(periods)})
        return
    shares = periods.pivot(index="Topic", columns="Bin_Start", values="Share")
    starts = [f"{start:%Y-%m-%d}" for start in (shares.columns[0], shares.columns[-1])]
    print(f"{counted(shares.shape[1], 'period')}, the first from {starts[0]}, the last from {starts[1]}\n")
    names = dict(zip(periods["Topic"], periods["Name"], strict=True))
    if tests is None:
        print_table(["share", "topic"], [[_bars(shares.loc[topic]), names[topic]] for topic in shares.index])
        return
    _print_trends(tests, shares)


def groups(
    model: Model,
    file: Annotated[str, typer.Argument(help="Documents, whose mixtures are computed.")],
    by: Annotated[
        str | None,
        typer.Option("--by", help="Column with the classes to compare; default: languages, where there are several."),
    ] = None,
    text: Text = "text",
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    out: TableFile = None,
    top: Annotated[int, typer.Option("--top", help="Number of topics to print for each class.")] = 5,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print, for each class of documents, the topics whose shares differ most from those of all other classes."""
    loaded = _open(model, out, device, quiet)
    if top < 1:
        raise InputError(f"--top is {top}; give a whole number of at least 1")
    corpus = read_documents(
        file, DocumentOptions(text=text, label=by, format=format, delimiter=delimiter, encoding=encoding)
    )
    classes = "language" if by is None else corpus.labels or ()
    table = loaded.topics_per_class(classes, docs=corpus.texts, theta=loaded.transform(corpus))
    _write(out, table)
    if as_json:
        print_json({"groups": table_records(table)})
        return
    rows = []
    for name, part in table.groupby("Class", sort=False):
        first = part.assign(size=part["P"]).sort_values("size", kind="stable").head(top)
        rows += [
            [
                str(name),
                f"{row['Share']:.1%}",
                f"{row['Low']:.1%}-{row['High']:.1%}",
                f"{row['Ratio']:.2f}",
                f"{row['Adjusted_P']:.2g}",
                f"{row['Name']}: {' '.join(row['Words'])}",
            ]
            for row in first.to_dict("records")
        ]
    print_table(["class", "share", "95 %", "ratio", "adjusted p", "topic: words that differ"], rows)
    if not any(p < _SIGNIFICANT for p in table["Adjusted_P"]):
        print("\nno difference is significant at 5 % after correction")


def compare(
    a: Annotated[Path, typer.Argument(help="Model folder: the earlier model.")],
    b: Annotated[Path, typer.Argument(help="Model folder: the later model.")],
    baseline: Annotated[
        list[Path] | None,
        typer.Option("--baseline", help="A fit like the first but for its seed, for the threshold; may be repeated."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Least similarity of topics that are the same, 0 to 1.")
    ] = None,
    out: TableFile = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print which topics two models share, and which appeared, vanished, split or merged."""
    from softtopic.data.writers import table_writer
    from softtopic.model import TopicModel
    from softtopic.topics.comparison import compare as compare_models

    show_messages(quiet)
    if out is not None:
        table_writer(out)
    models = [TopicModel.load(path) for path in (a, b, *(baseline or ()))]
    found = compare_models(models[0], models[1], baseline=models[2:], threshold=threshold)
    _write(out, found.changes)
    if as_json:
        print_json({"threshold": found.threshold, "changes": table_records(found.changes)})
        return
    print(", ".join(f"{count} {change}" for change, count in found.counts.items()), end="")
    print(f"; topics are the same from a similarity of {found.threshold:.2f}\n")
    rows = [
        [row["Change"], f"{row['Similarity']:.2f}", row["Name_A"] or "-", row["Name_B"] or "-"]
        for row in found.changes.to_dict("records")
    ]
    print_table(["change", "similarity", "first model", "second model"], rows)


def _open(model: Path, out: Path | None, device: str, quiet: bool) -> "TopicModel":
    """The model; what cannot be written is named before anything is computed."""
    from softtopic.data.writers import table_writer
    from softtopic.model import TopicModel

    show_messages(quiet)
    if out is not None:
        table_writer(out)
    loaded = TopicModel.load(model, device=device)
    loaded.progress = not quiet
    return loaded


def _write(out: Path | None, table: "pd.DataFrame") -> None:
    from softtopic.data.writers import write_table

    if out is not None:
        write_table(out, {column.lower(): _plain(table, column) for column in table.columns})
        log.info("%s in %s", counted(len(table), "row"), out)


def _plain(table: "pd.DataFrame", column: str) -> list[Any]:
    """The values of a column as strings and numbers: lists of words joined, times in ISO format."""
    values = table[column].tolist()
    if column == "Words":
        return [" ".join(words) for words in values]
    return [value.isoformat() for value in values] if column == "Bin_Start" else values


def _print_trends(tests: "pd.DataFrame", shares: "pd.DataFrame") -> None:
    rows = [
        [
            row["Trend"],
            f"{row['Early']:.1%}",
            f"{row['Late']:.1%}",
            f"{row['Adjusted_P']:.2g}",
            _bars(shares.loc[row["Topic"]]),
            row["Name"],
        ]
        for row in tests.to_dict("records")
    ]
    print_table(["trend", "early", "late", "adjusted p", "share over time", "topic"], rows)


def _bars(shares: "pd.Series") -> str:
    """Shares as a line of bars, the largest full; periods without documents are blank."""
    largest = shares.max()
    return "".join(
        " " if share != share else _BARS[round(float(share / largest) * (len(_BARS) - 1)) if largest > 0 else 0]
        for share in shares
    )
