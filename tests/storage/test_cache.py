from pathlib import Path

from softtopic.storage.cache import cache_dir


def test_the_cache_is_the_users_unless_named(monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", "/somewhere")
    assert cache_dir() == Path("/somewhere")
    monkeypatch.delenv("SOFTTOPIC_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir().is_relative_to("/home/someone")
