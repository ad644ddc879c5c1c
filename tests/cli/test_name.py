"""`softtopic name`."""

import json

import pytest

from softtopic.cli.naming import split_words
from softtopic.pipeline import naming


@pytest.fixture
def lists(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("orbit moon rocket\n\n3_bread_flour\nlens, low light\n")
    return path


@pytest.fixture
def said(monkeypatch):
    """Answers of a server, without one."""

    def request_names(url, requests, *, model=None, language="the language of the texts"):
        of = "" if language == "the language of the texts" else f" in {language}"
        return [f"{model} {number}{of}" for number, _ in enumerate(requests)]

    monkeypatch.setattr(naming, "request_names", request_names)


SERVER = ("--server", "http://localhost:1/v1", "--lm-model", "m")


def test_lists_of_words_are_named_by_a_server(run, lists, said):
    code, out, err = run("name", lists, *SERVER, "--json")
    assert code == 0
    topics = json.loads(out)["topics"]
    assert [topic["words"] for topic in topics] == [
        ["orbit", "moon", "rocket"],
        ["bread", "flour"],
        ["lens", "low light"],
    ]
    assert [topic["name"] for topic in topics] == ["m 0", "m 1", "m 2"]
    assert "asking http://localhost:1/v1 for 3 names: about" in err
    assert "tokens" in err


def test_names_of_a_model(run, model, said):
    code, out, _ = run("name", model, *SERVER, "--json", "--quiet")
    assert code == 0
    assert [(topic["topic"], topic["name"]) for topic in json.loads(out)["topics"]] == [
        (0, "m 0"),
        (1, "m 1"),
        (2, "m 2"),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--lm", "x", "--server", "http://localhost:1"), "give one of them"),
        (("--lm-model", "x"), "give --server"),
        (("--documents", "x.txt"), "leave it out"),
    ],
)
def test_options_that_do_not_go_together(run, lists, given, message):
    code, out, err = run("name", lists, *given)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_file_without_words(run, tmp_path):
    (tmp_path / "words.txt").write_text("\n\n")
    code, _, err = run("name", tmp_path / "words.txt")
    assert code == 2
    assert "one topic in each line" in err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b", ["a", "b"]),
        ("low light, b", ["low light", "b"]),
        ("-1_a_b", ["a", "b"]),
        ("snake_case b", ["snake_case", "b"]),
    ],
)
def test_words_of_a_line(line, words):
    assert split_words(line) == words


def test_a_server_is_asked_for_names_in_a_language(run, lists, model, said):
    assert (
        json.loads(run("name", lists, *SERVER, "--json", "--language", "de")[1])["topics"][0]["name"] == "m 0 in German"
    )
    assert (
        json.loads(run("name", model, *SERVER, "--json", "--language", "de")[1])["topics"][0]["name"] == "m 0 in German"
    )


def test_names_that_are_kept_are_shown(run, model, monkeypatch):
    assert run("edit", model, "--rename", "1=Baking")[0] == 0
    before = (model / "config.json").read_bytes()
    monkeypatch.setattr(naming, "name_topics", lambda *_, **__: {})
    code, out, err = run("name", model, "--language", "de", "--json")
    topics = json.loads(out)["topics"]
    assert (code, [topic["topic"] for topic in topics], topics[1]["name"]) == (0, [0, 1, 2], "Baking")
    assert "names in" not in err
    assert (model / "config.json").read_bytes() == before


def test_an_unknown_language_of_names(run, lists):
    code, _, err = run("name", lists, "--language", "germn")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "did you mean German (de)?" in err
