import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from softtopic.corpus import Corpus
from softtopic.errors import InputError
from softtopic.extract.plan import automatic_path, extract, extract_into
from softtopic.store import FeatureStore
from softtopic.teacher.model import Teacher
from softtopic.vocabulary import Vocabulary

WORDS = Vocabulary(("database", "space", "baking", "politics"))


def corpus_of(count: int) -> Corpus:
    return Corpus.from_texts([f"Document number {n} is about thing {n % 7}." for n in range(count)])


def contents(folder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.startswith(".")}


def test_an_interrupted_extraction_goes_on_where_it_stopped(tiny_lm, tmp_path, monkeypatch):
    corpus, teacher = corpus_of(50), Teacher(tiny_lm)
    whole = extract_into(tmp_path / "whole", corpus, WORDS, teacher, shard_rows=8)
    read, calls = Teacher.read, []

    def stopping(self, texts, *rest):
        calls.append(len(texts))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return read(self, texts, *rest)

    monkeypatch.setattr(Teacher, "read", stopping)
    with pytest.raises(KeyboardInterrupt):
        extract_into(tmp_path / "broken", corpus, WORDS, teacher, shard_rows=8)
    assert len(FeatureStore.open(tmp_path / "broken").missing()) == 4
    extract_into(tmp_path / "broken", corpus, WORDS, teacher, shard_rows=8)
    assert calls == [8, 8, 8, 8, 8, 8, 8, 2]
    assert contents(tmp_path / "broken") == contents(whole.path)


def test_only_a_damaged_shard_is_read_again(tiny_lm, tmp_path, monkeypatch):
    corpus, teacher = corpus_of(30), Teacher(tiny_lm)
    store = extract_into(tmp_path / "store", corpus, WORDS, teacher, shard_rows=8)
    before = contents(store.path)
    shard = store.path / "part-00002.parquet"
    shard.write_bytes(shard.read_bytes()[:-100])
    read, calls = Teacher.read, []
    monkeypatch.setattr(
        Teacher, "read", lambda self, texts, *rest: calls.append(len(texts)) or read(self, texts, *rest)
    )
    extract_into(store.path, corpus, WORDS, teacher, shard_rows=8)
    assert calls == [8]
    assert contents(store.path) == before


def test_memory_folder_and_cache_give_the_same_features(tiny_lm, tmp_path):
    corpus, teacher = corpus_of(20), Teacher(tiny_lm)
    kinds = [extract(corpus, WORDS, teacher, features=where) for where in (None, "auto", tmp_path / "own", "auto")]
    for features in kinds[1:]:
        np.testing.assert_array_equal(features.hidden, kinds[0].hidden)
        np.testing.assert_array_equal(features.log_probs, kinds[0].log_probs)
    assert (automatic_path(corpus, WORDS, teacher) / "part-00000.parquet").is_file()


def test_a_corpus_without_text_is_refused_before_anything_is_written(tiny_lm, tmp_path):
    with pytest.raises(InputError, match="every document is empty"):
        extract_into(tmp_path / "store", Corpus.from_texts([" ", ""]), WORDS, Teacher(tiny_lm))
    assert not (tmp_path / "store").exists()


SCRIPT = """
    import sys
    from softtopic.corpus import Corpus
    from softtopic.extract.plan import extract_into
    from softtopic.teacher.model import Teacher
    from softtopic.vocabulary import Vocabulary
    lm, out = sys.argv[1:]
    teacher = Teacher(lm)
    corpus = Corpus.from_texts([f"Document number {n} is about thing {n % 7}." for n in range(400)])
    words = Vocabulary(("database", "space", "baking", "politics"))
    teacher.read(["warm"], words)
    print("reading", flush=True)
    extract_into(out, corpus, words, teacher, shard_rows=8)
    print("done", flush=True)
"""


def kill_and_finish(tiny_lm, folder, times: int) -> int:
    """Kill the extraction at random moments, then let it finish; how many times it was caught at work."""
    chance, caught = random.Random(0), 0
    for _ in range(times):
        command = [sys.executable, "-c", textwrap.dedent(SCRIPT), tiny_lm, str(folder)]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert worker.stdout.readline() == "reading\n"
        # So many shards further, and a little: by the clock alone a fast machine would be done before.
        wanted = len(list(folder.glob("part-*"))) + chance.randrange(0, 50 // times + 1)
        while len(list(folder.glob("part-*"))) < wanted and worker.poll() is None:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.005))
        worker.send_signal(signal.SIGKILL)
        caught += "done" not in worker.communicate()[0]
    return caught


@pytest.mark.parametrize("times", [2, pytest.param(25, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_at_any_moment_the_result_is_that_of_an_undisturbed_run(tiny_lm, tmp_path, times):
    corpus, teacher = corpus_of(400), Teacher(tiny_lm)
    caught = kill_and_finish(tiny_lm, tmp_path / "killed", times)
    assert caught > 0
    store = extract_into(tmp_path / "killed", corpus, WORDS, teacher, shard_rows=8)
    whole = extract_into(tmp_path / "whole", corpus, WORDS, teacher, shard_rows=8)
    assert contents(store.path) == contents(whole.path)
    assert not [file for file in store.path.iterdir() if ".staging-" in file.name]
