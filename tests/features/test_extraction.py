import os
import shutil
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import DiskError, InputError, StoreMismatchError
from softtopic.features.extraction import build_manifest, cache_path, extract, extract_into
from softtopic.features.store import FeatureStore
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import Prompt

WORDS = Vocabulary(("database", "space", "baking", "politics"))


def corpus_of(count: int) -> Corpus:
    return Corpus.from_texts([f"Document number {n} is about thing {n % 7}." for n in range(count)])


def in_small_shards(path, corpus: Corpus, teacher: Teacher, **options) -> FeatureStore:
    """Like `extract_into`, eight documents a shard."""
    FeatureStore.create(path, build_manifest(corpus, WORDS, teacher, shard_rows=8, **options))
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
    with pytest.raises(KeyboardInterrupt) as stop:
        in_small_shards(tmp_path / "broken", corpus, teacher)
    assert stop.value.__notes__ == ["24 of 50 documents read are kept"]
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


def test_parts_that_were_swapped_or_are_of_another_run_are_named_and_read_again(tiny_lm, tmp_path, caplog):
    corpus, teacher = corpus_of(30), Teacher(tiny_lm)
    store = in_small_shards(tmp_path / "store", corpus, teacher)
    other = in_small_shards(tmp_path / "other", corpus, Teacher(tiny_lm, max_tokens=20))
    before = contents(store.path)
    for shard, content in ((0, before["part-00001.parquet"]), (1, before["part-00000.parquet"])):
        (store.path / store.shards[shard].file).write_bytes(content)
    shutil.copy(other.path / "part-00003.parquet", store.path)
    assert [shard.index for shard in store.missing()] == [0, 1, 3]
    in_small_shards(store.path, corpus, teacher)
    assert "read again: part-00000.parquet, part-00001.parquet, part-00003.parquet" in caplog.text
    assert contents(store.path) == before


def test_memory_folder_and_cache_give_the_same_features(tiny_lm, tmp_path):
    corpus, teacher = corpus_of(20), Teacher(tiny_lm)
    kinds = [extract(corpus, WORDS, teacher, features=where) for where in (None, "auto", tmp_path / "own", "auto")]
    for features in kinds[1:]:
        np.testing.assert_array_equal(features.hidden, kinds[0].hidden)
        np.testing.assert_array_equal(features.log_probs, kinds[0].log_probs)
    assert (cache_path(corpus, WORDS, teacher) / "part-00000.parquet").is_file()


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


def test_the_size_of_shards_follows_from_the_texts_and_is_recorded(tiny_lm, tmp_path):
    """The more there is to read of a document, the fewer are in a shard."""
    short, long = corpus_of(20), Corpus.from_texts([f"{n} " + "many words " * 400 for n in range(20)])
    teacher = Teacher(tiny_lm, device="cpu")
    sizes = [
        build_manifest(corpus, WORDS, reader).shard_rows
        for corpus, reader in (
            (short, teacher),
            (short, teacher.with_prompts(Prompt(), Prompt("Name it."))),
            (long, teacher),
            (long, teacher.with_settings(truncation="windows-3")),
            (long, teacher.with_settings(truncation="windows", max_windows=1000)),
        )
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert 1 <= sizes[-1] < 16
    assert 128 <= sizes[0] <= 1024
    backwards = Corpus.from_texts(long.texts[::-1])
    assert build_manifest(backwards, WORDS, teacher).shard_rows == sizes[2]
    store = extract_into(tmp_path / "f", long, WORDS, teacher)
    assert FeatureStore.open(store.path).manifest.shard_rows == sizes[2]


def test_two_threads_share_the_shards_of_a_store(tiny_lm, tmp_path, monkeypatch):
    """Each shard is read once, and both return when all are there."""
    corpus = corpus_of(60)
    whole = in_small_shards(tmp_path / "whole", corpus, Teacher(tiny_lm))
    read, seen = Teacher.read, []
    monkeypatch.setattr(Teacher, "read", lambda self, texts, *rest: seen.append(texts) or read(self, texts, *rest))

    def run(teacher: Teacher) -> int:
        return len(in_small_shards(tmp_path / "shared", corpus, teacher).missing())

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, [Teacher(tiny_lm), Teacher(tiny_lm)])) == [0, 0]
    assert len(seen) == len(set(seen)) == len(whole.shards)
    assert contents(tmp_path / "shared") == contents(whole.path)
    assert not list((tmp_path / "shared").glob(".part-*.lock"))


