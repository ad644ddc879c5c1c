"""Sample corpora by name, from a folder of data or from the assets."""

import csv
import os
from pathlib import Path

from softtopic.data.corpus import Corpus
from softtopic.data.readers import Columns, read_corpus
from softtopic.errors import InputError
from softtopic.storage.assets import ASSETS, asset_path

# File of each sample corpus in a data folder.
FILES = {
    "20newsgroups": "20newsgroups_bydate.jsonl.gz",
    "stackoverflow": "stackoverflow_titles.jsonl.gz",
    "tweettopic": "tweet_topic.jsonl.gz",
    "biomedical": "biomedical.jsonl.gz",
    "googlenews": "googlenews_ts.jsonl.gz",
    "frenchnews": "masakhanews_fra.jsonl.gz",
}

# Columns with labels, texts and times of assets whose tables hold more than labels and texts.
_HEADER_LINES = 3  # names, types, roles
TABLES = {"election-tweets": ("Author", "Content", "Time")}


def load(name: str, *, data_dir: str | Path | None = None) -> Corpus:
    """Load a labelled sample corpus.

    Parameters
    ----------
    name : str
        A key of `FILES`, or an asset that holds a corpus.
    data_dir : str or Path or None, default=None
        Folder that holds the files of the corpora; by default the environment variable SOFTTOPIC_DATA. Where there is
        none, or the file is not in it, the asset of this name is read.

    Returns
    -------
    Corpus
        Documents with labels.

    Raises
    ------
    InputError
        If the name is unknown, or needs a data folder and none is given.
    AssetError
        If the asset has not been fetched.

    """
    folder = data_dir or os.environ.get("SOFTTOPIC_DATA")
    if folder and name in FILES:
        path = Path(folder) / FILES[name]
        if path.is_file() or name not in ASSETS:
            return read_corpus(path, Columns(label="label"))
    if name in ASSETS and _is_corpus(name):
        return _read_asset(name)
    known = ", ".join(dict.fromkeys([*FILES, *filter(_is_corpus, ASSETS)]))
    next_step = "" if name not in FILES else "; name the folder that holds its file with --data-dir or SOFTTOPIC_DATA"
    raise InputError(f"sample corpus {name!r} is not here; known are {known}{next_step}")


def _is_corpus(asset: str) -> bool:
    return ASSETS[asset].files[0].path.endswith(".tab")


def _read_asset(name: str) -> Corpus:
    folder = asset_path(name)
    read = _read_table if name in TABLES else _read_pairs
    rows = [row for file in ASSETS[name].files for row in read(name, folder / Path(file.path).name)]
    labels, texts, *times = zip(*rows, strict=True)
    return Corpus.from_texts(texts, labels=labels, times=times[0] if times else None)


def _read_pairs(name: str, path: Path) -> list[tuple[str, ...]]:  # noqa: ARG001
    """Labels and texts of a table that holds nothing else, and no quoted cells."""
    pairs = (line.partition("\t") for line in _lines(path)[_HEADER_LINES:])
    return [(label, text) for label, tab, text in pairs if tab]


def _read_table(name: str, path: Path) -> list[tuple[str, ...]]:
    """Labels, texts and times."""
    lines = _lines(path)
    rows = csv.DictReader(lines[_HEADER_LINES:], lines[0].split("\t"), delimiter="\t")
    return [tuple(row[column] for column in TABLES[name]) for row in rows]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")
