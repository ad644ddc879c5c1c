import json
import subprocess
import sys

import pytest

import softtopic

HEAVY = ["torch", "pandas", "transformers", "sklearn", "scipy", "pyarrow", "numpy", "plotly"]


def loaded_after(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after this code."""
    report = (
        f"\nimport json, sys\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_importing_the_package_loads_nothing():
    assert loaded_after("import softtopic; dir(softtopic)") == set()


def test_importing_the_package_changes_nothing():
    code = """
import logging, warnings
filters = list(warnings.filters)
import softtopic
assert warnings.filters == filters
assert not logging.getLogger("softtopic").handlers + logging.root.handlers
"""
    assert loaded_after(code) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    code = f"from softtopic.cli import main\ntry: main({arguments})\nexcept SystemExit as left: assert not left.code"
    assert loaded_after(code) <= {"numpy"}


def test_help_is_printed_by_the_command():
    command = [sys.executable, "-m", "softtopic.cli", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Usage: " in done.stdout
    assert " fit " in done.stdout
    assert done.stderr == ""


def test_reading_documents_needs_no_language_model():
    assert not loaded_after("from softtopic import Corpus, read_corpus, RetrievalIndex") & {"torch", "transformers"}


def test_the_embedded_models_need_no_transformers(embedded_lm):
    code = """
import torch
from softtopic.lm.encoder import SentenceEncoder
from softtopic.lm.engine import open_reader
from softtopic.lm.loading import load_language_model

open_reader(load_language_model("smollm2-135m", torch.device("cpu"), torch.float32), [5])
SentenceEncoder()(["The rocket reached its orbit."])
assert "torch._dynamo" not in sys.modules
"""
    assert "transformers" not in loaded_after("import sys" + code)


ROOMS = [
    "topics.table",
    "topics.search",
    "topics.words",
    "topics.naming",
    "topics.map",
    "plots.maps",
    "state",
    "recipes",
]


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_said_of_topics_needs_no_torch(room):
    assert not loaded_after(f"import softtopic.{room}") & {"torch", "transformers", "plotly"}


@pytest.mark.parametrize("name", softtopic.__all__)
def test_every_public_name_is_there(name):
    assert name in dir(softtopic)
    value = getattr(softtopic, name)
    assert name == "__version__" or value.__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'softtopic' has no attribute 'nonsense'"):
        _ = softtopic.nonsense
