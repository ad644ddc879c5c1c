"""`fit --fit-on` and `transform --out FOLDER/`: documents that do not fit in memory, whole commands."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from softtopic import PartFolder, TopicModel
from softtopic.storage import progress

WORDS = ["sql", "tables", "orbit", "rocket", "bread", "flour", "taxes", "budget"]


def documents(n: int) -> list[dict]:
    rng = np.random.default_rng(0)
    return [{"key": f"k{row}", "text": " ".join(rng.choice(WORDS, 4)), "group": "ab"[row % 2]} for row in range(n)]


@pytest.fixture
def posts(tmp_path):
    """Two files of 300 documents together."""
    (tmp_path / "in").mkdir()
    rows = documents(300)
    for name, part in (("a", rows[:200]), ("b", rows[200:])):
        (tmp_path / "in" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    return tmp_path / "in"


@pytest.fixture
def words(tmp_path):
    (tmp_path / "words.txt").write_text("\n".join(WORDS))
    return ["--vocabulary", tmp_path / "words.txt", "--recipe", "prodlda", "--topics", "3"]


def table_of(folder) -> pd.DataFrame:
    return pd.concat([table.to_pandas() for table in PartFolder.open(folder).tables()], ignore_index=True)


def theta_of(table: pd.DataFrame) -> np.ndarray:
    return table[[name for name in table if name.startswith("theta_")]].to_numpy()


def test_a_sample_is_fitted_and_all_documents_get_mixtures(run, posts, words, tmp_path):
    model = tmp_path / "space"
    command = ["fit", posts, *words, "--fit-on", 100, "--out", model, "--id", "key", "--label", "group"]
    code, out, err = run(*command)
    assert code == 0
    assert "softtopic: 300 documents, about " in err
    assert "; the fit is on a sample of 100" in err
    assert out.endswith(f"\nThe model is in {model}, the mixtures of all documents in {tmp_path}/space.documents.\n")
    loaded, table = TopicModel.load(model), table_of(tmp_path / "space.documents")
    assert len(loaded.probabilities_) == 100
    assert list(table) == ["id", "label", "topic", "theta_0", "theta_1", "theta_2"]
    expected = documents(300)
    assert table["id"].tolist() == [row["key"] for row in expected]
    np.testing.assert_allclose(theta_of(table), loaded.transform([row["text"] for row in expected]), atol=1e-6)
    # Sizes are those of all documents, in the table and in JSON.
    _, out, err = run("topics", model, "--json")
    counts = {topic["topic"]: topic["count"] for topic in json.loads(out)["topics"]}
    assert sum(counts.values()) == 300
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert counts == {topic: int((table["topic"] == topic).sum()) for topic in counts}
    _, out, _ = run("topics", model, "--out", tmp_path / "topics.csv")
    assert pd.read_csv(tmp_path / "topics.csv")["count"].sum() == 300
    assert "300, their mixtures are in space.documents" in run("info", model)[1]
    assert json.loads(run("info", model, "--json")[1])["all_documents"] == 300
    # The same command again finds all parts complete.
    before = {file.name: file.read_bytes() for file in (tmp_path / "space.documents").iterdir()}
    code, _, err = run(*command)
    assert (code, "1 of 1 parts were complete" in err) == (0, True)
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "space.documents").iterdir()}


def test_the_plan_says_what_comes_after_the_fit(run, posts, words, tmp_path):
    code, out, err = run("fit", posts, *words, "--fit-on", 100, "--dry-run")
    assert (code, "distinct" in err) == (0, False)
    assert out.splitlines()[-2].startswith("300 documents, about ")
    assert out.splitlines()[-1].startswith("mixtures of all documents: about 1 s more and 0 MB on disk in model.docum")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "words.txt"]


def test_the_time_left_is_that_of_the_whole_run_from_the_start(run, posts, words, monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0)
    code, _, err = run("fit", posts, *words, "--fit-on", 250)
    assert code == 0
    shown = [line.split(": ")[0] for line in err.splitlines() if line.endswith(" left in all")]
    assert list(dict.fromkeys(shown)) == ["drawing a sample", "training", "describing topics", "computing mixtures"]
    assert not [line for line in err.splitlines() if " of 100 %" in line and "left in all" not in line]


def test_a_number_of_topics_that_is_not_yet_chosen_has_a_plan(run, posts, words):
    code, out, _ = run("fit", posts, *words, "--topics", "auto", "--fit-on", 250, "--dry-run")
    assert (code, "mixtures of all documents: about " in out) == (0, True)


def test_missing_texts_are_counted_in_one_line_however_they_are_read(run, tiny, words, tmp_path, monkeypatch):
    rows = [*documents(300), *({"key": f"null{row}", "text": None} for row in range(4))]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "posts.jsonl").write_text(lines)
    pd.DataFrame(rows).to_parquet(tmp_path / "posts.parquet")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines.encode())))
    said = "softtopic: 4 of 304 texts are missing (null or NaN) and count as empty documents\n"
    for command in (
        ["fit", "posts.jsonl", *words, "--out", "m"],
        ["fit", "posts.jsonl", *words, "--fit-on", 100, "--out", "m2"],
        ["transform", tiny, "posts.jsonl"],
        ["transform", tiny, "-"],
        ["transform", tiny, "posts.jsonl", "--out", "lines/"],
        ["transform", tiny, "posts.parquet", "--out", "rows", "--engine", "local"],
    ):
        code, _, err = run(*command)
        assert (code, err.count(said)) == (0, 1), err
    theta = theta_of(table_of(tmp_path / "rows"))
    np.testing.assert_allclose(theta, theta_of(table_of(tmp_path / "lines")), atol=1e-6)
    np.testing.assert_allclose(theta[300:], np.tile(TopicModel.load(tiny).transform([""]), (4, 1)), atol=1e-6)


def test_several_files_are_fitted_in_memory_too(run, posts, words, tmp_path):
    assert run("fit", posts / "a.jsonl", posts / "b.jsonl", *words, "--out", "m", "--quiet")[0] == 0
    assert len(TopicModel.load(tmp_path / "m").probabilities_) == 300


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fit-on", "100"], "nothing to fit; give a file of documents"),
        (["-", "--fit-on", "100"], "--fit-on reads the documents twice; give files"),
        (["in", "--fit-on", "1"], "--fit-on is 1; give a number of documents of at least 2"),
        (["in", "--skip-invalid"], "--skip-invalid only works on streams of documents; add --fit-on"),
        (["nowhere", "--fit-on", "100"], "nowhere: no such file"),
        (["in", "--fit-on", "100", "--text", "body"], "has no column 'body'; it has: key, text, group"),
        (["in", "--fit-on", "100", "--out", "taken"], "taken.documents exists and is not a folder of parts"),
    ],
)
def test_what_cannot_be_fitted_is_one_line_before_any_work(run, posts, words, tmp_path, arguments, said):
    (tmp_path / "taken.documents").mkdir()
    (tmp_path / "taken.documents" / "notes.txt").touch()
    code, out, err = run("fit", *arguments, *words, "--quiet")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_transform_writes_parts(run, tiny, posts, tmp_path):
    code, out, _ = run("transform", tiny, posts, "--out", f"{tmp_path}/topics/", "--id", "key")
    assert (code, out) == (0, f"300 mixtures of 3 topics are in {tmp_path}/topics/ (1 part).\n")
    expected = TopicModel.load(tiny).transform([row["text"] for row in documents(300)])
    np.testing.assert_allclose(theta_of(table_of(tmp_path / "topics")), expected, atol=1e-6)
    code, out, err = run("transform", tiny, posts, "--out", f"{tmp_path}/topics/", "--id", "key", "--json")
    assert json.loads(out) == {"topics": [0, 1, 2], "documents": 300, "out": f"{tmp_path}/topics/", "parts": 1}
    assert "1 of 1 parts were complete" in err
    code, _, err = run("transform", tiny, posts, "--out", tmp_path / "topics", "--id", "key", "--novelty")
    assert (code, "topics holds parts made with different options; give the same again" in err) == (2, True)
    assert run("transform", tiny, posts, "--out", tmp_path / "more/", "--keep-columns")[0] == 2
    assert run("transform", tiny, posts, "--out", f"{tmp_path}/more/", "--keep-columns", "--novelty", "--quiet")[0] == 0
    assert list(table_of(tmp_path / "more"))[:6] == ["id", "key", "text", "group", "topic", "novelty"]
    code, _, err = run("transform", tiny, posts / "a.jsonl", posts / "b.jsonl")
    assert code == 2
    assert "several files or a folder; give --out FOLDER/ to write their mixtures" in err


def test_bad_lines_are_named_or_left_out(run, tiny, posts, tmp_path):
    with (posts / "b.jsonl").open("a") as stream:
        stream.write("oops\n" + json.dumps({"text": "sql"}) + "\n")
    command = ["transform", tiny, posts, "--out", f"{tmp_path}/topics/"]
    code, out, err = run(*command, "--quiet")
    assert (code, out) == (2, "")
    assert err == (
        f"softtopic: {posts}/b.jsonl line 101 is not JSON; expected one object a line; or leave such lines out: "
        "--skip-invalid, skip_invalid=True\n"
    )
    code, out, err = run(*command, "--skip-invalid")
    assert code == 0
    assert "b.jsonl line 101 is not JSON; expected one object a line; left out" in err
    assert len(table_of(tmp_path / "topics")) == 301


def test_an_unknown_language_is_named_before_documents_are_read(run, tmp_path):
    (tmp_path / "posts.jsonl").write_text("oops")
    code, _, err = run("fit", tmp_path / "posts.jsonl", "--fit-on", "50", "--language", "klingon")
    assert code == 2
    assert "klingon" in err
    assert "oops" not in err
    assert "JSON" not in err


def test_all_lines_that_are_left_out_are_counted(run, tiny, tmp_path):
    lines = [json.dumps({"text": "sql"}), "oops"] * 40
    (tmp_path / "posts.jsonl").write_text("\n".join(lines))
    code, _, err = run("transform", tiny, tmp_path / "posts.jsonl", "--skip-invalid", "--out", f"{tmp_path}/topics/")
    assert code == 0
    assert "posts.jsonl: 40 invalid lines were left out in all" in err


def test_a_wrong_column_is_no_invalid_line_and_leaves_nothing(run, tiny, posts, tmp_path):
    code, _, err = run("transform", tiny, posts, "--text", "titel", "--out", f"{tmp_path}/topics/")
    assert code == 2
    assert "a.jsonl line 1 has no column 'titel'; it has: " in err
    assert "--skip-invalid" not in err
    assert not (tmp_path / "topics").exists()


def test_other_ids_are_refused_and_other_documents_are_a_warning(run, tiny, posts, tmp_path):
    command = ["transform", tiny, posts / "a.jsonl", "--out", f"{tmp_path}/topics/"]
    assert run(*command, "--id", "key", "--quiet")[0] == 0
    code, _, err = run(*command)
    assert code == 2
    assert "holds parts made with different options" in err
    code, _, err = run("transform", tiny, posts / "b.jsonl", "--id", "key", *command[3:])
    assert code == 0
    assert "held other documents: parts that were replaced: 1 of 1" in err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_runs_that_are_killed_at_random_go_on(tiny, tmp_path):
    rows = documents(120_000)
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out, rng, counts = tmp_path / "topics", random.Random(0), []
    command = [sys.executable, "-m", "softtopic", "transform", str(tiny), str(tmp_path / "posts.jsonl")]
    command += ["--out", f"{out}/", "--quiet"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for _ in range(4):
        with subprocess.Popen(command, env=environment) as process:
            until = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < until and len(list(out.glob("part-*"))) <= len(counts):
                time.sleep(0.01)
            time.sleep(rng.random() / 5)
            process.send_signal(signal.SIGKILL)
        counts.append(len(PartFolder.open(out).parts()))
    subprocess.run(command, env=environment, check=True)
    assert counts == sorted(counts)
    assert counts[-1] > 0
    table = table_of(out)
    assert table["id"].tolist() == [str(row) for row in range(120_000)]
    expected = TopicModel.load(tiny).transform([row["text"] for row in rows])
    np.testing.assert_allclose(theta_of(table), expected, atol=1e-6)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_documents(tiny, tmp_path):
    script = """
import resource, sys
from softtopic import DocumentStream, TopicModel
line = "sql tables orbit rocket bread " * 10
stream = DocumentStream.from_iterable(lambda: (f"{line}{row}" for row in range(int(sys.argv[1]))))
stream.sample(1000)
TopicModel.load(sys.argv[2]).transform_to(sys.argv[3], stream)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = []
    for n in (40_000, 160_000):
        command = [sys.executable, "-c", script, str(n), str(tiny), str(tmp_path / str(n))]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 2**10)
    # The texts alone are 27 MB more.
    assert peaks[1] - peaks[0] < 25
