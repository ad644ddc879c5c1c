"""A server in a thread, and a client without one."""

import socket
import threading
import time
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.testclient import TestClient

from softtopic.serve.app import make_app
from softtopic.serve.config import ServeConfig
from softtopic.serve.live import LiveModel

NAMES = {0: "databases", 1: "space", 2: "bread", 3: "taxes"}
URL = "http://127.0.0.1:8000"


def client_of(folder, **settings) -> TestClient:
    """A client of an application without a server."""
    app = make_app(LiveModel(folder), ServeConfig(**settings))
    return TestClient(app, base_url=URL, raise_server_exceptions=False)


@contextmanager
def running(folder, **settings):
    """A server of a folder in a thread; a client of it."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = make_app(LiveModel(folder), ServeConfig(**settings))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=60, trust_env=False, limits=httpx.Limits(max_connections=60)) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
