"""Sample corpora by name, from a folder of data or from the assets."""

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
