"""Blocks of the documentation: each runs, or says why it cannot and is checked against the signatures it calls."""

import ast
import inspect
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer.main

import softtopic
from softtopic import TopicModel
from softtopic.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# History keeps the commands of its time; the tutorial and the page for users of BERTopic have tests of their own.
CURRENT = [ROOT / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if page != DOCS / "log.md")]
NAMES = [str(page.relative_to(ROOT)) for page in CURRENT]
# Pages whose blocks run on the small model of this module, unless a comment above a block says why not.
RUN = [
    *sorted((DOCS / "tasks").glob("*.md")),
    *(DOCS / f"{page}.md" for page in ("faq", "coming-from-gensim", "recipe")),
]

BLOCK = re.compile(r"^(?P<reason><!-- not run: .+ -->\n)?```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```(?:bash|sh|console)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?softtopic ([a-z].*)$", re.MULTILINE)

THEMES = (
    "rocket orbit launch satellite moon astronaut engine capsule",
    "bread butter oven flour sugar recipe dough yeast",
    "loan interest bank credit mortgage payment savings account",
    "goal player team season coach match stadium league",
    "guitar concert album singer melody piano drums chorus",
)


def small_texts(n: int) -> list[str]:
    """Texts of five themes, five words each; every one is distinct."""
    words = [theme.split() for theme in THEMES]
    return [" ".join(words[i % 5][(i // 5 + step) % 8] for step in range(5)) + f". Part {i}." for i in range(n)]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    """The folder of a model of words: quick, and without any asset."""
    texts = small_texts(150)
    times = pd.date_range("2020-01-01", periods=150, freq="2D")
    corpus = softtopic.Corpus.from_texts(texts, times=times)
    path = tmp_path_factory.mktemp("docs") / "model"
    TopicModel(5, recipe="prodlda").set_params(recipe__training__epochs=20).fit(corpus).save(path)
    return path


@pytest.fixture
def names(fitted, tmp_path, monkeypatch) -> dict:
    """What blocks may use without making it: a model, its texts, times and classes, and new texts."""
    monkeypatch.chdir(tmp_path)
    model = softtopic.load(fitted)
    model.save("model/")
    texts = small_texts(150)
    return {
        "__name__": "page",
        "TopicModel": TopicModel,
        "model": model,
        "january": model,
        "february": softtopic.load(fitted),
        "others": [softtopic.load(fitted)],
        "texts": texts,
        "text": "The rocket left its orbit. Bread needs flour and yeast.",
        "new_texts": small_texts(170)[150:],
        "times": pd.date_range("2020-01-01", periods=150, freq="2D"),
        "classes": ["a" if i % 3 else "b" for i in range(150)],
        "frame": pd.DataFrame({"text": texts, "author": ["a", "b"] * 75}),
        "vectors": np.ones((150, 4), dtype=np.float32),
        "my_tokenizer": str.split,
        "np": np,
        "pd": pd,
    }


def blocks(page: Path) -> list[re.Match]:
    return list(BLOCK.finditer(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", RUN, ids=[page.stem for page in RUN])
def test_blocks_run(page, names):
    for place, block in enumerate(blocks(page), 1):
        if not block["reason"]:
            exec(compile(block["code"], f"{page.name}, block {place}", "exec"), names)


@pytest.mark.parametrize("page", CURRENT, ids=NAMES)
def test_blocks_call_what_exists(page):
    """Calls of the model, of `TopicModel` and of what a block imports from softtopic fit their signatures."""
    for place, block in enumerate(blocks(page), 1):
        tree = ast.parse(block["code"])
        imported = {
            alias.asname or alias.name: getattr(__import__(node.module, fromlist=["x"]), alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("softtopic")
            for alias in node.names
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            target = called(call.func, imported)
            if target is not None and not any(isinstance(one, ast.Starred) for one in call.args):
                keywords = {one.arg: None for one in call.keywords if one.arg}
                try:
                    inspect.signature(target).bind(*[None] * len(call.args), **keywords)
                except TypeError as error:
                    pytest.fail(f"{page.name}, block {place}: {ast.unparse(call)}: {error}")


def called(function: ast.expr, imported: dict) -> object | None:
    """What a block calls, if it is part of softtopic."""
    if isinstance(function, ast.Name):
        return {"TopicModel": TopicModel, **imported}.get(function.id)
    if isinstance(function, ast.Attribute):
        owner = ast.unparse(function.value)
        if re.fullmatch(r"(\w*_)?model|TopicModel|automatic|guided|news|again", owner.partition("(")[0]):
            name = function.attr
            assert hasattr(TopicModel, name), f"TopicModel has no {name}"
            method = inspect.getattr_static(TopicModel, name)
            bound = isinstance(method, classmethod)
            return getattr(TopicModel, name) if bound else getattr(TopicModel(), name, None)
        if owner == "softtopic":
            return getattr(softtopic, function.attr)
    return None


def command_lines(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [
        line
        for block in CONSOLE.findall(text)
        for line in COMMAND.findall(block.replace("\\\n", " "))
        if "…" not in line
    ]


def parse(line: str) -> None:
    """Read a command line by the parser itself: names, options, values and what is required."""
    name, *arguments = shlex.split(re.split(r" [|>] ", line)[0], comments=True)
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert name in command.commands, f"softtopic {name}: no such command"
        command = command.commands[name]
        if hasattr(command, "commands"):
            name, *arguments = arguments
    command.make_context(name, arguments)


@pytest.mark.parametrize("page", CURRENT, ids=NAMES)
def test_command_lines_are_parsed(page):
    for line in command_lines(page):
        parse(line)


@pytest.mark.parametrize(
    "line", ["fit posts.csv --topic 5", "teh model/", "search model/", "cache list", "fit posts.csv --seed one"]
)
def test_command_lines_with_mistakes_are_noticed(line):
    with pytest.raises(Exception, match=r"(?i)no such|missing|valid integer|not a valid"):
        parse(line)


def test_every_block_that_does_not_run_says_why():
    skipped = [block for page in RUN for block in blocks(page) if block["reason"]]
    assert len(skipped) < sum(len(blocks(page)) for page in RUN) / 2
