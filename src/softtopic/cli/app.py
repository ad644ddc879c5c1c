"""The application: every command of the command line."""

from typing import Annotated

import typer

from softtopic import __version__
from softtopic.cli.applying import documents, index, search, topics, transform
from softtopic.cli.assets import fetch
from softtopic.cli.bench import bench
from softtopic.cli.cache import cache
from softtopic.cli.comparing import compare, groups, trends
from softtopic.cli.describing import explain, info
from softtopic.cli.editing import edit
from softtopic.cli.evaluation import evaluate
from softtopic.cli.exporting import export
from softtopic.cli.fitting import demo, fit, teach
from softtopic.cli.naming import name
from softtopic.cli.part_runs import encode
from softtopic.cli.plotting import plot, report
from softtopic.cli.reference import described, exit_codes
from softtopic.cli.renewing import update
from softtopic.cli.serving import serve

app = typer.Typer(
    name="softtopic",
    help="Find the topics of a text collection by distilling a language model.",
    epilog=f"softtopic COMMAND -h shows the options of a command, with examples.\n\n{exit_codes()}",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"softtopic {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    del version


for command in (
    demo,
    teach,
    encode,
    fit,
    topics,
    info,
    name,
    documents,
    transform,
    index,
    search,
    explain,
    trends,
    groups,
    compare,
    plot,
    report,
    export,
    serve,
    edit,
    update,
    evaluate,
    bench,
    fetch,
):
    app.command(**described(command.__name__))(command)
app.add_typer(cache, **described("cache"))
