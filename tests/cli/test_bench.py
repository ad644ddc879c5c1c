"""The command itself, on methods that need nothing but a random language model."""

import json
import os
import shlex
from pathlib import Path

import numpy as np
import pytest

from softtopic.bench import runner, worker
from softtopic.errors import SofttopicError


@pytest.fixture
def in_process(monkeypatch):
    """Cells run in this process, with made-up sentence vectors."""
    from softtopic.bench import stages

    encode.fingerprint = "made up"
    monkeypatch.setattr(stages, "SentenceEncoder", lambda: encode)

    def execute(step, cell, path):
        try:
            worker.run_step(step, cell, path)
        except Exception as error:
            raise SofttopicError(str(error)) from error

    monkeypatch.setattr(runner, "execute_apart", execute)


DATA = Path(os.environ.get("SOFTTOPIC_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")


def encode(texts):
    random = np.random.default_rng(0).normal(size=(len(texts), 8))
    return (random / np.linalg.norm(random, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def basic(posts, tiny_lm, tmp_path):
    return ["--data", posts, "--text", "body", "--label", "group", "--lm", tiny_lm, "--vocabulary", "40",
            "--out", tmp_path / "out"]  # fmt: skip


def test_the_whole_way(run, in_process, basic, tmp_path):
    reference = tmp_path / "reference.txt"
    reference.write_text("The rocket reached orbit with a telescope.\nA SQL query joins tables.\nBread, flour, oven.\n")
    given = [*basic, "--models", "dsl,zeroshottm,kmeans,soft-labels", "--topics", "2", "--seeds", "2",
             "--reference", reference]  # fmt: skip
    code, out, err = run("bench", *given, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [(row["model"], row["cells"]) for row in found["rows"]] == [
        ("dsl", 2), ("zeroshottm", 2), ("kmeans", 2), ("soft-labels", 1),
    ]  # fmt: skip
    assert all(0 < row["purity"]["mean"] <= 1 for row in found["rows"][:3])
    assert all({"npmi", "c_v"} <= set(row) for row in found["rows"][:3])
    assert all(row["seconds"] > 0 for row in found["rows"])
    assert all(Path(file).is_file() for file in found["files"])
    cells = sorted((tmp_path / "out" / "cells").rglob("*.json"))
    assert len(cells) == 7
    before = {cell: cell.stat().st_mtime_ns for cell in cells}
    code, out, _ = run("bench", *given)
    assert code == 0
    assert "| ProdLDA + DSL |" in out
    assert {cell: cell.stat().st_mtime_ns for cell in cells} == before
    stages = {stage["stage"]: stage for stage in json.loads(cells[0].read_text())["stages"]}
    assert stages["language model"]["shared"]
    assert not stages["language model"]["estimated"]


def test_the_command_of_a_cell_repeats_it(run, in_process, basic, tmp_path):
    assert run("bench", *basic, "--models", "kmeans", "--topics", "3", "--seeds", "2", "--documents", "10")[0] == 0
    path = next((tmp_path / "out" / "cells").rglob("*seed1*.json"))
    record = json.loads(path.read_text())
    code, _, err = run(*shlex.split(record["command"])[1:])
    assert code == 0, err
    (again,) = Path().glob("repeat-*/cells/*/*.json")
    assert again.name == path.name
    repeated = json.loads(again.read_text())
    assert (repeated["metrics"], repeated["topics"]) == (record["metrics"], record["topics"])


@pytest.mark.slow
def test_a_sweep_reads_the_documents_once(run, in_process, basic, cache_folder):
    given = [*basic, "--models", "dsl", "--topics", "2", "--seeds", "1", "--quiet"]
    code, out, err = run("bench", *given, "--sweep", "training__temperature=1,3")
    assert (code, err) == (0, "")
    assert "## ProdLDA + DSL on posts: training__temperature" in out
    assert len(list((cache_folder / "bench" / "reading").glob("*.json"))) == 1
    assert run("bench", *given, "--sweep", "inputs=hidden,embedding")[0] == 0
    assert run("bench", *given, "--sweep", "read__prompts=tag,theme")[0] == 0
    assert len(list((cache_folder / "bench" / "reading").glob("*.json"))) == 3


def test_a_cell_that_fails_ends_in_1_and_the_others_are_there(run, in_process, basic):
    code, out, err = run("bench", *basic, "--models", "kmeans", "--topics", "3,50", "--seeds", "1")
    assert code == 1
    assert "2 cells, 1 failed" in out
    assert "failed: posts kmeans K=50 seed 0" in err


def test_bad_input_is_one_line_and_exit_2(run, basic, posts, tmp_path):
    (tmp_path / "file").touch()
    for given, said in (
        (["--models", "nonsense"], "model 'nonsense' is not known"),
        (["--models", ","], "--models is ','"),
        (["--models", "kmeans", "--data", "nowhere"], "'nowhere' is no sample corpus and no file"),
        (["--models", "kmeans", "--data", "stackoverflow", "--data-dir", "."], "no such file"),
        (["--models", "kmeans", "--topics", "many"], "--topics holds 'many'"),
        (["--models", "kmeans", "--topics", "1"], "at least 2"),
        (["--models", "kmeans", "--seeds", "0"], "--seeds is 0"),
        (["--models", "kmeans", "--documents", "1"], "--documents is 1"),
        (["--models", "kmeans", "--label", "gone"], "it has: body, group"),
        (["--models", "kmeans", "--sweep", "target=bow"], "kmeans has no setting target"),
        (["--models", "dsl", "--sweep", "heat=1"], "--sweep heat=1: Recipe has no setting 'heat'"),
        (["--models", "kmeans", "--reference", "gone.txt"], "reference gone.txt does not exist"),
        (["--models", "kmeans", "--out", "file"], "--out file is a file"),
        (["--models", "kmeans", "--reference", posts, "--reference-text", "gone"], "it has: body, group"),
    ):
        code, out, err = run("bench", *basic, *given, "--quiet")
        assert (code, out, err.count("\n")) == (2, "", 1), (given, err)
        assert said in err, (given, err)


def test_a_missing_environment_is_one_line(run, in_process, basic):
    code, out, err = run("bench", *basic, "--models", "bertopic-kmeans", "--quiet")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "bertopic-kmeans needs packages" in err
    assert "--install" in err


def test_help_says_what_it_does(run):
    code, out, _ = run("bench", "--help")
    assert code == 0
    assert "--sweep" in out


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not (DATA / "stackoverflow_titles.jsonl.gz").is_file(), reason="needs real titles")
def test_lda_in_an_environment_of_its_own(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    given = ["--data", "stackoverflow", "--documents", "400", "--data-dir", DATA, "--models", "lda", "--topics", "10",
             "--seeds", "2", "--out", tmp_path / "out", "--json"]  # fmt: skip
    code, out, err = run("bench", *given, "--quiet")
    assert (code, "--install" in err) == (2, True)
    code, out, err = run("bench", *given, "--install")
    assert code == 0, err
    (row,) = json.loads(out)["rows"]
    assert row["cells"] == 2
    assert row["purity"]["mean"] > 0.2
    assert row["seconds"] < 60
