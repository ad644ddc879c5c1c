import json

import pandas as pd
import pytest

OPTIONS = ["--text", "body", "--recipe", "prodlda", "--vocabulary", "40", "--topics", "3", "--quiet"]


@pytest.fixture
def dated(texts, tmp_path):
    """48 documents over twelve months, their days in two formats."""
    many = [f"{text} {n}" for n in range(4) for text in texts]
    months = [1 + row // 4 for row in range(48)]
    path = tmp_path / "dated.csv"
    pd.DataFrame({
        "body": many,
        "day": [f"2020-{month:02d}-05" for month in months],
        "spoken": [f"05/{month:02d}/2020" for month in months],
        "who": ["a", "b"] * 24,
    }).to_csv(path, index=False)  # fmt: skip
    return path


@pytest.fixture
def model(run, dated, tmp_path):
    code, _, err = run("fit", dated, "--time", "spoken", "--time-format", "%d/%m/%Y", "--out", tmp_path / "m", *OPTIONS)
    assert (code, err) == (0, "")
    return tmp_path / "m"


def test_trends_by_the_times_of_the_model_and_of_a_file(run, model, dated, tmp_path):
    code, out, err = run("trends", model)
    assert (code, err) == (0, "")
    assert out.startswith("12 periods, the first from 2020-01-01, the last from 2020-12-01\n")
    assert "share over time" in out
    given = ["trends", model, dated, "--text", "body", "--time", "day", "--bins", "month", "--quiet"]
    code, out, err = run(*given, "--out", tmp_path / "trends.csv", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert {row["trend"] for row in found["trends"]} <= {"rising", "falling", ""}
    assert sum(row["count"] for row in found["periods"]) == 48
    table = pd.read_csv(tmp_path / "trends.csv")
    assert list(table.columns) == ["topic", "name", "bin_start", "count", "share", "low", "high", "words"]
    assert len(table) == 36


def test_few_periods_are_shown_without_a_test(run, model):
    code, out, err = run("trends", model, "--bins", "3")
    assert code == 0
    assert "3 periods" in out
    assert "no test of trends: 3 periods have documents, a trend needs 4" in err


def test_groups_and_comparison(run, model, dated, tmp_path):
    given = ["groups", model, dated, "--text", "body", "--by", "who", "--quiet"]
    code, out, err = run(*given, "--top", "2")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split("  ")[-2:] == ["adjusted p", "topic: words that differ"]
    assert len(out.splitlines()) == 7
    assert out.endswith("\n\nno difference is significant at 5 % after correction\n")
    table = pd.read_csv(dated).assign(who=lambda posts: posts["body"].str.contains("SQL").map(str))
    table.to_csv(dated, index=False)
    assert "no difference is significant" not in run(*given)[1]
    code, out, _ = run(*given, "--json", "--out", tmp_path / "groups.jsonl")
    assert {row["class"] for row in json.loads(out)["groups"]} == {"True", "False"}
    code, out, err = run("compare", model, model, "--baseline", model)
    assert (code, err) == (0, "")
    assert out.startswith("3 kept, 0 appeared, 0 vanished, 0 split, 0 merged")
    code, out, _ = run("compare", model, model, "--json", "--out", tmp_path / "changes.csv")
    assert len(json.loads(out)["changes"]) == 3
    assert len(pd.read_csv(tmp_path / "changes.csv")) == 3


def test_files_of_another_encoding_and_separator_are_read(run, model, texts, tmp_path):
    table = pd.DataFrame({"body": [f"{text} café" for text in texts], "group": ["ä", "b"] * 6, "day": "2024-01-02"})
    table.to_csv(tmp_path / "old.csv", index=False, encoding="cp1252", sep="^")
    given = [model, tmp_path / "old.csv", "--text", "body", "--delimiter", "^"]
    for command in (["groups", *given, "--by", "group"], ["trends", *given, "--time", "day"]):
        code, _, err = run(*command, "--quiet")
        assert (code, "encoding" in err) == (2, True)
        assert run(*command, "--encoding", "cp1252", "--quiet")[0] == 0
    name = ["name", *given[:1], "--documents", *given[1:], "--encoding", "utf-16"]
    assert "old.csv is not utf-16" in run(*name)[2]
    for command in ("report", "export", "serve"):
        err = run(command, *given, "--by", "group", "--encoding", "cp1252", "--quiet")[2]
        assert "12 classes for a model of 48 documents" in err
    plot = ["plot", *given, "--by", "group", "--kind", "per-class", "--encoding", "cp1252", "--quiet"]
    assert run(*plot)[0] == 0


def test_languages_are_compared_where_no_column_is_named(run, texts, tmp_path):
    german = [
        f"{text} Der Regen fällt heute auf die Straßen der kleinen Stadt und die Kinder spielen." for text in range(12)
    ]
    pd.DataFrame({"text": [*texts, *german]}).to_csv(tmp_path / "both.csv", index=False)
    fit = ["fit", tmp_path / "both.csv", "--topics", "2", "--recipe", "prodlda", "--language", "de,en", "--quiet"]
    assert run(*fit, "--out", tmp_path / "m")[0] == 0
    code, out, err = run("groups", tmp_path / "m", tmp_path / "both.csv", "--json", "--quiet")
    assert (code, err) == (0, "")
    assert {row["class"] for row in json.loads(out)["groups"]} == {"de", "en"}
    code, out, err = run("topics", tmp_path / "m", "--language", "de", "--json")
    shown = [text for topic in json.loads(out)["topics"] for text in topic["representative_documents"]]
    assert (code, err) == (0, "")
    assert shown
    assert all("Regen" in text for text in shown)


def test_the_number_of_topics_is_chosen(run, dated, tmp_path):
    options = [*OPTIONS[:-3], "--topics", "auto", "--quiet"]
    code, out, _ = run("fit", dated, *options, "--dry-run")
    assert code == 0
    assert "number of topics: chosen among 3 from 4 to 6" in out
    code, out, _ = run("fit", dated, *options, "--json", "--out", tmp_path / "m")
    assert code == 0
    found = json.loads(out)
    assert found["selection"]["n_topics"] == len(found["topics"])


def test_bad_input_is_one_line(run, model, dated, tmp_path):
    documents = [dated, "--text", "body"]
    wrong = {
        "05/01/2020": ["fit", *documents, "--time", "spoken"],
        "--time-format is of the times": ["fit", *documents, "--time-format", "%Y"],
        "no column 'nope'": ["trends", model, *documents, "--time", "nope"],
        "a file and --time COLUMN go together": ["trends", model, *documents],
        "bins is 'fortnight'": ["trends", model, "--bins", "fortnight"],
        "ends in .txt": ["trends", model, "--out", tmp_path / "x.txt"],
        "it has: body, day, spoken, who": ["groups", model, *documents, "--by", "nope"],
        "documents are all in English (en); give the classes to compare (--by COLUMN)": ["groups", model, *documents],
        "--top is 0": ["groups", model, *documents, "--by", "who", "--top", "0"],
        "no such model folder": ["compare", model, tmp_path / "gone"],
        "threshold is 2.0": ["compare", model, model, "--threshold", "2"],
        "--topics is 'some'; give a whole number of at least 2, or auto": ["fit", dated, "--topics", "some"],
    }
    for said, arguments in wrong.items():
        code, out, err = run(*arguments, *(["--quiet"] if arguments[0] != "compare" else []))
        assert (code, out, err.count("\n")) == (2, "", 1), (said, err)
        assert said in err, (said, err)


def test_a_warning_is_shown_once(run, model, dated, tmp_path):
    table = pd.read_csv(dated).assign(day=lambda t: t["day"].where(t.index != 1))
    table.to_csv(tmp_path / "missing.csv", index=False)
    code, _, err = run("trends", model, tmp_path / "missing.csv", "--text", "body", "--time", "day")
    assert code == 0
    assert err.count("have no time and are left out") == 1
