"""Write docs/command-line.md from the application: commands, options, examples, keys of JSON, exit codes.

python benchmarks/command_line.py            # writes the page
python benchmarks/command_line.py --check    # exits with 1 where the page is out of date
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from softtopic.cli.app import app
from softtopic.cli.reference import EXIT_CODES, PANELS, REFERENCES

PAGE = Path(__file__).parents[1] / "docs" / "command-line.md"

INTRODUCTION = """# Command line

`softtopic COMMAND -h` shows the options of a command in groups, with examples; `python -m softtopic` is the same
program. This page is made from the application by `benchmarks/command_line.py`.

- **Documents** come from a file, or from standard input as `-`. **Models** are folders.
- **Results** go to standard output, messages and progress to standard error; `--quiet` leaves the latter out.
- `--json` prints one JSON object on standard output and nothing else. Its keys are listed with each command: new ones
  may be added, and those that are there stay.
- **Tables** fit the terminal and are in colour there; `NO_COLOR=1` turns colours off. In a pipe or a file they are
  plain text.
- **Completion**: `softtopic --install-completion` for bash, zsh, fish or PowerShell; `--show-completion` prints the
  script. `softtopic --version` prints the version.

## Exit codes

| Code | Meaning |
|---|---|
{codes}

## Commands

| Command | What it does |
|---|---|
{commands}
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Each command with its name, those of a group as "cache ls"."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", one) for inner, one in command.commands.items())
        else:
            yield name, command


def page() -> str:
    """The whole page."""
    known = sorted(commands(), key=lambda one: PANELS.index(REFERENCES[one[0]].panel))
    rows = [f"| [`{name}`](#{name.replace(' ', '-')}) | {_first_line(command)} |" for name, command in known]
    codes = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    top = INTRODUCTION.format(codes="\n".join(codes), commands="\n".join(rows))
    return "\n".join([top, *(_section(name, command) for name, command in known)])


def _first_line(command: Any) -> str:
    return (command.help or "").split("\n")[0]


def _section(name: str, command: Any) -> str:
    about = REFERENCES[name]
    keys = [f"| `{key}` | {_cell(meaning)} |" for key, meaning in about.keys.items()]
    return "\n".join([
        f"## {name}", "", _first_line(command), "",
        "```", *about.examples, "```", "",
        "| Option | Meaning |", "|---|---|", *_options(command), "",
        "| Key of `--json` | Value |", "|---|---|", *keys, "",
    ])  # fmt: skip


def _options(command: Any) -> Iterator[str]:
    """Arguments first, then options by group, each group under its heading."""
    groups: dict[str, list[Any]] = {}
    for one in command.params:
        heading = "Arguments" if one.param_type_name == "argument" else getattr(one, "rich_help_panel", None)
        groups.setdefault(heading or "Options", []).append(one)
    first = [name for name in ("Arguments", "Options") if name in groups]
    for heading in (*first, *(name for name in groups if name not in first)):
        if heading not in first:
            yield f"| *{heading}* | |"
        yield from map(_row, groups[heading])


def _row(one: Any) -> str:
    if one.param_type_name == "argument":
        names = one.name.upper()
    else:
        names = " ".join(f"`{option}`" for option in (*one.opts, *one.secondary_opts))
    plain = one.default is None or isinstance(one.default, bool) or callable(one.default)
    default = "" if plain or "default:" in (one.help or "") else f" Default: `{one.default}`."
    return f"| {names} | {_cell(one.help or '')}{default} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        raise SystemExit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
