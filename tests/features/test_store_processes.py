"""A feature folder whose writer fails or dies: in processes of their own, for limits and kills are real."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from softtopic.features.store import FeatureStore
from softtopic.teacher.base import Features

PRELUDE = """
import os, random, resource, signal, sys, time
import numpy as np
import pyarrow.parquet as pq
from softtopic.errors import DiskError
from softtopic.features.manifest import Manifest
from softtopic.features.store import FeatureStore
from softtopic.teacher.base import Features

def manifest(rows, size):
    words = tuple(f"w{i}" for i in range(500))
    about = {"corpus": "c", "vocabulary": "v", "teacher": "t", "teacher_description": {}}
    return Manifest(**about, rows=rows, words=words, shard_rows=size)

def write(store, shard):
    noise = np.random.default_rng(shard.index)
    rows = shard.stop - shard.start
    parts = (noise.normal(size=(rows, n)).astype(np.float16) for n in (500, 64))
    store.write(shard, [str(row) for row in range(rows)], Features(*parts))
"""

LIMITED = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = FeatureStore.create(sys.argv[1], manifest(512, 256))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write(store, store.shards[0])
except DiskError as error:
    print(error)
"""

KILLED = """
def until_killed(folder, ready, half):
    store = FeatureStore.create(folder, manifest(512, 128))
    if half:
        def write_table(table, where, **options):
            open(where, "wb").write(b"PAR1 half a shard")
            os.kill(os.getpid(), signal.SIGKILL)
        pq.write_table = write_table
    os.write(ready, b"!")
    while True:
        for shard in store.shards:
            write(store, shard)

for run in range(6):
    reading, ready = os.pipe()
    writer = os.fork()
    if not writer:
        until_killed(f"{sys.argv[1]}/{run}", ready, half=run == 0)
    os.read(reading, 1)
    if run:  # the first ends by itself, in the middle of a file
        time.sleep(random.uniform(0.01, 0.2))
        os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
"""


def run_script(code: str, folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + code, folder], capture_output=True, text=True, check=True
    ).stdout


def test_a_disk_that_takes_no_more_leaves_no_shard(tmp_path):
    message = run_script(LIMITED, tmp_path / "f")
    assert "part-00000.parquet could not be written (" in message
    assert message.count("\n") == 1
    assert [path.name for path in (tmp_path / "f").iterdir()] == ["manifest.json"]


def test_a_writer_killed_at_any_moment_leaves_whole_shards_and_the_next_one_tidies_up(tmp_path):
    run_script(KILLED, tmp_path)
    assert len(list((tmp_path / "0").glob(".part-*.staging-*"))) == 1
    for run in range(6):
        killed = FeatureStore.open(tmp_path / str(run))
        assert [shard for shard in killed.missing() if (killed.path / shard.file).exists()] == []
        for shard in killed.shards:
            rows = np.zeros((shard.stop - shard.start, 500), np.float16)
            killed.write(shard, ["x"] * len(rows), Features(rows, np.zeros((len(rows), 64), np.float16)))
        names = {"manifest.json", *(shard.file for shard in killed.shards)}
        assert {path.name for path in killed.path.iterdir()} == names
        assert not killed.missing()
