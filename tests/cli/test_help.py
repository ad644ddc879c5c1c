"""What the help says: groups of options, examples that work, exit codes, completion, and the page made from it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import softtopic
from softtopic.cli import options
from softtopic.cli.reference import EXIT_CODES, PANELS, REFERENCES, described

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))
from command_line import PAGE, commands, page  # noqa: E402

COMMANDS = dict(commands())


def flags(command) -> set[str]:
    return {option for one in command.params for option in (*one.opts, *one.secondary_opts)}


def test_every_command_has_a_reference_and_no_other():
    assert REFERENCES.keys() - {"cache"} == COMMANDS.keys()
    assert {one.panel for one in REFERENCES.values()} == set(PANELS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_json_and_quiet_and_lists_the_keys(name):
    assert {"--json", "--quiet"} <= flags(COMMANDS[name])
    assert REFERENCES[name].keys


@pytest.mark.parametrize("name", [*COMMANDS, "cache"])
def test_short_help_has_examples(run, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = run(*name.split(), "-h")
    assert (code, err) == (0, "")
    assert all(example in out for example in REFERENCES[name].examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_have_options_that_exist(name):
    for example in REFERENCES[name].examples:
        words = shlex.split(next(part for part in example.split(" | ") if part.startswith("softtopic")))
        assert words[: 1 + len(name.split())] == ["softtopic", *name.split()]
        used = {word for word in words if re.match(r"--?[a-z]", word)}
        assert used <= flags(COMMANDS[name])


def test_options_stand_in_groups(run):
    out = run("fit", "-h")[1]
    headings = [options.OUTPUT, options.RECIPE, options.DOCUMENTS, options.LANGUAGE_MODEL, options.WORDS]
    places = [out.index(f"─ {heading} ─") for heading in headings]
    assert places == sorted(places)
    assert max(map(len, out.splitlines())) <= 80


def test_the_whole_help_names_commands_by_heading_and_exit_codes(run):
    code, out, _ = run("-h")
    assert code == 0
    assert out == run()[1] == run("--help")[1]
    places = [out.index(f"─ {heading} ─") for heading in PANELS]
    assert places == sorted(places)
    shown = " ".join(out.split())
    assert all(f"{code} {meaning.partition(';')[0]}" in shown for code, meaning in EXIT_CODES.items())


def test_a_group_of_commands_alone_shows_its_help(run):
    code, out, err = run("cache")
    assert (code, err) == (0, "")
    assert "softtopic cache ls" in out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["fit", "--topicz", "3"], "(Possible options: --topics); see softtopic fit -h"),
        (["fitt"], "Did you mean 'fit'; see softtopic -h"),
        (["cache", "cap"], "Missing argument 'size'; see softtopic cache cap -h"),
        (["search"], "see softtopic search -h"),
        (["search", "m", "q", "-k", "0"], "see softtopic search -h"),
        (["report", "m", "--by", "x"], "see softtopic report -h"),
    ],
)
def test_errors_name_the_help_of_their_command(run, given, said):
    code, out, err = run(*given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_the_module_is_the_same_program():
    def output(*command):
        return subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=True).stdout

    assert output("softtopic", "--version") == f"softtopic {softtopic.__version__}\n"
    assert output("softtopic", "topics", "-h") == output("softtopic.cli", "topics", "-h")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_completions(shell):
    asked = {"COMP_WORDS": "softtopic tre", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "softtopic tre",
             "_TYPER_COMPLETE_FISH_ACTION": "get-args", "_SOFTTOPIC_COMPLETE": f"complete_{shell}"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "softtopic"], capture_output=True, text=True, env=os.environ | asked, check=False
    )
    assert "trends" in done.stdout
    assert "fit" not in done.stdout.split()


def test_the_script_of_a_shell_calls_the_program():
    env = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "softtopic", "--show-completion", "bash"],
        capture_output=True, text=True, env=env, check=True,
    )  # fmt: skip
    assert "_SOFTTOPIC_COMPLETE=complete_bash" in done.stdout


def test_the_page_is_that_of_the_application():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python benchmarks/command_line.py"


def test_a_command_without_a_reference_is_shown_without_one():
    assert described("unheard") == {}
