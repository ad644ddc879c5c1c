"""Tables and graphs of a model for other programs."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from fitted_states import HOSTILE, fitted_state

from softtopic.errors import InputError
from softtopic.topics import export
from softtopic.topics.comparison import topic_similarity
from softtopic.topics.export import check_export, export_tables
from softtopic.topics.hierarchy import hierarchical_topics
from softtopic.topics.network import topic_graph
from softtopic.topics.table import topics_of

N = 60


@pytest.fixture(scope="module")
def state():
    texts = [HOSTILE[row % len(HOSTILE)] + f" {row} word1 word2" for row in range(N)]
    times = [f"202{row % 5}-05-06" for row in range(N)]
    return fitted_state(N, 8, texts=texts, names=["=cmd()", *[""] * 7], times=times)


@pytest.fixture(scope="module")
def classes():
    return ["a", "b", "=c"] * (N // 3)


def test_tables_have_what_the_views_have(state, classes):
    tables = export_tables(state, classes=classes)
    assert {name: list(table.columns) for name, table in tables.items()} == {
        "topics": ["topic", "count", "share", "name", "words", "representative_documents"],
        "documents": ["document", "id", "text", "topic", "name", "probability", "novelty", "time", "class"],
        "trends": ["topic", "name", "bin_start", "count", "share", "low", "high", "words"],
        "groups": ["topic", "name", "class", "count", "share", "low", "high", "ratio", "p", "adjusted_p", "words"],
    }
    assert tables["topics"]["share"].sum() == pytest.approx(1)
    assert tables["documents"]["topic"].tolist() == state.topics.tolist()
    assert tables["groups"]["count"].sum() == tables["trends"]["count"].sum() == N


def test_tables_without_times_and_classes_are_two():
    assert list(export_tables(fitted_state(N, 4))) == ["topics", "documents"]


def test_times_that_are_given_are_those_of_the_documents(state):
    documents = export_tables(state, times=range(2000, 2000 + N))["documents"]
    assert documents["time"][3] == pd.Timestamp("2003-01-01")


@pytest.mark.parametrize("given", [{"classes": ["a"]}, {"times": "2020"}, {"times": {"a": 1}}])
def test_one_value_for_each_document(state, given):
    with pytest.raises(InputError, match=r"give (one for each|a list with a value for each training document)"):
        export_tables(state, **given)


def test_a_workbook_holds_text_and_dates(state, classes, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    rows = export.export(state, tmp_path / "t.xlsx", classes=classes)
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert {sheet.title: sheet.max_row - 1 for sheet in book} == rows
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    names = [cell.value for cell in next(book["documents"].iter_rows(max_row=1))]
    assert book["documents"].cell(2, 1 + names.index("time")).is_date
    # Representative documents stand on lines of their own, words beside each other.
    assert book["topics"]["F2"].value.count("\n") == 2
    assert book["topics"]["E2"].value.count(", ") == 9


def test_files_of_a_folder_come_back(state, classes, tmp_path):
    export.export(state, tmp_path / "csv", classes=classes)
    export.export(state, tmp_path / "parquet", classes=classes, format="parquet")
    for name, table in export_tables(state, classes=classes).items():
        parquet = pd.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        csv = pd.read_csv(tmp_path / "csv" / f"{name}.csv")
        assert list(parquet.columns) == list(csv.columns) == list(table.columns)
        assert len(parquet) == len(csv) == len(table)
    assert parquet["bin_start" if "bin_start" in parquet else "share"].dtype.kind in "Mf"
    topics = pd.read_csv(tmp_path / "csv" / "topics.csv")
    assert set(topics["name"][topics["topic"] == 0]) == {"'=cmd()"}
    assert isinstance(pd.read_parquet(tmp_path / "parquet" / "topics.parquet")["words"][0], np.ndarray)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_classes_of_several_types_and_with_lone_surrogates_are_written(state, tmp_path, format):
    export.export(state, tmp_path / "t", classes=[2020, "a\ud800", 2.5] * (N // 3), format=format)
    read = pd.read_csv if format == "csv" else pd.read_parquet
    assert set(read(tmp_path / "t" / f"documents.{format}")["class"].astype(str)) == {"2020", "a\ufffd", "2.5"}
    assert set(read(tmp_path / "t" / f"groups.{format}")["class"].astype(str)) == {"2020", "a\ufffd", "2.5"}


def test_equal_models_give_equal_files(state, tmp_path):
    for name in ("a.graphml", "b.graphml"):
        export.export(state, tmp_path / name)
    assert (tmp_path / "a.graphml").read_bytes() == (tmp_path / "b.graphml").read_bytes()


def test_a_graph_has_the_hierarchy_and_the_most_similar_topics(state, tmp_path):
    rows = export.export(state, tmp_path / "t.graphml")
    graph = nx.read_graphml(tmp_path / "t.graphml")
    assert rows == {"nodes": len(graph), "edges": graph.number_of_edges()}
    kinds = pd.Series(nx.get_node_attributes(graph, "kind"))
    assert kinds.value_counts().to_dict() == {"topic": 8, "group": 5}
    assert graph.nodes["topic 0"]["label"] == "=cmd()"
    tree = [pair for pair in graph.edges if graph.edges[pair]["kind"] == "hierarchy"]
    assert len(tree) == 8
    parents = hierarchical_topics(state).query("Level == 8").set_index("Topic")["Parent"]
    assert {tuple(sorted(pair)) for pair in tree} == {
        (f"group 5/{parent}", f"topic {topic}") for topic, parent in parents.items()
    }
    similarity = topic_similarity(topics_of(state), topics_of(state))
    np.fill_diagonal(similarity, 0)
    nearest = int(similarity[0].argmax())
    assert graph.edges["topic 0", f"topic {nearest}"]["weight"] == pytest.approx(similarity[0, nearest], abs=1e-6)


def test_a_model_of_two_topics_is_a_graph():
    graph = topic_graph(fitted_state(10, 2))
    assert len(graph.nodes) == 2
    assert len(graph.edges) == 1


def test_what_cannot_be_written_is_said_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    wrong = {
        "a.docx": (None, r"ends in \.docx; give a file that ends in \.xlsx or \.graphml, or a folder"),
        "file": (None, "is a file; give another folder"),
        "model": (None, "is a model folder; give another folder"),
        "a.xlsx": ("csv", "format is 'csv' and .* is one file"),
        "tables": ("ods", "format is 'ods' and a folder; give a folder, and one of csv, parquet"),
    }
    for name, (kind, said) in wrong.items():
        with pytest.raises(InputError, match=said):
            check_export(tmp_path / name, kind)
    monkeypatch.setattr(export, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'softtopic\[xlsx\]', or give a folder"):
        check_export(tmp_path / "a.xlsx")
