"""The HTTP interface: what it answers, and what it says of wrong requests."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from serving import URL, client_of

from softtopic import TopicModel
from softtopic.serve.config import ServeConfig
from softtopic.serve.live import LiveModel
from softtopic.serve.openapi import openapi_document
from softtopic.storage.atomic import locked

TEXTS = ["The telescope photographed a galaxy.", "Knead the dough.", " "]


def test_mixtures_are_those_of_the_model(asking, fitted):
    found = asking.post("/transform", json={"texts": TEXTS}).json()
    theta = TopicModel.load(fitted).transform(TEXTS)
    np.testing.assert_array_equal(np.float32([one["mixture"] for one in found["documents"]]), theta)
    assert found["topics"] == [0, 1, 2, 3]
    first, _, blank = found["documents"]
    assert first["text"] == TEXTS[0]
    assert first["share"] == max(first["mixture"])
    assert first["name"] == {0: "databases", 1: "space", 2: "bread", 3: "taxes"}[first["topic"]]
    assert (blank["topic"], blank["nearest"], blank["novelty"]) == (None, [], None)


def test_documents_near_to_a_text_are_those_of_the_search(asking, fitted):
    found = asking.post("/transform", json={"texts": TEXTS[:1], "nearest": 3}).json()["documents"][0]["nearest"]
    table = TopicModel.load(fitted).search(TEXTS[0], 3)
    assert [hit["document"] for hit in found] == table["Document"].tolist()
    by_address = asking.get("/search", params={"query": TEXTS[0], "k": 3}).json()
    by_body = asking.post("/search", json={"query": TEXTS[0], "k": 3}).json()
    assert by_address == by_body
    assert by_address["hits"] == found
    assert set(found[0]) == {"document", "id", "divergence", "topic", "text"}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/plain", "The telescope photographed a galaxy.\nKnead the dough.\n"),
        ("text/csv", "key,body\n1,The telescope photographed a galaxy.\n2,Knead the dough.\n"),
        ("text/csv; charset=utf-8", "key;body\n1;The telescope photographed a galaxy.\n2;Knead the dough.\n"),
        ("text/tab-separated-values", "key\tbody\n1\tThe telescope photographed a galaxy.\n2\tKnead the dough.\n"),
        ("application/jsonl", "".join(json.dumps({"body": text}) + "\n" for text in TEXTS[:2])),
        ("application/x-ndjson", json.dumps([{"body": text} for text in TEXTS[:2]])),
    ],
)
def test_files_are_read_as_the_command_line_reads_them(asking, kind, content):
    column = "text" if kind == "text/plain" else "body"
    sent = {"content": content.encode(), "headers": {"content-type": kind}, "params": {"text": column}}
    found = asking.post("/transform", **sent).json()
    expected = asking.post("/transform", json={"texts": TEXTS[:2]}).json()
    assert found == expected


def test_edits_are_saved_and_taken_back(client, folder):
    before = client.get("/topics").json()
    assert sorted(one["topic"] for one in before["topics"]) == [0, 1, 2, 3]
    assert before["edits"] == ["rename"]
    merged = client.post("/edits", json={"merge": [1, 3]}).json()
    assert sorted(one["topic"] for one in merged["topics"]) == [0, 1, 2]
    assert client.post("/edits", json={"rename": {"1": "public  matters"}}).status_code == 200
    assert client.post("/edits", json={"drop": [2]}).json()["edits"] == ["rename", "merge", "rename", "drop"]
    saved = TopicModel.load(folder)
    assert saved.topic_ids_.tolist() == [0, 1]
    assert saved.topic_names_ == ["databases", "public matters"]
    assert client.post("/transform", json={"texts": TEXTS}).json()["topics"] == [0, 1]
    data = client.get("/data").json()
    assert [topic["name"] for topic in data["topics"]] == ["databases", "public matters"]
    assert data["settings"]["edits"] == 4
    for _ in range(3):
        last = client.delete("/edits/last").json()
    assert last == before
    assert TopicModel.load(folder).topic_ids_.tolist() == [0, 1, 2, 3]


def test_a_word_is_excluded(client):
    word = client.get("/topics").json()["topics"][0]["words"][0]
    found = client.post("/edits", json={"exclude": [word]}).json()
    assert word not in [word for one in found["topics"] for word in one["words"]]


def test_the_page_is_that_of_report_with_more(asking):
    page = asking.get("/").text
    assert page.count("</script>") == 2
    assert 'id="new-text"' in page
    assert "connect-src &#x27;self&#x27;" in page
    assert asking.get("/").headers["content-type"].startswith("text/html")
    assert '"trends":{"labels":["2010","2011","2012","2013"]' in page


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "message"),
    [
        ("POST", "/transform", {"json": {"text": "a"}}, 400, "send an object with texts, nearest"),
        ("POST", "/transform", {"json": {"texts": "a"}}, 400, "texts are missing or no list of strings"),
        ("POST", "/transform", {"json": {"texts": [1]}}, 400, "texts are missing or no list of strings"),
        ("POST", "/transform", {"json": {"texts": []}}, 400, "there are 0 texts; send 1 to 10,000"),
        ("POST", "/transform", {"json": {"texts": ["a"], "nearest": 101}}, 400, "nearest is 101; give a whole number"),
        ("POST", "/transform", {"json": {"texts": ["a"], "nearest": True}}, 400, "nearest is True"),
        ("POST", "/transform", {"content": b"{"}, 415, "the content type is ''; send application/json or text/plain"),
        (
            "POST",
            "/transform",
            {"content": b"{", "headers": {"content-type": "application/json"}},
            400,
            "the body is not JSON",
        ),
        (
            "POST",
            "/transform",
            {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}},
            400,
            "the body is not JSON",
        ),
        (
            "POST",
            "/transform",
            {"content": b"a,b\n1,2\n", "headers": {"content-type": "text/csv"}},
            400,
            "the file has no column 'text'; it has: a, b",
        ),
        (
            "POST",
            "/transform",
            {"content": b"\xff\xfe\xfd", "headers": {"content-type": "text/csv"}},
            400,
            "the file",
        ),
        (
            "POST",
            "/transform",
            {"content": b"," * 100_000 + b"\n", "headers": {"content-type": "text/csv"}},
            400,
            "the file has 100,001 columns; expected at most 10,000",
        ),
        ("GET", "/search", {}, 400, "the query is missing"),
        ("GET", "/search?query=%20", {}, 400, "the query is empty"),
        ("GET", "/search?query=a&k=x", {}, 400, "k is 'x'; give a whole number"),
        ("GET", "/search?query=a&k=0", {}, 400, "k is 0; give a whole number from 1 to 100"),
        ("POST", "/search", {"json": {"query": 3}}, 400, "the query is int; give one string"),
        ("POST", "/search", {"json": ["a"]}, 400, "send an object with query, k"),
        ("POST", "/edits", {"json": {"merge": [0, 9]}}, 400, "9"),
        ("POST", "/edits", {"json": {"merge": [0]}}, 400, "give two or more topics in each"),
        ("POST", "/edits", {"json": {"merge": "0,1"}}, 400, "give a list"),
        ("POST", "/edits", {"json": {"paint": 1}}, 400, "give one of merge, rename, drop, split, exclude"),
        ("POST", "/edits", {"json": {"drop": [0], "split": 1}}, 400, "give one of merge"),
        ("POST", "/edits", {"json": [1]}, 400, "give one of merge"),
        ("POST", "/edits", {"json": {"rename": {"a": "b"}}}, 400, "names are by topic, not by 'a'"),
        ("POST", "/edits", {"json": {"rename": ["b"]}}, 400, "give names by topic"),
        ("POST", "/edits", {"json": {"rename": {"0": "a\nb\x00"}}}, 400, "give one line with letters"),
        ("POST", "/edits", {"json": {"rename": {"0": "x" * 201}}}, 400, "has 201 characters; give at most 200"),
        ("POST", "/edits", {"json": {"rename": {"0": "space"}}}, 400, "give distinct names"),
        ("POST", "/edits", {"json": {"split": "a"}}, 400, "split is 'a'; give a whole number"),
        ("POST", "/edits", {"content": b'{"drop":[0]}'}, 415, "send application/json"),
        ("GET", "/nowhere", {}, 404, "there is no /nowhere; see /docs"),
        ("DELETE", "/topics", {}, 405, "/topics is not for DELETE; see /docs"),
    ],
)
def test_wrong_requests_are_one_line(asking, fitted, method, path, sent, status, message):
    before = {path.name: path.read_bytes() for path in fitted.iterdir()}
    answer = asking.request(method, path, **sent)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert message in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert {path.name: path.read_bytes() for path in fitted.iterdir()} == before


def test_lone_surrogates_are_no_error(asking):
    body = b'{"texts": ["a \\ud800 b"], "nearest": 1}'
    answer = asking.post("/transform", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200


def test_nothing_to_undo_is_one_line(client):
    client.delete("/edits/last")
    answer = client.delete("/edits/last")
    assert answer.status_code == 400
    assert "there is no edit to undo" in answer.json()["error"]


def test_a_folder_that_another_program_changed_is_left_alone(client, folder):
    TopicModel.load(folder).drop_topics([0]).save(folder)
    answer = client.post("/edits", json={"drop": [1]})
    assert answer.status_code == 409
    assert "was changed by another program" in answer.json()["error"]
    assert TopicModel.load(folder).topic_ids_.tolist() == [1, 2, 3]


def test_an_edit_that_cannot_be_saved_changes_nothing(client, folder, monkeypatch):
    from softtopic.errors import DiskError
    from softtopic.serve import live

    def full(*_, **__):
        raise DiskError("the disk is full")

    monkeypatch.setattr(live, "save", full)
    answer = client.post("/edits", json={"drop": [1]})
    assert (answer.status_code, answer.json()) == (507, {"error": "the disk is full"})
    assert len(client.get("/topics").json()["topics"]) == 4


def test_an_unexpected_error_is_one_line_without_details(client, monkeypatch):
    monkeypatch.setattr(LiveModel, "topics", lambda self: {}["secret"])
    answer = client.get("/topics")
    assert answer.status_code == 500
    assert answer.json()["error"].startswith("unexpected KeyError; ")
    assert "secret" not in answer.text


def test_read_only_servers_refuse_edits(folder):
    client = client_of(folder, read_only=True)
    for answer in (client.post("/edits", json={"drop": [1]}), client.delete("/edits/last")):
        assert answer.status_code == 403
        assert "read-only" in answer.json()["error"]
    assert client.get("/data").json()["settings"]["read_only"]
    assert "/edits" not in client.get("/openapi.json").json()["paths"]


def test_the_description_names_every_address(asking):
    document = asking.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    unlisted = {"/", "/openapi.json", "/docs"}
    served = {
        (route.path, method)
        for route in asking.app.routes
        for method in route.methods - {"HEAD"}
        if route.path not in unlisted
    }
    assert described == served
    names = json.dumps(document).split('"#/components/schemas/')[1:]
    assert {name.split('"')[0] for name in names} <= document["components"]["schemas"].keys()


def test_answers_are_as_described(asking):
    schemas = openapi_document(ServeConfig())["components"]["schemas"]

    def check(value, schema):
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        types = {"object": dict, "array": list, "string": str, "integer": int, "number": float, "null": type(None)}
        assert isinstance(value, tuple(types[kind] for kind in kinds)), (value, schema)
        if isinstance(value, dict) and "properties" in schema:
            assert value.keys() == schema["properties"].keys()
            for name, one in value.items():
                check(one, schema["properties"][name])
        for one in value if isinstance(value, list) else []:
            check(one, schema["items"])

    check(asking.get("/topics").json(), {"$ref": "#/Topics"})
    check(asking.get("/search?query=orbit").json(), {"$ref": "#/Hits"})
    check(asking.post("/transform", json={"texts": TEXTS, "nearest": 2}).json(), {"$ref": "#/Mixtures"})
    check(asking.get("/nowhere").json(), {"$ref": "#/Error"})


def test_the_page_of_the_interface_needs_nothing_from_elsewhere(asking):
    page = asking.get("/docs").text
    assert "default-src &#x27;none&#x27;" in page
    assert "<script" not in page
    assert page.count("<section>") == 7
    assert f"curl &#x27;{URL}/transform&#x27;" in page


def test_a_folder_that_changes_while_an_edit_waits_is_left_alone(client, folder):
    other = TopicModel.load(folder).drop_topics([0])
    with ThreadPoolExecutor(1) as pool:
        with locked(folder.absolute()):
            answer = pool.submit(client.post, "/edits", json={"drop": [1]})
            time.sleep(0.5)
            # What another program does while it holds the lock.
            other.save(folder.with_name("other"))
            shutil.rmtree(folder)
            folder.with_name("other").rename(folder)
        assert answer.result().status_code == 409
    assert 0 not in TopicModel.load(folder).topic_ids_


def test_the_head_of_a_search_is_that_of_its_answer(client):
    assert client.head("/search?query=orbit").status_code == 200


def test_an_unknown_parameter_of_a_search_is_one_line(client):
    answer = client.get("/search?query=orbit&method=hybrid")
    assert answer.status_code == 400
    assert answer.json()["error"] == "/search has no parameter 'method'; give query and k"
