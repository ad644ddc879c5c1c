"""SIGKILL at a hundred random moments: what was complete is kept, and a rerun gives the result of one run.

Processes are forked from this one, which has imported everything, and nothing is read by a language model: a run takes
hundredths of a second, most of which are writing.
"""

import io
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from crash_points import cleared, frozen, tree, use_one_thread
from word_counter import WordCounter

from softtopic import Corpus, TopicModel
from softtopic.cli import main
from softtopic.features.store import FeatureStore
from softtopic.persistence.saving import load
from softtopic.pipeline.read import read_into
from softtopic.recipes import RECIPES

# OpenMP's threads do not survive a fork, and sums of several threads are rounded otherwise than those of one.
_one_thread = pytest.mark.skipif(
    torch.get_num_threads() > 1, reason="forked processes compute on one thread: set OMP_NUM_THREADS=1"
)
pytestmark = [
    _one_thread,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]


def forked(run: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            use_one_thread()
            # The process is killed, the machine goes on: what was written is there without waiting for the disk.
            os.fsync = lambda number: None
            run()
        finally:
            os._exit(sys.exc_info()[0] is not None)
    return child


@frozen()
def kill_often(
    run: Callable[[], object], check: Callable[[bool], None], begin: Callable[[], None], times: int = 30
) -> None:
    """Kill runs at random moments; after each `check` is told whether it ended by itself, and all begins anew then."""
    chance, killed, in_a_row, usual = random.Random(0), 0, 5, 0.0
    begin()
    while killed < times:
        start, child = time.perf_counter(), forked(run)
        # After several in a row one may end, so that it is seen how long a run takes now, and the rest of one.
        if in_a_row < 5:
            time.sleep(chance.uniform(0, 1.2 * usual))
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, -signal.SIGKILL)
        check(code == 0)
        if code == 0:
            usual = max(0.7 * usual, time.perf_counter() - start) if in_a_row == 5 else usual
            in_a_row = 0
            begin()
        else:
            killed, in_a_row = killed + 1, in_a_row + 1


@pytest.fixture(scope="module")
def tiny(texts, tmp_path_factory):
    """A model that needs no downloaded one."""
    recipe = RECIPES["prodlda"].with_options(training__epochs=1)
    folder = tmp_path_factory.mktemp("tiny") / "m"
    TopicModel(3, recipe=recipe, vocabulary=40, features=None).fit(texts).save(folder)
    return folder


@pytest.mark.parametrize("top_k", [None, 2])
def test_teach_killed_at_random_moments_gives_the_features_of_one_run(texts, tmp_path, top_k):
    corpus = Corpus.from_texts([f"{text} {n}" for n in range(5) for text in texts])
    plan = TopicModel(3, recipe="light", vocabulary=40, lm=WordCounter()).plan(corpus)
    expected = tree(read_into(tmp_path / "expected", plan, corpus, top_k=top_k).path)
    work = tmp_path / "work"
    work.mkdir()
    seen = set()

    def check(ended):
        if ended:
            assert tree(work) == {f"features/{name}": content for name, content in expected.items()}
        elif (work / "features" / "manifest.json").exists():
            store = FeatureStore.open(work / "features")
            missing = store.missing()
            assert not [shard for shard in missing if (store.path / shard.file).exists()]
            # Of what was done nothing is lost.
            assert len(missing) <= left[-1]
            left.append(len(missing))
            seen.add(len(missing))

    left = [1000]

    def begin():
        cleared(work)
        left[:] = [1000]

    kill_often(lambda: read_into(work / "features", plan, corpus, top_k=top_k), check, begin, times=20)
    assert len(seen) > 4


def test_a_fit_killed_at_random_moments_gives_the_model_of_one_run(texts, tmp_path, monkeypatch):
    recipe = RECIPES["light"].with_options(training__epochs=2)
    work = tmp_path / "work"
    work.mkdir()

    def run(folder=work):
        monkeypatch.setenv("SOFTTOPIC_CACHE", str(folder / "cache"))
        model = TopicModel(3, recipe=recipe, vocabulary=40, lm=WordCounter(), random_state=0).fit(texts)
        model.save(folder / "model")
        model.rename({0: "first"}).save(folder / "model")

    run(tmp_path / "expected")
    expected, seen = tree(tmp_path / "expected"), set()

    def check(ended):
        if ended:
            assert tree(work) == expected
        elif (work / "model").exists():
            seen.add(f"{len(load(work / 'model').edits)} edits")
        else:
            seen.add(len(list(work.rglob("part-*"))))

    kill_often(run, check, partial(cleared, work))
    assert len(seen) > 2


def columns(lines):
    records = [json.loads(line) for line in lines.splitlines()]
    return [one["id"] for one in records], np.array([one["theta"] for one in records])


def test_a_stream_killed_at_random_moments_has_every_line_once(tiny, tmp_path, monkeypatch):
    words = np.random.default_rng(0).choice(["sql", "orbit", "bread", "taxes"], size=(400, 4))
    given = "".join(json.dumps({"text": " ".join(row)}) + "\n" for row in words).encode()
    work, expected = tmp_path / "work", tmp_path / "expected.jsonl"
    work.mkdir()

    def run(out=work / "theta.jsonl"):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(given)))
        with suppress(SystemExit), redirect_stdout(io.StringIO()):
            main(["transform", str(tiny), "-", "--out", str(out), "--resume", "--quiet"])

    # In this process, which then has imported all.
    run(expected)
    expected_ids, expected_theta = columns(expected.read_bytes())
    done = set()

    def check(ended):
        if ended:
            assert [path.name for path in work.iterdir()] == ["theta.jsonl"]
            ids, theta = columns((work / "theta.jsonl").read_bytes())
            assert ids == expected_ids
            # Batches are of other sizes.
            np.testing.assert_allclose(theta, expected_theta, atol=2e-6)
        elif (partial_file := work / "theta.jsonl.partial").exists():
            done.add(partial_file.read_bytes().count(b"\n"))

    kill_often(run, check, partial(cleared, work))
    assert len(done) > 1
