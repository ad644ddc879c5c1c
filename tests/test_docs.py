"""The pages of the documentation: they name what exists, and print what they say."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

from softtopic.errors import AssetError
from softtopic.storage.assets import asset_path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))
from run_page import python_blocks, run_blocks, with_outputs  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_blocks_of_python_import_what_exists(page):
    for block in python_blocks(page.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("softtopic"):
                module = importlib.import_module(node.module)
                assert not [one.name for one in node.names if not hasattr(module, one.name)]


def test_outputs_stand_below_their_blocks():
    page = "a\n```python\nprint(1)\n```\n```\nold\n```\nb\n```python\nx = 2\n```\nc\n```python\nprint(x)\n```\n"
    outputs = run_blocks(page)
    assert outputs == ["1\n", "", "2\n"]
    written = with_outputs(page, outputs)
    assert "old" not in written
    assert written.endswith("```python\nprint(x)\n```\n```\n2\n```\n")
    assert with_outputs(written, outputs) == written


def test_the_page_for_users_of_bertopic_prints_what_it_says():
    page = (ROOT / "docs" / "coming-from-bertopic.md").read_text(encoding="utf-8")
    assert with_outputs(page, run_blocks(page)) == page


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_blocks_of_the_tutorial_run_in_order():
    """Words, names and shares differ with the number format of a processor; what is printed does not."""
    try:
        asset_path("election-tweets")
    except AssetError as error:
        pytest.skip(str(error))
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    outputs = run_blocks(page)
    printed = re.findall(r"^```python\n.*?^```\n(?:```\n(.*?)^```\n)?", page, re.MULTILINE | re.DOTALL)
    assert [bool(output) for output in outputs] == [bool(output) for output in printed]
    assert outputs[0] == printed[0]


def test_the_page_for_users_of_bertopic_names_methods_that_exist():
    from softtopic import TopicModel

    page = (ROOT / "docs" / "coming-from-bertopic.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2] for line in page.splitlines() if line.startswith("| `")]
    names = {name for row in rows for name in re.findall(r"`(?:TopicModel\.)?([a-z_]+)\(", row)} - {"compare"}
    assert len(names) >= 25
    assert not [name for name in names if not hasattr(TopicModel, name)]


def test_promises_name_tests_that_exist():
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named, file = 0, ""
    for path, test in re.findall(r"`([\w/]*(?:\.py)?)(?:::(\w+))?`", page):
        if path.endswith(".py") and not path.startswith("benchmarks/"):
            file = path
            assert (ROOT / "tests" / file).is_file(), file
        if test:
            named += 1
            assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{test}"
    assert named > 40
