"""A real Ray cluster of two workers on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray_work

from softtopic import TopicModel
from softtopic.cli import main
from softtopic.errors import EngineError
from softtopic.features.engines.ray import RayEngine
from softtopic.storage.addresses import is_address
from softtopic.storage.parts import PartFolder

# A machine on which nothing else runs needs some seconds for each.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TEXTS = [f"text {'x' * (row % 17)}" for row in range(60)]


@pytest.fixture(scope="module")
def cluster(s3_server):
    pytest.importorskip("ray")
    import ray

    # Workers import their work.
    with pytest.MonkeyPatch.context() as patch:
        paths = [os.path.dirname(ray_work.__file__), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        with RayEngine(workers=2):
            yield ray


@pytest.fixture
def posts(tmp_path):
    """Write these texts, 20 to a file."""

    def posts(texts=TEXTS):
        folder = tmp_path / "posts"
        folder.mkdir()
        for start in range(0, len(texts), 20):
            pq.write_table(pa.table({"text": texts[start : start + 20]}), folder / f"{start:03}.parquet")
        return folder

    return posts


@pytest.fixture
def run(tmp_path, posts):
    def run(texts, engine="ray", out="out", **settings):
        files = tmp_path / "posts"
        out = out if is_address(out) else tmp_path / out
        return ray_work.run(files if files.exists() else posts(texts), out, tmp_path, engine, **settings)

    return run


def table(path):
    return pa.concat_tables(PartFolder.open(path).tables())


def test_results_are_those_of_the_local_engine_and_poison_goes_to_a_side_file(cluster, run, tmp_path):
    texts = [*TEXTS[:33], "poison", *TEXTS[34:]]
    there, here = run(texts, seconds=0.1), run(texts, "local", "here")
    assert there == here
    assert (there.n_documents, there.n_rejected, there.n_parts) == (59, 1, 6)
    assert table(tmp_path / "out").equals(table(tmp_path / "here"))
    rejected = [sorted((tmp_path / out / "_rejected").iterdir())[0].read_text() for out in ("out", "here")]
    assert rejected[0] == rejected[1]
    # This process and each worker have opened the models once; on a busy machine one worker may have done it all.
    assert len(list(tmp_path.glob("opened-*"))) in (2, 3)


def test_workers_read_and_write_an_object_store(cluster, run, bucket, tmp_path):
    import fsspec

    assert run(TEXTS, "local", "here").n_documents == 60
    fsspec.filesystem("s3").put(f"{tmp_path}/posts/", f"{bucket}/posts/", recursive=True)
    there = ray_work.run(f"{bucket}/posts/*.parquet", f"{bucket}/out", tmp_path, "ray")
    assert (there.n_documents, there.n_parts, there.n_kept) == (60, 6, 0)
    assert table(f"{bucket}/out").equals(table(tmp_path / "here"))
    fsspec.filesystem("s3").rm(f"{bucket}/out/part-00003.parquet")
    assert ray_work.run(f"{bucket}/posts/*.parquet", f"{bucket}/out", tmp_path, "local").n_kept == 5
    assert table(f"{bucket}/out").equals(table(tmp_path / "here"))


def test_a_worker_that_is_killed_costs_its_part_alone(cluster, run, tmp_path):
    texts = [*TEXTS[:25], "die once", *TEXTS[26:]]
    assert run(texts).n_documents == 60
    assert (tmp_path / "died").exists()
    assert table(tmp_path / "out")["length"].to_pylist() == [len(text) for text in texts]


def test_a_document_that_kills_every_worker_costs_its_part_and_no_other(cluster, run, tmp_path):
    texts = [*TEXTS[:25], "die", *TEXTS[26:]]
    with pytest.raises(
        EngineError, match=r"1 of 6 parts could not be computed \(rows 0 to 9 of .*020.parquet: its wor"
    ):
        run(texts)
    assert sorted(PartFolder.open(tmp_path / "out").parts()) == [0, 1, 3, 4, 5]


def wait_for_lines(record, n):
    deadline = time.monotonic() + 400
    while not record.exists() or record.read_bytes().count(b"\n") < n:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_driver_that_is_killed_is_continued(cluster, run, posts, tmp_path):
    command = [sys.executable, ray_work.__file__, str(posts()), str(tmp_path / "out"), str(tmp_path)]
    with subprocess.Popen(
        command, env=os.environ | {"RAY_ADDRESS": cluster.get_runtime_context().gcs_address}
    ) as driver:
        wait_for_lines(tmp_path / "out" / "_parts.jsonl", 2)
        driver.send_signal(signal.SIGKILL)
    kept = len(PartFolder.open(tmp_path / "out").parts())
    assert 0 < kept < 6
    done = run(None)
    assert (done.n_kept, done.n_documents) == (kept, 60)
    assert table(tmp_path / "out")["length"].to_pylist() == [len(text) for text in TEXTS]


@pytest.fixture
def head():
    """A cluster of its own, as `ray start --head` starts it: the process, and the port of its head."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={port}"]
    command += ["--num-cpus=2", "--include-dashboard=false", "--object-store-memory=100000000", "--disable-usage-stats"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert any("Ray runtime started" in line for line in process.stdout)
            yield process, port
        finally:
            kill_tree(process.pid)


def kill_tree(number):
    for one in [psutil.Process(number), *psutil.Process(number).children(recursive=True)]:
        one.kill()


def test_a_cluster_that_loses_its_head_ends_in_one_line_and_is_continued(cluster, head, posts, tmp_path, capsys):
    words = ["sql", "tables", "orbit", "rocket", "bread", "flour"]
    model = TopicModel(2, recipe="prodlda", vocabulary=words, features=None)
    model.set_params(recipe__training__epochs=2).fit([f"{a} {b}" for a in words for b in words]).save(tmp_path / "m")
    texts = [f"{words[row % 6]} {row}" for row in range(150)]
    command = ["transform", str(tmp_path / "m"), str(posts(texts)), "--engine", "ray", "--part-rows", "1"]
    command += ["--out", str(tmp_path / "topics")]
    process, port = head
    script = f"import softtopic.features.engines.ray as ray; ray._LOST_SECONDS = 3; {ray_work.MAIN}"
    there = [*command, "--quiet", "--workers", "2", "--address", f"127.0.0.1:{port}"]
    record = tmp_path / "topics" / "_parts.jsonl"
    with subprocess.Popen([sys.executable, "-c", script, *there], stderr=subprocess.PIPE, text=True) as driver:
        wait_for_lines(record, 3)
        kill_tree(process.pid)
        _, said = driver.communicate()
    assert driver.returncode == 2
    assert said.startswith("softtopic: the head of the Ray cluster (")
    assert said.endswith(") does not answer any more; complete parts are kept, run the same command again\n")
    assert said.count("\n") == 1
    kept = len(PartFolder.open(tmp_path / "topics").parts())
    assert 2 < kept < 150
    with pytest.raises(SystemExit) as left:
        main(command)
    assert (left.value.code, f"{kept} of 150 parts were complete" in capsys.readouterr().err) == (0, True)
    found = table(tmp_path / "topics").to_pandas()
    assert found["id"].tolist() == list(range(150))
    np.testing.assert_allclose(found[["theta_0", "theta_1"]], model.transform(texts), atol=1e-6)
