"""The cache folder: assets, converted models, features, sentence vectors and whatever else is costly to make twice."""

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from softtopic.errors import InputError
from softtopic.storage.atomic import remove_leftovers

# Downloaded and converted models: they are used as long as the program is, and are removed by name alone.
MODELS = ("assets", "models")

# Seconds by which clocks of a file server and of this machine may differ.
_CLOCK_SECONDS = 60.0

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One file or folder of the cache.

    Attributes
    ----------
    kind : str
        Folder it is in: "assets", "models", "features", "embeddings", …
    path : Path
    size : int
        Bytes.
    used : float
        When it was last written or read, in seconds since 1970.

    """

    kind: str
    path: Path
    size: int
    used: float


def cache_dir() -> Path:
    """The cache folder, which need not exist yet.

    Returns
    -------
    Path
        The environment variable SOFTTOPIC_CACHE where it is set, else the user's cache folder for softtopic.

    """
    from platformdirs import user_cache_path

    return Path(os.environ.get("SOFTTOPIC_CACHE") or user_cache_path("softtopic"))


def cache_entries() -> list[CacheEntry]:
    """Everything in the cache, the longest unused first; lock files and what is being written are left out."""
    root = cache_dir()
    paths = [path for path in root.glob("*/*") if not path.name.startswith(".")] if root.is_dir() else []
    entries = [_entry(path) for path in paths]
    return sorted((one for one in entries if one is not None), key=lambda one: (one.used, str(one.path)))


def clear_cache(kind: str | None = None) -> list[CacheEntry]:
    """Remove what was computed, or all of one kind.

    Parameters
    ----------
    kind : str or None, default=None
        As in `CacheEntry`; None: everything but models that were downloaded.

    Returns
    -------
    list of CacheEntry
        What was removed.

    Raises
    ------
    InputError
        If the cache has nothing of the kind.

    """
    entries = cache_entries()
    kinds = sorted({entry.kind for entry in entries})
    if kind is not None and kind not in kinds:
        raise InputError(f"the cache holds no {kind!r}; it has: {', '.join(kinds) or 'nothing'}")
    return _remove([one for one in entries if (one.kind not in MODELS if kind is None else one.kind == kind)])


def cap_cache(size: int) -> list[CacheEntry]:
    """Remove what was computed, the longest unused first, until the rest has at most so many bytes; models stay.

    Returns
    -------
    list of CacheEntry
        What was removed.

    """
    entries = [entry for entry in cache_entries() if entry.kind not in MODELS]
    excess, chosen = sum(entry.size for entry in entries) - size, []
    for entry in entries:
        if excess <= 0:
            break
        chosen.append(entry)
        excess -= entry.size
    return _remove(chosen)


def parse_size(text: str) -> int:
    """Bytes of e.g. "500MB", "2 GB" or "1000000".

    Raises
    ------
    InputError
        If it is no size.

    Examples
    --------
    >>> parse_size("1.5 GB")
    1500000000

    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)b?\s*", text.lower())
    if found is None:
        raise InputError(f"{text!r} is no size; give e.g. 500MB or 2GB")
    return int(float(found[1]) * _UNITS[found[2]])


def _entry(path: Path) -> CacheEntry | None:
    """None where another process has removed it meanwhile."""
    try:
        files = [file.stat() for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
        used = max([max(file.st_mtime, file.st_atime) for file in files], default=path.stat().st_mtime)
    except OSError:
        return None
    # A time to come is of a clock that was wrong: it says nothing of when the entry was used.
    used = used if used <= time.time() + _CLOCK_SECONDS else 0.0
    return CacheEntry(path.parent.name, path, sum(file.st_size for file in files), used)


def _remove(entries: list[CacheEntry]) -> list[CacheEntry]:
    for folder in cache_dir().glob("*/"):
        remove_leftovers(folder)
    for entry in entries:
        if entry.path.is_dir() and not entry.path.is_symlink():
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            entry.path.unlink(missing_ok=True)
    return entries
