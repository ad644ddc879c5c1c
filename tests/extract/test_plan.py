import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from softtopic.corpus import Corpus
from softtopic.errors import InputError, StoreMismatchError
from softtopic.extract.plan import automatic_path, extract, extract_into, manifest_of
from softtopic.store import FeatureStore
from softtopic.teacher.model import Teacher
from softtopic.vocabulary import Vocabulary

WORDS = Vocabulary(("database", "space", "baking", "politics"))


def corpus_of(count: int) -> Corpus:
    return Corpus.from_texts([f"Document number {n} is about thing {n % 7}." for n in range(count)])


def in_small_shards(path, corpus: Corpus, teacher: Teacher, **options) -> FeatureStore:
    """Like `extract_into`, eight documents a shard."""
    FeatureStore.create(path, manifest_of(corpus, WORDS, teacher, shard_rows=8, **options))
    return extract_into(path, corpus, WORDS, teacher, **options)


def contents(folder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.startswith(".")}


def test_an_interrupted_extraction_goes_on_where_it_stopped(tiny_lm, tmp_path, monkeypatch):
    corpus, teacher = corpus_of(50), Teacher(tiny_lm)
    whole = in_small_shards(tmp_path / "whole", corpus, teacher)
    read, calls = Teacher.read, []

    def stopping(self, texts, *rest):
        calls.append(len(texts))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return read(self, texts, *rest)

    monkeypatch.setattr(Teacher, "read", stopping)
    with pytest.raises(KeyboardInterrupt):
        in_small_shards(tmp_path / "broken", corpus, teacher)
    assert len(FeatureStore.open(tmp_path / "broken").missing()) == 4
    in_small_shards(tmp_path / "broken", corpus, teacher)
    assert calls == [8, 8, 8, 8, 8, 8, 8, 2]
    assert contents(tmp_path / "broken") == contents(whole.path)


def test_only_a_damaged_shard_is_read_again(tiny_lm, tmp_path, monkeypatch):
    corpus, teacher = corpus_of(30), Teacher(tiny_lm)
    store = in_small_shards(tmp_path / "store", corpus, teacher)
    before = contents(store.path)
    shard = store.path / "part-00002.parquet"
    shard.write_bytes(shard.read_bytes()[:-100])
    read, calls = Teacher.read, []
    monkeypatch.setattr(
        Teacher, "read", lambda self, texts, *rest: calls.append(len(texts)) or read(self, texts, *rest)
    )
    in_small_shards(store.path, corpus, teacher)
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


@pytest.mark.parametrize("top_k", [1, 2])
def test_labels_are_cut_alike_in_memory_in_a_folder_and_in_the_cache(tiny_lm, tmp_path, top_k):
    corpus, teacher = corpus_of(30), Teacher(tiny_lm)
    kinds = [extract(corpus, WORDS, teacher, features=where, top_k=top_k) for where in (None, "auto", tmp_path / "own")]
    kinds.append(in_small_shards(tmp_path / "shards", corpus, teacher, top_k=top_k).read())
    whole = extract(corpus, WORDS, teacher, features="auto")
    for features in kinds:
        np.testing.assert_array_equal(features.log_probs, kinds[0].log_probs)
        np.testing.assert_array_equal(features.hidden, whole.hidden)
        assert not np.array_equal(features.log_probs, whole.log_probs)
        likeliest = whole.log_probs.argmax(axis=1)
        rows = np.arange(len(likeliest))
        np.testing.assert_array_equal(features.log_probs[rows, likeliest], whole.log_probs[rows, likeliest])


def test_more_words_than_there_are_keep_all(tiny_lm, tmp_path):
    corpus, teacher = corpus_of(5), Teacher(tiny_lm)
    store = extract_into(tmp_path / "own", corpus, WORDS, teacher, top_k=4)
    assert store.manifest.top_k is None
    np.testing.assert_array_equal(store.read().log_probs, extract(corpus, WORDS, teacher, features=None).log_probs)
    with pytest.raises(InputError, match="top_k is 0; give at least 1"):
        extract_into(tmp_path / "none", corpus, WORDS, teacher, top_k=0)


def test_a_folder_of_another_top_k_is_refused(tiny_lm, tmp_path):
    corpus, teacher = corpus_of(5), Teacher(tiny_lm)
    extract_into(tmp_path / "two", corpus, WORDS, teacher, top_k=2)
    with pytest.raises(StoreMismatchError, match="keeps soft labels of top_k 2, asked for is all words; give another"):
        extract_into(tmp_path / "two", corpus, WORDS, teacher)
    with pytest.raises(StoreMismatchError, match="keeps soft labels of top_k 2, asked for is top_k 3"):
        extract_into(tmp_path / "two", corpus, WORDS, teacher, top_k=3)


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
    store = in_small_shards(tmp_path / "killed", corpus, teacher)
    whole = in_small_shards(tmp_path / "whole", corpus, teacher)
    assert contents(store.path) == contents(whole.path)
    assert not [file for file in store.path.iterdir() if ".staging-" in file.name]
