import os
import subprocess
import sys
import time

import pytest

from softtopic.errors import InputError
from softtopic.storage.cache import cache_dir, cache_entries, cap_cache, clear_cache, parse_size


@pytest.fixture
def filled(tmp_path, monkeypatch):
    """A cache with an asset, a folder of features and three files of vectors; the first is the longest unused."""
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    for age, name in enumerate(["embeddings/c", "embeddings/b", "embeddings/a", "features/f/part", "assets/model/w"]):
        path = cache_dir() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (age, age))
    (cache_dir() / "features" / ".f.lock").touch()
    return cache_dir()


def names(entries) -> list[str]:
    return [f"{entry.kind}/{entry.path.name}" for entry in entries]


def test_entries_have_sizes_and_the_longest_unused_is_first(filled):
    assert names(cache_entries()) == [
        "embeddings/c", "embeddings/b", "embeddings/a", "features/f", "assets/model",
    ]  # fmt: skip
    assert {entry.size for entry in cache_entries()} == {100}


def test_a_cache_that_is_not_there_is_empty(tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "none"))
    assert cache_entries() == clear_cache() == cap_cache(0) == []


def test_clearing_leaves_models_unless_they_are_named(filled):
    assert len(clear_cache()) == 4
    assert names(cache_entries()) == ["assets/model"]
    clear_cache("assets")
    assert cache_entries() == []
    with pytest.raises(InputError, match="the cache holds no 'pictures'; it has: nothing"):
        clear_cache("pictures")


def test_a_cap_removes_the_longest_unused_first(filled):
    assert names(cap_cache(250)) == ["embeddings/c", "embeddings/b"]
    assert cap_cache(250) == []
    assert len(cap_cache(0)) == 2
    assert names(cache_entries()) == ["assets/model"]


def test_a_clock_that_was_wrong_keeps_nothing_for_ever(filled):
    """An entry of a time to come is the first one to go, and not the last."""
    later = time.time() + 3600
    os.utime(cache_dir() / "embeddings" / "a", (later, later))
    assert names(cap_cache(350)) == ["embeddings/a"]
    assert names(cap_cache(250)) == ["embeddings/c"]


def test_what_killed_processes_left_is_removed_with_the_rest(filled):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (cache_dir() / "embeddings" / f".d.npy.staging-{process.pid}-0123456789ab").touch()
    own = cache_dir() / "embeddings" / f".e.npy.staging-{os.getpid()}-0123456789ab"
    own.touch()
    clear_cache()
    assert [path.name for path in (cache_dir() / "embeddings").iterdir()] == [own.name]
    assert not list((cache_dir() / "features").iterdir())


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("500MB", 500_000_000), ("2 gb", 2 * 10**9), ("1.5k", 1500)])
def test_sizes_are_read(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "many", "²", "1e9", "5 parsecs"])
def test_other_sizes_are_refused(text):
    with pytest.raises(InputError, match="is no size; give"):
        parse_size(text)
