import json
import shutil

import pandas as pd
import pytest

from softtopic import Corpus, TopicModel
from softtopic.plots import style
from softtopic.plots.registry import PLOTS

BROWSER = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)


@pytest.fixture(scope="module")
def model(texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plotted") / "model"
    TopicModel(3, recipe="prodlda", vocabulary=40, features=None).fit(Corpus.from_texts(texts)).save(folder)
    return folder


@pytest.fixture
def dated(posts, tmp_path):
    path = tmp_path / "dated.csv"
    table = pd.read_csv(posts)
    table.assign(date=[f"20{10 + row % 5}-01-01" for row in range(len(table))]).to_csv(path, index=False)
    return path


def test_every_kind_has_a_method():
    methods = {name for name in dir(TopicModel) if name.startswith("visualize_")}
    assert set(PLOTS.values()) == methods


def test_all_kinds_of_figures_are_written(run, model, dated, tmp_path):
    more = {
        "over-time": [dated, "--text", "body", "--time", "date"],
        "per-class": [dated, "--text", "body", "--by", "group"],
        "distribution": ["--document", "Join tables. Bake bread."],
        "stability": ["--other", model],
    }
    for kind in PLOTS.keys() - {"selection"}:
        given = ["--kind", kind, "--out", tmp_path / "figure.html", "--quiet"]
        code, out, err = run("plot", model, *more.get(kind, []), *given)
        assert (code, err) == (0, ""), kind
        assert "The figure is in" in out
        assert (tmp_path / "figure.html").stat().st_size > 1e6


def test_one_json_object(run, model, tmp_path):
    code, out, err = run("plot", model, "--kind", "barchart", "--topics", "1", "--out", tmp_path / "a.html", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"kind": "barchart", "out": str(tmp_path / "a.html")}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--kind", "pie"], "give one of barchart, topics"),
        (["--out", "a.docx"], "a.docx names no format of figures"),
        (["--topics", "a"], "give numbers of topics, as 3,17"),
        (["--kind", "selection"], "fit with n_topics='auto'"),
        (["--kind", "selection", "--topics", "1"], "--topics is no option of --kind selection"),
        (["--kind", "per-class"], "needs a file of documents and --by COLUMN"),
        (["--kind", "over-time", "--time", "date"], "a file and --time COLUMN go together"),
        (["--kind", "distribution"], "needs --document"),
        (["--kind", "stability"], "needs --other"),
        (["--kind", "over-time"], "the times of the documents are not known"),
    ],
)
def test_wrong_use_is_one_line(run, model, given, message):
    code, out, err = run("plot", model, *given)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_missing_plotly_is_said_before_the_model_is_loaded(run, tmp_path, monkeypatch):
    monkeypatch.setattr(style, "find_spec", lambda name: None)
    code, _, err = run("plot", tmp_path / "none", "--out", tmp_path / "a.html")
    assert code == 2
    assert "pip install 'softtopic[plots]'" in err


@pytest.mark.skipif(BROWSER is None, reason="images need Chrome or Chromium, which is not on this machine")
def test_an_image_is_written(run, model, tmp_path):
    code, _, err = run("plot", model, "--kind", "barchart", "--out", tmp_path / "a.svg")
    assert (code, err) == (0, "")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg")
