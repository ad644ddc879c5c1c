"""The documentation as a site: it builds, every page is in it, and its sentences can be read."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import softtopic

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
# History and results are made of figures.
PROSE = [
    ROOT / "README.md",
    *(page for page in PAGES if page != DOCS / "log.md" and DOCS / "results" not in page.parents),
]
IMAGES = sorted((DOCS / "images").glob("*"))
MOST_NUMBERS = 3
# The theme advertises its successor, which is not a warning about these pages.
QUIET = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}


class _Configuration(yaml.SafeLoader):
    """Reads mkdocs.yml without the Python objects that it may name."""


_Configuration.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def in_navigation(entry: object) -> list[str]:
    """The files of a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    return [file for part in (entry.values() if isinstance(entry, dict) else entry) for file in in_navigation(part)]


def test_every_page_is_in_the_navigation():
    configuration = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), _Configuration)
    assert sorted(in_navigation(configuration["nav"])) == sorted(str(page.relative_to(DOCS)) for page in PAGES)
    assert configuration["theme"]["font"] is False


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing(tmp_path):
    """`make docs`: links, anchors and docstrings are right, and no page asks another host for anything."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, env=QUIET)
    assert built.returncode == 0, built.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES)
    loaded = re.compile(
        r"<(?:script|img|iframe)\b[^>]*\bsrc=[\"']?(https?:|//)|<link\b[^>]*rel=[\"']?stylesheet[^>]*href=[\"']?(https?:|//)"
    )
    assert not [page.name for page in pages if loaded.search(page.read_text(encoding="utf-8"))]


def test_exported_names_are_documented():
    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    named = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert name == "softtopic.errors" or hasattr(importlib.import_module(module), attribute), name
    documented = {name.rpartition(".")[2] for name in named} | {"SofttopicError"}
    assert set(softtopic.__all__) - {"__version__"} <= documented


def sentences(page: str) -> list[str]:
    """Sentences outside tables, code, comments and figures; a heading, an item or a cell ends one, too."""
    page = re.sub(r"^( *)```.*?^\1```$", "", page, flags=re.MULTILINE | re.DOTALL)
    page = re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)
    page = re.sub(r"^(?:\||:::| {4,}\S).*$", "", page, flags=re.MULTILINE)
    page = re.sub(r"^(#.*)$", r"\1\n", page, flags=re.MULTILINE)
    page = re.sub(r"^\s*(?:[-*]|\d+\.) ", "\n\n", page, flags=re.MULTILINE)
    page = re.sub(r"`[^`]*`", "code", page)
    page = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", page)
    page = re.sub(r"\[\d+\]|\(\d\) |\b(?:19|20)\d\d[a-z]?(?=[);])", "", page)  # references and enumerations
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", page)]
    return [one for part in paragraphs for one in re.split(r"(?<=[.!?])\s+(?=[A-Z\d(*\[]|code )", part) if one]


def numbers(sentence: str) -> list[str]:
    """Numbers of a sentence; digits that are part of a name (P@5, AVX-512, int8) are none."""
    return re.findall(r"(?<![\w.@\-\d,])[.\d]*\d[\d,]*(?:\.\d+)*(?:e-?\d+)?", sentence)


def test_sentences_and_their_numbers_are_found():
    page = (
        "# 1\n- 2 and 3,000.\n- .5\n\n| 6 | 7 |\n\n```\n8 9\n```\n"
        "It is 1e-8, `10 11`, P@5 [9] and 12 % (Who, 2021). Another: 1.5.\n"
    )
    assert [numbers(one) for one in sentences(page)] == [["1"], ["2", "3,000"], [".5"], ["1e-8", "12"], ["1.5"]]


@pytest.mark.parametrize("page", PROSE, ids=[str(page.relative_to(ROOT)) for page in PROSE])
def test_no_sentence_has_more_than_three_numbers(page):
    crowded = [one for one in sentences(page.read_text(encoding="utf-8")) if len(numbers(one)) > MOST_NUMBERS]
    assert not crowded, f"put these numbers into a table: {crowded}"


def test_pictures_are_small():
    sizes = {image.name: image.stat().st_size for image in IMAGES}
    assert all(size <= 150_000 for size in sizes.values()), sizes
    assert sum(sizes.values()) <= 1_200_000


def test_pictures_have_descriptions_and_exist():
    for page in [ROOT / "README.md", *PAGES]:
        for description, target in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", page.read_text(encoding="utf-8")):
            assert description, f"{page.name}: {target}"
            assert (page.parent / target).is_file(), f"{page.name}: {target}"
