"""`softtopic edit`, `documents`, and tables of topics and documents."""

import json
import shutil
from importlib.util import find_spec

import pandas as pd
import pytest

from softtopic.errors import ChangedFolderError
from softtopic.model import TopicModel
from softtopic.recipes import RECIPES
from softtopic.serve.live import LiveModel
from softtopic.storage.atomic import sole_writer


@pytest.fixture(scope="module")
def fitted(texts, tmp_path_factory):
    """A model that needs no language model."""
    recipe = RECIPES["prodlda"].with_options(training__epochs=3, training__batch_size=4)
    path = tmp_path_factory.mktemp("fitted") / "model"
    TopicModel(3, recipe=recipe, vocabulary=40).fit(texts).save(path)
    return path


@pytest.fixture
def folder(fitted, tmp_path):
    return shutil.copytree(fitted, tmp_path / "edited")


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_edits_are_written_into_the_model_and_the_table_is_printed(run, folder):
    words = ",".join(TopicModel.load(folder).vocabulary_.words[:2])
    code, out, err = run("edit", folder, "--merge", "2,1", "--rename", "0=Formula 1", "--exclude", words)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split()[:4] == ["topic", "size", "name", "words"]
    assert len(out.splitlines()) == 3
    assert "Formula 1" in out
    loaded = TopicModel.load(folder)
    assert loaded.topic_ids_.tolist() == [0, 1]
    assert loaded.topic_names_[0] == "Formula 1"
    code, out, _ = run("edit", folder, "--undo", "--json")
    assert code == 0
    assert json.loads(out)["edits"] == 2
    assert {"topic", "count", "name", "words", "representative_documents"} == set(json.loads(out)["topics"][0])
    assert "Formula 1" in run("topics", folder)[1]
    assert run("edit", folder, "--reset")[0] == 0
    assert TopicModel.load(folder).edits_ == ()


def test_topics_are_split_dropped_reduced_and_renumbered(run, folder):
    largest = TopicModel.load(folder).get_topic_info()["Topic"][0]
    assert run("edit", folder, "--split", f"{largest}:2")[0] == 0
    assert TopicModel.load(folder).topic_ids_.tolist() == [0, 1, 2, 3]
    assert run("edit", folder, "--drop", "0", "--reduce", "2", "--renumber")[0] == 0
    assert TopicModel.load(folder).topic_ids_.tolist() == [0, 1]
    assert len(run("topics", folder, "--tree")[1].splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--merge", "1"], "two or more topics"),
        (["--merge", "1,x"], "--merge is '1,x'; give numbers of topics, as 3,17"),
        (["--merge", "1,1"], "named twice"),
        (["--merge", "1,9"], "topic 9 does not exist; topics are 0 to 2"),
        (["--merge", "0,1", "--merge", "1,2"], "named twice"),
        (["--drop", "0,1,2"], "all 3 topics"),
        (["--drop", ""], "--drop is ''"),
        (["--split", "x"], "--split is 'x'"),
        (["--split", "0:x"], "--split is '0:x'"),
        (["--split", "0:99"], "distinct documents"),
        (["--rename", "0"], "--rename is '0'; give a topic and its name"),
        (["--rename", "0="], "give one line with letters"),
        (["--rename", "0=a", "--rename", "0=b"], "--rename names topic 0 twice"),
        (["--exclude", "unheard"], "has no 'unheard'"),
        (["--reduce", "3"], "has 3 topics"),
        (["--undo"], "there is no edit to undo"),
        (["--rename", "0=a", "--drop", "9"], "topic 9 does not exist"),
    ],
)
def test_bad_edits_are_one_line_and_write_nothing(run, folder, options, said):
    before = tree(folder)
    code, out, err = run("edit", folder, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert tree(folder) == before


def test_proposals_are_printed_and_nothing_is_written(run, folder):
    before = tree(folder)
    code, out, _ = run("edit", folder, "--suggest")
    assert code == 0
    assert out.startswith("proposal")
    assert "suggestions" in json.loads(run("edit", folder, "--suggest", "--json")[1])
    assert tree(folder) == before


def test_documents_of_a_topic_are_listed(run, folder, tmp_path):
    topic = int(TopicModel.load(folder).topics_[0])
    code, out, _ = run("documents", folder, "--topic", topic, "--limit", 2)
    assert code == 0
    assert out.splitlines()[0].split() == ["share", "id", "topic", "name", "text"]
    assert len(out.splitlines()) == 3
    records = json.loads(run("documents", folder, "--json")[1])["documents"]
    assert len(records) == 12
    assert set(records[0]) == {"document", "id", "text", "topic", "name", "probability", "novelty"}
    assert run("documents", folder, "--out", tmp_path / "d.csv")[0] == 0
    assert len(pd.read_csv(tmp_path / "d.csv")) == 12
    code, _, err = run("documents", folder, "--topic", 9)
    assert (code, err.count("\n")) == (2, 1)
    assert run("documents", folder, "--limit", 0)[0] == 2


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_topics_are_written_to_a_table(run, folder, tmp_path, suffix):
    path = tmp_path / f"topics{suffix}"
    code, _, err = run("topics", folder, "--out", path)
    if suffix == ".xlsx" and not find_spec("openpyxl"):
        assert code == 2
        assert "pip install 'softtopic[xlsx]'" in err
        return
    assert code == 0
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".xlsx": pd.read_excel}
    frame = read[suffix](path) if suffix in read else pd.read_json(path, lines=True)
    assert list(frame.columns) == ["topic", "count", "name", "words", "representative_documents"]
    assert len(frame) == 3
    assert run("topics", folder, "--out", tmp_path / "topics.ods")[0] == 2


