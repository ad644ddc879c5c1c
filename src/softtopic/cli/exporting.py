"""`softtopic export`: the tables of a model, for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from softtopic.cli.options import (
    OUTPUT,
    Delimiter,
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
from softtopic.cli.output import print_json, show_messages
from softtopic.cli.plotting import classes_and_times


def export(
    model: Model,
    file: Annotated[
        str | None, typer.Argument(help="The documents of the fit in their order, for --by and --time; default: none.")
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Workbook (.xlsx), graph of topics (.graphml), or a folder of tables.", rich_help_panel=OUTPUT
        ),
    ] = Path("topics.xlsx"),
    tables: Annotated[
        str | None,
        typer.Option("--tables", help="Files of a folder: csv or parquet; default: csv.", rich_help_panel=OUTPUT),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Column with classes, for a table of groups.")] = None,
    time: Time = None,
    time_format: TimeFormat = None,
    text: Text = "text",
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the topics, documents, trends and groups of a model for Excel and other programs."""
    from softtopic.model import TopicModel
    from softtopic.topics.export import check_export

    show_messages(quiet)
    check_export(out, tables)
    options = DocumentOptions(
        text=text, format=format, delimiter=delimiter, encoding=encoding, label=by, time=time, time_format=time_format
    )
    given = classes_and_times("export", file, options)
    rows = TopicModel.load(model).export(out, format=tables, **given)
    if as_json:
        print_json({"out": str(out), "tables": rows})
    else:
        print(f"{', '.join(f'{count:,} {name}' for name, count in rows.items())} are in {out}.")
