"""Requests that are refused: foreign hosts and origins, too large, too slow; and many at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import URL, client_of, running

from softtopic.serve.config import ServeConfig
from softtopic.serve.live import LiveModel
from softtopic.serve.protection import is_own_host

HOSTS = ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000"]


@pytest.mark.parametrize("host", HOSTS)
def test_hosts_of_this_machine_are_answered(asking, host):
    assert asking.get("/topics", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.7",
        "",
        "[",
        "a@b",
    ],
)
def test_foreign_hosts_are_refused(asking, host):
    for path in ("/", "/topics", "/docs", "/nowhere"):
        answer = asking.get(path, headers={"host": host})
        assert answer.status_code == 421
        assert "open the address that softtopic serve printed" in answer.json()["error"]


@pytest.mark.parametrize(
    ("host", "name", "own"),
    [
        ("0.0.0.0", "192.168.1.5:8000", True),
        ("0.0.0.0", "evil.example", False),
        ("192.168.1.5", "192.168.1.5:8000", True),
        ("box.lan", "box.lan:8000", True),
        ("box.lan", "evil.example:8000", False),
        ("127.0.0.1", "192.168.1.5:8000", False),
        ("::1", "[::1]:8000", True),
    ],
)
def test_other_hosts_are_answered_only_where_they_are_given(host, name, own):
    assert is_own_host(name, ServeConfig(host=host)) == own


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "http://localhost:8000"},
        {"origin": URL.replace("http", "https")},
        {"origin": URL.removesuffix(":8000")},
        {"origin": "http://127.0.0.1:x"},
        {"origin": "file://"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_foreign_origins_are_refused_and_change_nothing(asking, headers):
    for method, path, sent in (
        ("GET", "/topics", {}),
        ("POST", "/transform", {"json": {"texts": ["a"]}}),
        ("POST", "/edits", {"json": {"drop": [0]}}),
        ("DELETE", "/edits/last", {}),
    ):
        answer = asking.request(method, path, headers=headers, **sent)
        assert answer.status_code == 403
        assert "pages of other sites are not answered" in answer.json()["error"]
    assert asking.get("/topics").json()["edits"] == ["rename"]


def test_forms_of_other_sites_change_nothing(asking):
    navigated = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert asking.post("/edits", headers=navigated, json={"drop": [0]}).status_code == 403
    # A link may lead here.
    assert asking.get("/", headers=navigated).status_code == 200


def test_own_pages_are_answered(asking):
    for headers in ({"origin": URL}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}):
        assert asking.get("/topics", headers=headers).status_code == 200
    for host, origin in (("LOCALHOST:80", "http://localhost"), ("localhost", "http://localhost:80")):
        assert asking.get("/topics", headers={"host": host, "origin": origin}).status_code == 200
    # Behind a proxy that speaks TLS, where the server is told so.
    secure = {"host": "localhost", "origin": "https://localhost"}
    assert asking.get("https://localhost/topics", headers=secure).status_code == 200
    assert asking.get("https://localhost/topics", headers=secure | {"origin": "http://localhost"}).status_code == 403


def test_no_page_may_frame_or_read_answers(asking):
    for path in ("/", "/topics", "/nowhere", "/docs"):
        headers = asking.get(path).headers
        assert headers["content-security-policy"] == "frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path", ["/../config.json", "/%2e%2e/config.json", "/config.json", "/model.safetensors", "//etc/passwd"]
)
def test_no_path_leads_to_a_file(asking, path):
    assert asking.get(f"{URL}{path}").status_code == 404


def test_large_requests_are_refused(folder):
    client = client_of(folder, max_bytes=1000, max_texts=5)
    answer = client.post("/transform", json={"texts": ["a" * 1000]})
    assert answer.status_code == 413
    assert "send at most 1,000" in answer.json()["error"]

    def blocks():
        for _ in range(20):
            yield b"a" * 100

    # Without a length, as it comes.
    answer = client.post("/transform", content=blocks(), headers={"content-type": "text/plain"})
    assert answer.status_code == 413
    assert "more than 1,000 bytes" in answer.json()["error"]
    answer = client.post("/transform", json={"texts": ["a"] * 6})
    assert "there are 6 texts; send 1 to 5 at once" in answer.json()["error"]


def test_long_requests_are_stopped(folder, monkeypatch):
    calls = []

    def slow(self, predictor, texts, nearest=0):
        calls.append(len(texts))
        time.sleep(0.1)
        return []

    monkeypatch.setattr(LiveModel, "transform", slow)
    answer = client_of(folder, max_seconds=0.25).post("/transform", json={"texts": ["a"] * 1000})
    assert answer.status_code == 503
    assert "took more than 0.25 seconds; send fewer texts at once" in answer.json()["error"]
    assert len(calls) < 6


def test_fifty_requests_at_once_are_answered_as_one(folder):
    bodies = [
        {"texts": [f"telescope bread {n}", "senate taxes orbit"] * (n % 3 + 1), "nearest": n % 4} for n in range(50)
    ]
    with running(folder) as client, ThreadPoolExecutor(50) as pool:
        alone = [client.post("/transform", json=body).json() for body in bodies]
        start = threading.Barrier(50)

        def send(body):
            start.wait()
            return client.post("/transform", json=body).json()

        assert list(pool.map(send, bodies)) == alone


def test_edits_and_requests_at_once_do_not_mix(folder):
    """Every answer is of one state of the topics, and each of the edits is made."""
    with running(folder) as client, ThreadPoolExecutor(12) as pool:

        def ask(_):
            found = client.post("/transform", json={"texts": ["telescope", "dough"] * 80}).json()
            return {(len(found["topics"]), len(one["mixture"])) for one in found["documents"]}

        def edit(request):
            return client.post("/edits", json=request).status_code

        edits = [pool.submit(edit, {"rename": {"0": f"name {n}"}}) for n in range(6)]
        edits.append(pool.submit(edit, {"merge": [1, 2]}))
        answers = [pool.submit(ask, n) for n in range(6)]
        assert all(len(answer.result()) == 1 for answer in answers)
        assert {one.result() for one in edits} == {200}
        assert len(client.get("/topics").json()["edits"]) == 8


def test_the_event_loop_is_free_while_texts_are_read(folder, monkeypatch):
    entered, leave = threading.Event(), threading.Event()

    def slow(self, predictor, texts, nearest=0):
        entered.set()
        leave.wait(20)
        return []

    monkeypatch.setattr(LiveModel, "transform", slow)
    with running(folder) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: client.post("/transform", json={"texts": ["a"]}).status_code)
        assert entered.wait(20)
        assert client.get("/openapi.json").status_code == 200
        leave.set()
        assert waiting.result() == 200
