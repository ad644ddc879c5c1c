"""Servers: a fake one for what can go wrong, and a real one of llama.cpp where there is one."""

import json
import os
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

import softtopic.teacher.endpoint as endpoint
from softtopic.errors import LanguageModelError
from softtopic.storage.assets import ASSETS, asset_path
from softtopic.teacher.server import ServerTeacher


@pytest.fixture
def server() -> Iterator[SimpleNamespace]:
    """A server whose answers are functions of the question, by path, and what it has heard."""
    about = SimpleNamespace(paths={}, heard=[])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            about.heard.append((self.path, body, dict(self.headers)))
            answer: Callable = about.paths.get(self.path, lambda _: (404, {"error": {"message": "no such path"}}))
            code, what = answer(body)
            data = what if isinstance(what, bytes) else json.dumps(what).encode()
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", about.url + "/elsewhere")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    about.url = f"http://127.0.0.1:{listening.server_port}/v1"
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield about
    listening.shutdown()
    listening.server_close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(endpoint, "_FIRST_DELAY", 0.001)
    for name in (endpoint.KEY, endpoint.VECTORS_KEY, endpoint.SERVERS):
        monkeypatch.delenv(name, raising=False)


def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    return unused_port()


@pytest.fixture(scope="session")
def real(embedded_lm) -> Iterator[str]:
    """The address of a server of the embedded language model."""
    command = os.environ.get("SOFTTOPIC_TEST_SERVER")
    if not command:
        pytest.skip("no server: SOFTTOPIC_TEST_SERVER is not set (see CONTRIBUTING.md)")
    gguf = asset_path(embedded_lm) / Path(ASSETS[embedded_lm].files[0].path).name
    port = unused_port()
    options = ["--model", str(gguf), "--port", str(port), "--embeddings", "--pooling", "mean"]
    server = subprocess.Popen([*shlex.split(command), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        for _ in range(120):
            try:
                ServerTeacher(url).open()
                break
            except LanguageModelError:
                assert server.poll() is None, "the server of SOFTTOPIC_TEST_SERVER has ended"
                time.sleep(0.5)
        yield url
    finally:
        server.kill()
        server.wait()