def test_columns_of_the_file_are_kept(run, folder, posts, tmp_path):
    run("edit", folder, "--drop", "0")
    given = ["transform", folder, posts, "--text", "body", "--quiet", "--keep-columns"]
    assert run(*given, "--out", tmp_path / "a.csv")[0] == 0
    frame, original = pd.read_csv(tmp_path / "a.csv"), pd.read_csv(posts)
    assert list(frame.columns) == ["body", "group", "key", "id", "topic", "name", "theta_1", "theta_2"]
    pd.testing.assert_frame_equal(frame[["body", "group", "key"]], original)
    assert set(frame["topic"]) <= {1, 2}
    code, out, _ = run(*given, "--id", "key")
    assert code == 0
    first = json.loads(out.splitlines()[0])
    assert list(first) == ["body", "group", "key", "topic", "name", "theta"]
    original.assign(topic=1).to_csv(tmp_path / "clash.csv", index=False)
    code, _, err = run("transform", folder, tmp_path / "clash.csv", "--text", "body", "--quiet", "--keep-columns")
    assert (code, err.count("\n")) == (2, 1)
    assert "has columns topic" in err
    original.to_parquet(tmp_path / "posts.parquet")
    assert run("transform", folder, tmp_path / "posts.parquet", *given[3:], "--out", tmp_path / "b.parquet")[0] == 0
    assert "group" in pd.read_parquet(tmp_path / "b.parquet")


def test_the_command_and_a_live_server_notice_edits_of_each_other(run, folder, monkeypatch):
    """The server edits between reading the folder and writing it."""
    server, load = LiveModel(folder), TopicModel.load

    def loading(path, **options):
        model = load(path, **options)
        server.edit({"rename": {"1": "of the server"}})
        return model

    monkeypatch.setattr(TopicModel, "load", staticmethod(loading))
    code, _, err = run("edit", folder, "--rename", "0=mine")
    assert code == 2
    assert "was changed by another program since it was opened; nothing was written: run the command again" in err
    monkeypatch.setattr(TopicModel, "load", load)
    assert load(folder).topic_names_[1] == "of the server"
    assert run("edit", folder, "--rename", "0=mine")[0] == 0
    assert load(folder).topic_names_[:2] == ["mine", "of the server"]
    with pytest.raises(ChangedFolderError, match="start the server again"):
        server.edit({"drop": [2]})
    assert len(load(folder).topic_names_) == 3


def test_a_second_fit_into_a_folder_is_told(run, posts, tmp_path):
    arguments = ["fit", posts, "--text", "body", "--recipe", "prodlda", "--topics", "2", "--out", tmp_path / "m"]
    with sole_writer(tmp_path / "m"):
        code, _, err = run(*arguments)
    assert (code, err.count("is being written by another process; wait for it")) == (2, 1)
    assert not (tmp_path / "m").exists()
