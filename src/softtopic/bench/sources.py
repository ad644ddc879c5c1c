"""Documents that methods are compared on, and the reference corpus of topic coherence."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from softtopic.data.corpus import Corpus, equidistant, fingerprint_strings
from softtopic.data.datasets import FILES, load
from softtopic.data.readers import Columns, read_corpus
from softtopic.errors import InputError
from softtopic.metrics.reference import Reference
from softtopic.storage.assets import ASSETS

# Suffix of a corpus's name where duplicates are kept.
ALL_ROWS = " (all rows)"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Documents of a sample corpus or a file.

    Parameters
    ----------
    data : str
        Name of a sample corpus, or a file.
    data_dir : str or None, default=None
        Folder of the sample corpora; None: see `softtopic.data.datasets.load`.
    text : str, default="text"
        Column of the texts of a file.
    label : str or None, default=None
        Column of the labels of a file; None: "label", where there is one.
    documents : int or None, default=None
        Number of distinct documents, at equal distances in the file; None: all.
    duplicates : bool, default=False
        Keep duplicates, as published results of some corpora do.

    Raises
    ------
    InputError
        If `documents` is below 2, or combined with `duplicates`.
    """

    data: str
    data_dir: str | None = None
    text: str = "text"
    label: str | None = None
    documents: int | None = None
    duplicates: bool = False

    def __post_init__(self) -> None:
        if self.duplicates and self.documents is not None:
            raise InputError("--documents takes distinct documents; leave it out, or --duplicates")
        if self.documents is not None and self.documents < 2:
            raise InputError(f"--documents is {self.documents}; give a whole number of at least 2")

    @property
    def is_file(self) -> bool:
        return self.data not in FILES and self.data not in ASSETS

    @property
    def name(self) -> str:
        """Name in tables and figures."""
        name = Path(self.data).name.split(".")[0] if self.is_file else self.data
        return name + ALL_ROWS if self.duplicates else name

    def read(self) -> Corpus:
        """The documents that are not blank; of duplicates the first, unless they are kept."""
        if not self.is_file:
            whole = load(self.data, data_dir=self.data_dir)
        elif Path(self.data).is_file():
            columns = Columns(text=self.text, label=self.label or "label", label_required=self.label is not None)
            whole = read_corpus(self.data, columns)
        else:
            known = ", ".join(dict.fromkeys([*FILES, *(name for name in ASSETS if name.startswith("reuters"))]))
            raise InputError(f"{self.data!r} is no sample corpus and no file; choose from {known}")
        return without_blank(whole) if self.duplicates else equidistant_sample(whole, self.documents)


def labelled_fingerprint(corpus: Corpus) -> str:
    """SHA-256 of texts and labels."""
    return fingerprint_strings([*corpus.texts, *(corpus.labels or ())])


def equidistant_sample(corpus: Corpus, documents: int | None) -> Corpus:
    """Distinct documents at equal distances in the file, so many of them; None: all."""
    _check_texts(corpus)
    places = np.sort(corpus.distinct.first)
    return corpus.at(places[equidistant(len(places), len(places) if documents is None else documents)])


def without_blank(corpus: Corpus) -> Corpus:
    """All documents that are not blank, duplicates included."""
    _check_texts(corpus)
    return corpus.at(np.flatnonzero(corpus.distinct.rows >= 0))


def _check_texts(corpus: Corpus) -> None:
    if not corpus.distinct.texts:
        raise InputError(f"{len(corpus)} documents, none with text; give documents to compare methods on")


@dataclass(frozen=True, kw_only=True)
class ReferenceFile:
    """A file with the texts of a reference corpus of topic coherence.

    Parameters
    ----------
    path : str
    column : str, default="text"
        Column of the texts.
    """

    path: str
    column: str = "text"

    def read(self) -> Reference:
        """The reference, indexed once and kept in the cache folder; raises InputError where the file is missing."""
        if not Path(self.path).is_file():
            raise InputError(f"reference {self.path} does not exist; give a file of texts")
        return Reference.read(self.path, Columns(text=self.column))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file and the column."""
        with Path(self.path).open("rb") as stream:
            return fingerprint_strings([hashlib.file_digest(stream, "sha256").hexdigest(), self.column])
