import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from softtopic.cli.app import app
from softtopic.cli.building import parse_guide_options
from softtopic.cli.options import with_groups
from softtopic.data.formats import FORMATS
from softtopic.data.vocabulary import VOCABULARY_SIZE
from softtopic.errors import InputError


@dataclass(frozen=True)
class Colours:
    warm: Annotated[str, typer.Option("--warm", help="A warm one.")] = "red"
    cold: Annotated[str | None, typer.Option("--cold")] = None


def test_a_group_is_its_options_on_the_command_line_and_one_value_in_the_command():
    calls = []

    @with_groups
    def paint(
        context: typer.Context,
        file: str,
        colours: Colours = Colours(),
        coats: Annotated[int, typer.Option("--coats")] = 1,
    ) -> None:
        """Paint a file."""
        calls.append((context.info_name, file, colours, coats))

    assert list(inspect.signature(paint).parameters) == ["context", "file", "warm", "cold", "coats"]
    painter = typer.Typer()
    painter.command()(paint)
    run = CliRunner().invoke
    assert run(painter, ["wall", "--cold", "blue", "--coats", "2"]).exit_code == 0
    assert run(painter, ["door"]).exit_code == 0
    assert [call[1:] for call in calls] == [("wall", Colours(cold="blue"), 2), ("door", Colours(), 1)]
    assert run(painter, ["wall", "--hot", "red"]).exit_code == 2
    assert "Paint a file." in run(painter, ["--help"]).output


def test_every_command_that_reads_documents_is_told_their_format_separator_and_encoding():
    commands = typer.main.get_command(app).commands
    reading = {name: {option.name for option in one.params} for name, one in commands.items()}
    # encode reads Parquet files alone, bench several files at once; the text of explain is one document.
    others = ("encode", "bench", "explain")
    reading = {name: options for name, options in reading.items() if "text" in options and name not in others}
    assert {"fit", "groups", "plot", "name", "report", "export", "trends", "serve"} <= reading.keys()
    assert [name for name, options in reading.items() if not {"format", "delimiter", "encoding"} <= options] == []


def test_help_names_what_the_code_knows():
    shown = " ".join(CliRunner().invoke(app, ["teach", "--help"]).output.split())
    assert f"default: {VOCABULARY_SIZE}." in shown
    assert ", ".join(FORMATS).replace(", txt", " or txt") in shown


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, None),
        (["space", "hockey"], ["space", "hockey"]),
        (["space=nasa, orbit", "hockey"], {"space": ["nasa", "orbit"], "hockey": ["hockey"]}),
    ],
)
def test_guides_are_names_with_words_or_names_alone(options, expected):
    assert parse_guide_options(options) == expected


def test_a_guide_named_twice_is_refused():
    with pytest.raises(InputError, match="--guide names 'space' twice"):
        parse_guide_options(["space=nasa", "space=orbit"])
