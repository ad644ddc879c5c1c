"""Sample corpora by name, from a folder of data or from the assets."""

import os
from pathlib import Path

from softtopic.data.corpus import Corpus
from softtopic.data.readers import Columns, read_corpus
from softtopic.errors import InputError
from softtopic.storage.assets import ASSETS, asset_path

# Files of a data folder; those that are assets too are read there where no folder is named.
FILES = {
    "20newsgroups": "20newsgroups_bydate.jsonl.gz",
    "stackoverflow": "stackoverflow_titles.jsonl.gz",
    "tweettopic": "tweet_topic.jsonl.gz",
    "biomedical": "biomedical.jsonl.gz",
    "googlenews": "googlenews_ts.jsonl.gz",
    "frenchnews": "masakhanews_fra.jsonl.gz",
}


def load(name: str, *, data_dir: str | Path | None = None) -> Corpus:
    """A labelled sample corpus.

    Read from `data_dir` (or SOFTTOPIC_DATA) where that holds it, else from the fetched asset of this name.
    Raises InputError for an unknown name, AssetError for one that has not been fetched.
    """
    folder = data_dir or os.environ.get("SOFTTOPIC_DATA")
    if folder and name in FILES:
        path = Path(folder) / FILES[name]
        if path.is_file() or name not in ASSETS:
            return read_corpus(path, Columns(label="label"))
    if name in ASSETS and _is_corpus(name):
        return _tables(name)
    known = ", ".join(dict.fromkeys([*FILES, *(name for name in ASSETS if _is_corpus(name))]))
    place = "" if name not in FILES else "; name the folder that holds its file with --data-dir or SOFTTOPIC_DATA"
    raise InputError(f"sample corpus {name!r} is not here; known are {known}{place}")


def _is_corpus(asset: str) -> bool:
    return ASSETS[asset].files[0].path.endswith(".tab")


def _tables(name: str) -> Corpus:
    folder = asset_path(name)
    texts: list[str] = []
    labels: list[str] = []
    for file in ASSETS[name].files:
        lines = (folder / Path(file.path).name).read_text(encoding="utf-8").split("\n")
        # Three header lines: names, types, roles.
        for line in lines[3:]:
            label, tab, text = line.partition("\t")
            if tab:
                labels.append(label)
                texts.append(text)
    return Corpus.from_texts(texts, labels=labels)
