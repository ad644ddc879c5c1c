"""What is compared on: the documents, and the reference of coherence, both read anew by every process."""

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

# What the name of a corpus ends with where equal documents were kept.
ALL_ROWS = " (all rows)"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Documents by name or in a file.

    Args:
        data: name of a sample corpus, or a file.
        data_dir: where sample corpora lie; None: as `softtopic.data.datasets` finds them.
        text: column of texts, of a file.
        label: column of labels, of a file; None: "label", where there is one.
        documents: size of a random sample of the distinct ones; None: all.
        duplicates: keep documents whose text stood there before, as published figures of some corpora do.

    """

    data: str
    data_dir: str | None = None
    text: str = "text"
    label: str | None = None
    documents: int | None = None
    duplicates: bool = False

    def __post_init__(self) -> None:
        if self.duplicates and self.documents is not None:
            raise InputError("--documents chooses among distinct ones; leave it out, or --duplicates")
        if self.documents is not None and self.documents < 2:
            raise InputError(f"--documents is {self.documents}; give a whole number of at least 2")

    @property
    def is_file(self) -> bool:
        return self.data not in FILES and self.data not in ASSETS

    @property
    def name(self) -> str:
        """What tables call it."""
        name = Path(self.data).name.split(".")[0] if self.is_file else self.data
        return name + ALL_ROWS if self.duplicates else name

    def read(self) -> Corpus:
        """The documents that are not blank: each text once, with the label of the first that has it, or every row."""
        if not self.is_file:
            whole = load(self.data, data_dir=self.data_dir)
        elif Path(self.data).is_file():
            columns = Columns(text=self.text, label=self.label or "label", label_required=self.label is not None)
            whole = read_corpus(self.data, columns)
        else:
            known = ", ".join(dict.fromkeys([*FILES, *(name for name in ASSETS if name.startswith("reuters"))]))
            raise InputError(f"{self.data!r} is no sample corpus and no file; known corpora are {known}")
        return written(whole) if self.duplicates else spread(whole, self.documents)


def labelled_fingerprint(corpus: Corpus) -> str:
    """SHA-256 of documents and labels: all that measures read of them."""
    return fingerprint_strings([*corpus.texts, *(corpus.labels or ())])


def spread(corpus: Corpus, documents: int | None) -> Corpus:
    """So many of the distinct documents at equal distances in the file; None: all that are not blank."""
    _check_texts(corpus)
    places = np.sort(corpus.distinct.first)
    return corpus.at(places[equidistant(len(places), len(places) if documents is None else documents)])


def written(corpus: Corpus) -> Corpus:
    """All documents that are not blank, equal ones too."""
    _check_texts(corpus)
    return corpus.at(np.flatnonzero(corpus.distinct.rows >= 0))


def _check_texts(corpus: Corpus) -> None:
    if not corpus.distinct.texts:
        raise InputError(f"{len(corpus)} documents, none with text; give documents to compare methods on")


@dataclass(frozen=True, kw_only=True)
class ReferenceFile:
    """A reference of coherence: texts in a file."""

    path: str
    column: str = "text"

    def __post_init__(self) -> None:
        if not Path(self.path).is_file():
            raise InputError(f"reference {self.path} is not here; give a file of texts")

    def read(self) -> Reference:
        """The reference, indexed once and kept in the cache folder."""
        return Reference.read(self.path, Columns(text=self.column))

    @cached_property
    def fingerprint(self) -> str:
        with Path(self.path).open("rb") as stream:
            return fingerprint_strings([hashlib.file_digest(stream, "sha256").hexdigest(), self.column])
