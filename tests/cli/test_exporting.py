"""`softtopic export`, and what commands print with --json: the keys of the reference."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from softtopic import Corpus, TopicModel
from softtopic.cli.reference import REFERENCES
from softtopic.recipes import RECIPES


@pytest.fixture(scope="module")
def fitted(texts, tmp_path_factory):
    """A model with times that needs no language model."""
    recipe = RECIPES["prodlda"].with_options(training__epochs=3, training__batch_size=4)
    path = tmp_path_factory.mktemp("fitted") / "model"
    times = [f"202{row % 5}-01-01" for row in range(len(texts))]
    TopicModel(3, recipe=recipe, vocabulary=40).fit(Corpus.from_texts(texts, times=times)).save(path)
    return path


@pytest.fixture
def folder(fitted, tmp_path):
    return shutil.copytree(fitted, tmp_path / "m")


def test_a_workbook_has_a_sheet_for_each_table(run, fitted, posts, tmp_path):
    pytest.importorskip("openpyxl")
    given = ["export", fitted, posts, "--text", "body", "--by", "group", "--out", tmp_path / "t.xlsx", "--quiet"]
    code, out, err = run(*given)
    assert (code, err) == (0, "")
    assert out == f"3 topics, 12 documents, 15 trends, 15 groups are in {tmp_path / 't.xlsx'}.\n"
    sheets = pd.read_excel(tmp_path / "t.xlsx", sheet_name=None)
    assert {name: len(table) for name, table in sheets.items()} == {
        "topics": 3, "documents": 12, "trends": 15, "groups": 15,
    }  # fmt: skip
    assert json.loads(run(*given, "--json")[1])["tables"]["groups"] == 15


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_folder_has_a_file_for_each_table(run, fitted, tmp_path, kind):
    code, _, err = run("export", fitted, "--out", tmp_path / "tables", "--tables", kind)
    assert (code, err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        f"documents.{kind}", f"topics.{kind}", f"trends.{kind}",
    ]  # fmt: skip


def test_a_graph_of_topics(run, fitted, tmp_path):
    code, out, err = run("export", fitted, "--out", tmp_path / "t.graphml")
    assert (code, err) == (0, "")
    assert out.startswith("3 nodes, ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--out", "a.docx"], "a.docx ends in .docx; give a file that ends in .xlsx or .graphml, or a folder"),
        (["--out", "a.graphml", "--tables", "csv"], "format is 'csv' and a.graphml is one file"),
        (["--out", "a", "--tables", "ods"], "give a folder, and one of csv, parquet"),
        (["--out", "m"], "m is a model folder; give another folder"),
        (["--by", "group"], "a file goes together with --by COLUMN"),
    ],
)
def test_wrong_use_is_one_line(run, folder, given, said):
    code, out, err = run("export", folder, *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_documents_of_another_file_are_refused(run, fitted, posts, tmp_path):
    pd.read_csv(posts).head(5).to_csv(tmp_path / "few.csv", index=False)
    given = [tmp_path / "few.csv", "--text", "body", "--by", "group", "--out", tmp_path / "t", "--quiet"]
    code, _, err = run("export", fitted, *given)
    assert (code, err) == (2, "softtopic: 5 classes for a model of 12 documents; give one for each\n")


def test_json_has_the_keys_of_the_reference(run, folder, posts, tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    documents = [posts, "--text", "body"]
    calls = {
        "topics": [[folder], [folder, "--tree"], [folder, "--out", tmp_path / "t.csv"]],
        "info": [[folder]],
        "documents": [[folder, "--limit", 2], [folder, "--out", tmp_path / "d.csv"]],
        "transform": [
            [folder, *documents],
            [folder, *documents, "--out", tmp_path / "x.csv"],
            [folder, *documents, "--out", f"{tmp_path}/x/"],
        ],
        "search": [[folder, "bread"]],
        "explain": [[folder, "Join the tables. Bake bread."]],
        "trends": [[folder]],
        "groups": [[folder, *documents, "--by", "group"]],
        "compare": [[folder, folder]],
        "edit": [[folder, "--rename", "0=Zero"], [folder, "--suggest"]],
        "report": [[folder, "--out", tmp_path / "r.html"]],
        "plot": [[folder, "--out", tmp_path / "p.html"]],
        "export": [[folder, "--out", tmp_path / "tables"]],
        "cache ls": [[]],
        "cache clear": [[]],
        "cache cap": [["900GB"]],
    }
    for name, ways in calls.items():
        seen = set()
        for arguments in ways:
            code, out, err = run(*name.split(), *arguments, "--json", "--quiet")
            assert (code, err) == (0, ""), name
            seen |= json.loads(out).keys()
        assert seen == REFERENCES[name].keys.keys(), name


def test_rows_are_called_the_same_in_search_and_in_documents(run, folder):
    hits = json.loads(run("search", folder, "bread", "--json")[1])["hits"]
    listed = json.loads(run("documents", folder, "--json")[1])["documents"]
    assert hits[0].keys() & listed[0].keys() == {"document", "id", "text", "topic"}
    for hit in hits:
        assert {name: listed[hit["document"]][name] for name in ("id", "text", "topic")} == {
            name: hit[name] for name in ("id", "text", "topic")
        }
    of_topic = TopicModel.load(folder).get_documents(hits[0]["topic"])
    assert of_topic["Text"].tolist() == [listed[row]["text"] for row in of_topic["Document"]]


def test_mixtures_go_to_standard_output_as_lines_or_as_one_object(run, folder, posts):
    given = ["transform", folder, posts, "--text", "body", "--quiet"]
    lines = run(*given, "--out", "-")[1]
    assert lines == run(*given)[1]
    shown = json.loads(run(*given, "--json")[1])
    assert shown["documents"] == [json.loads(line) for line in lines.splitlines()]
    assert shown["topics"] == [0, 1, 2]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_what_transform_has_written_is_read_again(run, folder, posts, tmp_path, suffix):
    given = ["--text", "body", "--keep-columns"]
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    assert run("transform", folder, posts, *given, "--out", first, "--quiet")[0] == 0
    code, _, err = run("transform", folder, first, *given, "--out", second)
    assert code == 0, err
    assert "columns of an earlier transform are replaced: topic, name, theta" in err
    assert second.read_bytes() == first.read_bytes()


def test_topics_of_a_file_say_where_they_are(run, folder, tmp_path):
    out = run("topics", folder, "--out", tmp_path / "t.csv")[1]
    assert out.endswith(f"\n3 topics are in {tmp_path / 't.csv'}.\n")


def test_facts_and_explanations_are_printed(run, folder):
    code, out, err = run("info", folder)
    assert (code, err) == (0, "")
    assert out.startswith("Documents")
    assert "Plan of the fit:" in out
    run("edit", folder, "--rename", "0=Zero")
    assert "3, after 1 edit\n" in run("info", folder)[1]
    code, out, err = run("explain", folder, "Join the tables. Bake bread.", "--topics", "2")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 5
    assert run("explain", folder, " ")[2] == "softtopic: the text is empty; give one or more sentences\n"


def test_edits_are_quiet_on_request(run, folder):
    assert run("edit", folder, "--rename", "0=Zero", "--quiet")[2] == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--bins", "month"], "--bins is of --kind over-time, and --kind is topics; leave it out"),
        (["--kind", "heatmap", "--by", "x"], "--by is of --kind per-class, and --kind is heatmap"),
        (["--kind", "documents", "--document", "x"], "--document is of --kind distribution"),
        (
            ["posts.csv", "--kind", "barchart"],
            "posts.csv, are for --kind over-time or per-class, and --kind is barchart",
        ),
        (
            ["barchart"],
            "here barchart, are for --kind over-time or per-class, and --kind is topics; did you mean --kind",
        ),
    ],
)
def test_options_of_other_figures_are_refused(run, folder, given, said):
    code, out, err = run("plot", folder, *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_ids_are_all_there(run, texts):
    from softtopic.errors import InputError

    for missing in (None, float("nan"), np.nan):
        with pytest.raises(InputError, match=r"ids\[1\] is (None|nan); give each document an id, or no ids at all"):
            Corpus.from_texts(texts[:2], ids=["a", missing])
    assert Corpus.from_texts(texts[:2], ids=[3.5, 4]).ids == ("3.5", "4")
