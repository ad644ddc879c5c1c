"""The command, in a process of its own: it answers, stops when told to, and may be killed while it saves."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Timer

import httpx
import pytest

from softtopic import TopicModel
from softtopic.cli import main
from softtopic.errors import InputError
from softtopic.serve import server
from softtopic.serve.config import ServeConfig


@pytest.fixture
def start(folder):
    """Start the command on a free port; its process and a client."""
    processes = []

    def start():
        command = [sys.executable, "-m", "softtopic.cli", "serve", folder, "--port", "0", "--json", "--quiet"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        url = json.loads(process.stdout.readline())["url"]
        return process, httpx.Client(base_url=url, timeout=60, trust_env=False)

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_command_answers_and_stops_when_told_to(start):
    process, client = start()
    assert client.base_url.host == "127.0.0.1"
    assert client.post("/transform", json={"texts": ["orbit"]}).status_code == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


@pytest.mark.slow
def test_a_server_killed_while_it_edits_leaves_a_model(start, folder):
    for delay in (0.03, 0.1, 0.3):
        process, client = start()
        Timer(delay, process.kill).start()
        with suppress(httpx.TransportError):
            for n in range(10_000):
                client.post("/edits", json={"rename": {"0": f"name {n}"}})
        assert process.wait(20) == -signal.SIGKILL
        assert TopicModel.load(folder).topic_ids_.tolist() == [0, 1, 2, 3]


def test_a_folder_without_a_model_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["serve", str(tmp_path / "nowhere"), "--port", "0"])
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "no such model folder" in err


def test_a_port_in_use_and_missing_packages_are_one_line(monkeypatch):
    with server.listen(ServeConfig(port=0)) as taken:
        port = taken.getsockname()[1]
        assert server.url_of(taken) == f"http://127.0.0.1:{port}/"
        with pytest.raises(InputError, match=f"127.0.0.1 port {port} cannot be listened on .*; give another --port"):
            server.listen(ServeConfig(port=port))
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="starlette and uvicorn: not installed; pip install 'softtopic\\[serve\\]'"):
        server.check_installed()
