"""What a package index and its users see: the wheel's files, links of the README, how to cite."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import metadata
from importlib.resources import files
from pathlib import Path

import pytest

import softtopic

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_to_files(page):
    found = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert not [link for link in found if not (page.parent / link).exists()]


def test_authors_and_licence_are_named():
    assert PROJECT["authors"] == [{"name": "softtopic contributors"}]
    assert PROJECT["license"] == "Apache-2.0"
    assert metadata("softtopic")["Summary"] == PROJECT["description"]


def test_the_citation_is_of_this_version():
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    said = {line.partition(": ")[0]: line.partition(": ")[2].strip('"') for line in lines if not line.startswith(" ")}
    assert (said["version"], said["license"]) == (softtopic.__version__, PROJECT["license"])
    assert (said["cff-version"], said["title"]) == ("1.2.0", "softtopic")
    assert said["abstract"] == PROJECT["description"]
    assert lines[lines.index("authors:") + 1].strip() == "- name: softtopic contributors"


@pytest.mark.parametrize("name", ["report/page.html", "report/page.css", "report/page.js", "py.typed"])
def test_files_that_are_no_code_are_found(name):
    assert files("softtopic").joinpath(name).is_file()


def test_packages_that_are_imported_without_an_extra_are_required():
    required = {re.split(r"[><=!;\[ ]", one)[0] for one in PROJECT["dependencies"]}
    assert {"rich", "typer", "pandas"} <= required


@pytest.mark.slow
def test_a_wheel_has_the_pages(tmp_path):
    """Built without isolation, where the build system is installed."""
    pytest.importorskip("hatchling")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("softtopic-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"softtopic/report/page.{kind}" for kind in ("html", "css", "js")} <= names
    assert not [name for name in names if name.startswith("tests/")]
