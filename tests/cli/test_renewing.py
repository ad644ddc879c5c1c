"""`softtopic update`, `fit --like`, and novelty in `transform`, `search` and `documents`."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from softtopic.model import TopicModel
from softtopic.recipes import RECIPES

THEMES = (
    ["rocket", "orbit", "moon", "engine"],
    ["flour", "oven", "yeast", "dough"],
    ["loan", "bank", "credit", "interest"],
)


def documents(n, seed=0):
    rng = np.random.default_rng(seed)
    return [f"{' '.join(rng.choice(THEMES[row % 3], 4))} {seed}x{row}" for row in range(n)]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A model that needs no language model and no encoder."""
    recipe = RECIPES["prodlda"].with_options(training__epochs=3, training__batch_size=16)
    path = tmp_path_factory.mktemp("fitted") / "model"
    TopicModel(3, recipe=recipe, features=None).fit(documents(30)).save(path)
    return path


@pytest.fixture
def folder(fitted, tmp_path):
    return shutil.copytree(fitted, tmp_path / "known")


@pytest.fixture
def new(tmp_path):
    path = tmp_path / "new.csv"
    pd.DataFrame({"text": documents(6, 1), "key": [f"n{row}" for row in range(6)]}).to_csv(path, index=False)
    return path


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_fit_replaces_a_model_with_edits_only_on_request(run, folder, tmp_path, monkeypatch):
    pd.DataFrame({"text": documents(30)}).to_csv(tmp_path / "posts.csv", index=False)
    given = ["fit", tmp_path / "posts.csv", "--recipe", "prodlda", "--topics", "3", "--out", folder, "--quiet"]
    assert run(*given)[0] == 0
    assert run("edit", folder, "--rename", "0=Foo")[0] == 0
    before = tree(folder)
    with monkeypatch.context() as patch:
        patch.setattr(TopicModel, "fit", None)
        code, out, err = run(*given)
        said = f"{folder} is a model with 1 edit, which a new fit does not have; give another folder with --out, or"
        assert (code, out, err) == (2, "", f"softtopic: {said} --overwrite to replace it\n")
        assert said in run("demo", "--out", folder)[2]
    assert run(*given, "--dry-run")[0] == 0
    assert tree(folder) == before
    assert run(*given, "--like", folder)[0] == 0
    assert TopicModel.load(folder).edits_
    assert run(*given, "--overwrite")[0] == 0
    assert TopicModel.load(folder).edits_ == ()


def test_documents_are_added_to_another_folder_or_in_place(run, folder, new, tmp_path):
    before = tree(folder)
    code, out, err = run("update", folder, new, "--id", "key", "--out", tmp_path / "grown", "--quiet")
    assert (code, err) == (0, "")
    assert "6 more documents. Topics: 3 kept." in out
    assert tree(folder) == before
    grown = TopicModel.load(tmp_path / "grown")
    assert grown.state_.ids[-1] == "n5"
    assert "n3" in run("documents", tmp_path / "grown")[1]
    code, out, _ = run("update", folder, new, "--in-place", "--json")
    assert code == 0
    assert {"model", "documents", "topics", "changes"} == set(json.loads(out))
    assert TopicModel.load(folder).state_.ids[-1] == "35"
    assert "update: 6 more documents, 0 new topics" in TopicModel.load(folder).state_.plan


def test_documents_that_are_in_the_model_already_are_named_in_one_line(run, folder, tmp_path):
    pd.DataFrame({"text": documents(30)}).to_csv(tmp_path / "again.csv", index=False)
    code, _, err = run("update", folder, tmp_path / "again.csv", "--in-place")
    assert code == 0
    assert err.splitlines().count("softtopic: 30 of 30 documents are already in the model and count twice") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "either --out"),
        (["--in-place", "--out", "other"], "either --out"),
        (["--out", "taken"], "not a model folder"),
        (["--in-place", "--text", "body"], "body"),
        (["--in-place", "--id", "old"], "6 ids are in the model already, the first is '0'"),
        (["--in-place", "--text", "nothing"], "none with text"),
        (["--in-place", "--min-topic-size", "1"], "min_topic_size is 1"),
    ],
)
def test_bad_updates_are_one_line_and_write_nothing(run, folder, new, tmp_path, options, said):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    frame = pd.read_csv(new).assign(old=range(6), nothing=" ")
    frame.to_csv(new, index=False)
    before, names = tree(folder), sorted(os.listdir(tmp_path))
    code, out, err = run("update", folder, new, *options, "--quiet")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert tree(folder) == before
    assert sorted(os.listdir(tmp_path)) == names


def test_a_model_whose_replacement_was_killed_is_found_again(folder, tmp_path):
    folder.rename(tmp_path / ".known.aside")
    assert len(TopicModel.load(folder).topics_) == 30
    assert not (tmp_path / ".known.aside").exists()


def test_novelty_is_written_and_printed(run, folder, new, tmp_path):
    code, out, _ = run("transform", folder, new, "--novelty", "--quiet")
    assert code == 0
    assert all(0 <= json.loads(line)["novelty"] <= 1 for line in out.splitlines())
    code, out, err = run("search", folder, "a new senate")
    assert code == 0
    assert "novelty 1.00" in err
    assert json.loads(run("search", folder, "orbit of the moon", "--json")[1])["novelty"] < 1
    rows = json.loads(run("documents", folder, "--json", "--limit", 3)[1])["documents"]
    assert all(0 <= row["novelty"] <= 1 for row in rows)


def test_a_fit_continues_an_earlier_model(run, folder, tmp_path):
    run("edit", folder, "--rename", "1=Formula 1")
    pd.DataFrame({"text": documents(36)}).to_csv(tmp_path / "all.csv", index=False)
    given = [tmp_path / "all.csv", "--recipe", "prodlda", "--topics", "3", "--out", tmp_path / "next", "--quiet"]
    code, out, err = run("fit", *given, "--like", folder)
    assert (code, err) == (0, "")
    assert f"Topics of {folder}: " in out
    code, out, _ = run("fit", *given, "--like", folder, "--json")
    assert {row["change"] for row in json.loads(out)["changes"]} <= {"kept", "appeared", "vanished", "split", "merged"}
    code, out, err = run("fit", *given, "--like", tmp_path / "nowhere")
    assert (code, err.count("\n")) == (2, 1)