def test_a_shard_that_another_process_reads_is_left_to_it_and_waited_for(tiny_lm, tmp_path):
    corpus, teacher = corpus_of(30), Teacher(tiny_lm)
    store = FeatureStore.create(tmp_path / "f", build_manifest(corpus, WORDS, teacher, shard_rows=8))
    with ThreadPoolExecutor(1) as pool:
        with store.claim(store.shards[1]):
            other = pool.submit(extract_into, store.path, corpus, WORDS, teacher)
            while len(store.missing()) > 1:
                time.sleep(0.01)
            assert store.missing() == [store.shards[1]]
            assert not other.done()
        # Given up without having been written: the one that waits reads it.
        assert not other.result(timeout=60).missing()


PAIR = """
    import sys, time
    from softtopic.data.corpus import Corpus
    from softtopic.data.vocabulary import Vocabulary
    from softtopic.features.extraction import extract_into
    from softtopic.teacher.local import Teacher
    lm, folder, wait, top_k = sys.argv[1:]
    read = Teacher.read
    def slow(self, *given):
        print(len(given[0]), flush=True)
        time.sleep(float(wait))
        return read(self, *given)
    Teacher.read = slow
    texts = [f"Document number {n} is about thing {n % 7}." for n in range(80)]
    words = Vocabulary(("database", "space", "baking", "politics"))
    extract_into(folder, Corpus.from_texts(texts), words, Teacher(lm), top_k=int(top_k) or None)
"""


@pytest.mark.slow
@pytest.mark.parametrize("top_k", [0, 2])
def test_two_processes_read_into_one_store_and_one_may_be_killed(tiny_lm, tmp_path, top_k):
    """The first is killed over a shard, the second then reads that one too."""
    corpus, teacher = corpus_of(80), Teacher(tiny_lm)
    whole = in_small_shards(tmp_path / "whole", corpus, teacher, top_k=top_k or None)
    folder = tmp_path / "shared"
    FeatureStore.create(folder, build_manifest(corpus, WORDS, teacher, shard_rows=8, top_k=top_k or None))
    command = [sys.executable, "-c", textwrap.dedent(PAIR), tiny_lm, str(folder)]
    options = {"stdout": subprocess.PIPE, "text": True, "env": os.environ | {"OMP_NUM_THREADS": "1"}}
    with (
        subprocess.Popen([*command, "0.3", str(top_k)], **options) as first,
        subprocess.Popen([*command, "0.3", str(top_k)], **options) as second,
    ):
        for _ in range(2):
            assert first.stdout.readline()
        first.kill()
        read = second.stdout.read().split()
        assert second.wait(60) == 0
    assert len(read) >= len(whole.shards) - 2
    assert contents(folder) == contents(whole.path)
    assert not FeatureStore.open(folder).missing()


def test_a_cache_that_cannot_be_written_is_a_warning(tiny_lm, tmp_path, monkeypatch, caplog):
    corpus, teacher = corpus_of(5), Teacher(tiny_lm)
    kept_nowhere = extract(corpus, WORDS, teacher, features=None)
    (tmp_path / "file").touch()
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "file" / "cache"))
    features = extract(corpus, WORDS, teacher)
    np.testing.assert_array_equal(features.log_probs, kept_nowhere.log_probs)
    assert "what the language model says is not kept: " in caplog.text
    with pytest.raises(DiskError, match="could not be written"):
        extract(corpus, WORDS, teacher, features=tmp_path / "file" / "features")
