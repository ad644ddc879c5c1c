"""A real Ray cluster over three hosts with addresses of their own: network namespaces."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import hosts
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray_work

from softtopic import PartFolder, TopicModel
from softtopic.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WORDS = ["sql", "tables", "orbit", "rocket", "bread", "flour"]
PORT = 6379
# A host that does not answer is lost after some seconds; Ray's own setting is half a minute.
HEALTH = {"RAY_health_check_initial_delay_ms": "1000", "RAY_health_check_period_ms": "1000"}
HEALTH |= {"RAY_health_check_timeout_ms": "1000", "RAY_health_check_failure_threshold": "3"}


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="module")
def environment(notes, tmp_path_factory):
    paths = [os.path.dirname(ray_work.__file__), os.environ.get("PYTHONPATH", "")]
    paths = os.pathsep.join(os.path.abspath(path) for path in filter(None, paths))
    return os.environ | HEALTH | {"PYTHONPATH": paths, "NOTES": str(notes), "RAY_AUTH_MODE": "disabled"}


@pytest.fixture(scope="module")
def cluster(environment):
    """A head without processors, and two hosts that work."""
    pytest.importorskip("ray")
    if (reason := hosts.why_not()) is not None:
        pytest.skip(reason)
    with ExitStack() as end:
        try:
            found = end.enter_context(hosts.hosts(3))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces: {error.stderr.strip()}")
        for host in found:
            # Paths of sockets are short.
            folder = end.enter_context(TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True))
            command = [Path(sys.executable).with_name("ray"), "start", "--block", f"--node-ip-address={host.address}"]
            command += [f"--temp-dir={folder}", "--object-store-memory=100000000", "--disable-usage-stats"]
            command += (
                ["--head", f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false"]
                if host is found[0]
                else [f"--address={found[0].address}:{PORT}", "--num-cpus=2"]
            )
            process = end.enter_context(
                subprocess.Popen(
                    host.command(*command), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
                )
            )
            end.callback(host.kill_all)
            said = []
            while not said or "Ray runtime started" not in said[-1]:
                said.append(process.stdout.readline())
                assert said[-1], "".join(said)
        yield found


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A model, files of documents, and the mixtures that one process computes."""
    folder = tmp_path_factory.mktemp("work")
    model = TopicModel(2, recipe="prodlda", vocabulary=WORDS, features=None)
    model.set_params(recipe__training__epochs=2).fit([f"{a} {b}" for a in WORDS for b in WORDS]).save(folder / "m")
    (folder / "posts").mkdir()
    for start in (0, 30):
        texts = [f"{WORDS[row % 6]} {row}" for row in range(start, start + 30)]
        pq.write_table(pa.table({"text": texts}), folder / "posts" / f"{start:02}.parquet")
    with pytest.raises(SystemExit):
        main([*transform(folder, "here"), "--engine", "local"])
    return folder


def transform(folder, out):
    return ["transform", f"{folder}/m", f"{folder}/posts", "--part-rows", "1", "--quiet", "--out", f"{folder}/{out}"]


def start(cluster, work, out, environment):
    """The command, on the host of the head."""
    command = [*transform(work, out), "--engine", "ray", "--workers", "2", "--address", f"{cluster[0].address}:{PORT}"]
    return subprocess.Popen(
        cluster[0].command(sys.executable, "-c", ray_work.NOTED_MAIN, *command),
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def table(path):
    return pa.concat_tables(PartFolder.open(path).tables())


def counts(cluster, notes):
    """Number of parts that each host has begun."""
    names = [file.name for file in notes.iterdir()]
    return [sum(name.startswith(f"{host.address}-") for name in names) for host in cluster]


def test_hosts_compute_what_one_process_does_and_one_that_is_lost_costs_its_parts_alone(
    cluster, work, notes, environment
):
    with start(cluster, work, "there", environment) as driver:
        deadline = time.monotonic() + 300
        while min(counts(cluster, notes)[1:]) < 6:
            assert time.monotonic() < deadline
            assert driver.poll() is None
            time.sleep(0.02)
        cluster[2].disconnect()
        before = counts(cluster, notes)
        _, said = driver.communicate()
    assert (driver.returncode, said) == (0, "")
    assert table(work / "there").equals(table(work / "here"))
    head, one, lost = counts(cluster, notes)
    assert (head, before[0]) == (0, 0)
    assert 6 <= lost <= before[2] + 2
    assert one + lost <= 60 + 6
