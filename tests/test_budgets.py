import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "softtopic"
FILES = sorted(SOURCE.rglob("*.py"))
NAMES = [str(file.relative_to(SOURCE)) for file in FILES]


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef, *, whole: bool) -> int:
    """Lines of a function, or of its body alone, without the docstring."""
    first = function if whole else function.body[0]
    docstring = function.body[0] if ast.get_docstring(function) else None
    documented = 0 if docstring is None else (docstring.end_lineno or 0) - docstring.lineno + 1
    return (function.end_lineno or 0) - first.lineno + 1 - documented


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return [argument.arg for argument in given if argument.arg not in ("self", "cls")]


def test_the_sources_are_found():
    assert {"data/corpus.py", "features/store.py", "cli/fitting.py"} <= set(NAMES)


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_file_has_at_most_400_lines_without_docstrings(file):
    source = file.read_text(encoding="utf-8")
    documented = 0
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            documented += (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    # The estimator has a method, of one line, for everything that can be done.
    budget = 670 if file.name == "model.py" else 400
    assert len(source.splitlines()) - documented <= budget


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_function_has_at_most_40_lines(file):
    # Options of a command stand in its signature, each with its help.
    whole = "cli" not in file.parts
    assert {f.name: length(f, whole=whole) for f in functions(file) if length(f, whole=whole) > 40} == {}


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_function_has_at_most_six_arguments(file):
    checked = [f for f in functions(file) if f.name != "__init__" and "cli" not in file.parts]
    assert {f.name: arguments(f) for f in checked if len(arguments(f)) > 6} == {}


@pytest.mark.parametrize("word", ["pickle", "trust_remote_code=True", "torch.load("])
def test_no_file_can_run_code_of_others(word):
    # The word may stand in a docstring that says so, and nowhere else.
    assert [name for name, file in zip(NAMES, FILES, strict=True) if word in code_of(file)] == []


def code_of(file: Path) -> str:
    """The source without comments and docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)
