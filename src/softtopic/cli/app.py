"""The application: every command of the command line."""

from typing import Annotated

import typer

from softtopic import __version__
from softtopic.cli.applying import documents, search, topics, transform
from softtopic.cli.assets import fetch
from softtopic.cli.bench import bench
from softtopic.cli.cache import cache
from softtopic.cli.comparing import compare, groups, trends
from softtopic.cli.editing import edit
from softtopic.cli.evaluation import evaluate
from softtopic.cli.fitting import demo, fit, teach
from softtopic.cli.naming import name
from softtopic.cli.plotting import plot, report
from softtopic.cli.renewing import update

app = typer.Typer(
    name="softtopic",
    help="Find the topics of a text collection by distilling a language model.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
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
    fetch,
    demo,
    teach,
    fit,
    topics,
    name,
    documents,
    transform,
    search,
    trends,
    groups,
    compare,
    plot,
    report,
    edit,
    update,
    evaluate,
    bench,
):
    app.command()(command)
app.add_typer(cache)
