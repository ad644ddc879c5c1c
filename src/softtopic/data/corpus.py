"""A collection of documents: texts, ids and, where known, labels and times."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from softtopic.errors import InputError
from softtopic.types import DocInt

SURROGATE = re.compile("[\ud800-\udfff]")


# How pandas and NumPy write what is missing.
_MISSING = {"nan", "NaT", "<NA>"}


@dataclass(frozen=True)
class Distinct:
    """The texts worth reading, each once, in order of first appearance."""

    texts: tuple[str, ...]
    rows: DocInt  # for each document its place in `texts`, -1 where the document is empty

    @property
    def first(self) -> DocInt:
        """For each text the place of the first document that has it."""
        places, documents = np.unique(self.rows, return_index=True)
        return documents[places >= 0]


@dataclass(frozen=True)
class Corpus:
    """Documents in order. Build one with `Corpus.from_texts` or `read_corpus`.

    `labels` and `times` are for evaluation and display alone: nothing is ever learnt from them.
    An empty label stands for "not labelled".
    """

    texts: tuple[str, ...]
    ids: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    times: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("ids", "labels", "times"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.texts):
                raise InputError(f"{len(values)} {name} for {len(self.texts)} texts; give one for each text")

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str],
        *,
        ids: Iterable[object] | None = None,
        labels: Iterable[object] | None = None,
        times: Iterable[object] | None = None,
    ) -> "Corpus":
        """A corpus from any iterable of strings: a list, a pandas column, a generator.

        Ids are the positions "0", "1", … unless given; a label that is None or NaN is none. Raises InputError for texts
        that are no strings.
        """
        if isinstance(texts, str | bytes):
            raise InputError("texts is one string; expected a list of strings: write [text] for a single document")
        if not isinstance(texts, Iterable) or hasattr(texts, "columns"):
            kind = type(texts).__name__
            raise InputError(f"texts is {kind}; expected a list of strings, or one column of a table")
        strings = tuple(texts)
        for position, text in enumerate(strings):
            if not isinstance(text, str):
                kind = type(text).__name__
                raise InputError(f'texts[{position}] is {kind}, not a string; use "" for a missing text')
        return cls(
            tuple(map(_whole, strings)),
            tuple(map(_whole, ids if ids is not None else range(len(strings)))),
            None if labels is None else tuple(map(_label, labels)),
            None if times is None else tuple(map(_whole, times)),
        )

    @classmethod
    def from_rows(
        cls, texts: Sequence[str], *, ids: Iterable[object] | None = None, labels: Iterable[object] | None = None
    ) -> "Corpus":
        """A corpus in which every document is distinct, whatever its text: one row of features each."""
        corpus = cls.from_texts(texts, ids=ids, labels=labels)
        # The field of a cached property: it is never worked out then.
        corpus.__dict__["distinct"] = Distinct(corpus.texts, np.arange(len(texts)))
        return corpus

    @cached_property
    def distinct(self) -> Distinct:
        """Every text that is not blank, once. Blank ones have no row: their mixture is the mean of all others."""
        place: dict[str, int] = {}
        rows = [place.setdefault(text, len(place)) if text.strip() else -1 for text in self.texts]
        return Distinct(tuple(place), np.asarray(rows, dtype=np.int64))

    @property
    def n_empty(self) -> int:
        return int((self.distinct.rows < 0).sum())

    @property
    def n_duplicates(self) -> int:
        return len(self) - self.n_empty - len(self.distinct.texts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the distinct texts in order: equal fingerprints have equal features."""
        return fingerprint_strings(self.distinct.texts)

    def sample(self, n: int) -> "Corpus":
        """So many of the distinct documents that are not blank, at equal distances, from the first to the last.

        Each with the id, label and time of the first that has its text; all of them where there are no more.
        """
        places = np.sort(self.distinct.first)
        return self.at(places[equidistant(len(places), n)])

    def take(self, n: int) -> "Corpus":
        """The first n documents."""
        return self.at(np.arange(min(n, len(self))))

    def at(self, places: DocInt) -> "Corpus":
        """The documents at some places."""
        chosen = places.tolist()
        columns = (self.texts, self.ids, self.labels, self.times)
        return Corpus(*(None if column is None else tuple(column[place] for place in chosen) for column in columns))  # type: ignore[arg-type]


def sample_size(count: int, share: float) -> int:
    """How many documents a share of `count` is: at least 2."""
    return max(2, round(share * count))


def equidistant(count: int, n: int) -> DocInt:
    """So many of `count` places at equal distances, the first and the last among them; all where there are no more."""
    return np.linspace(0, count - 1, min(n, count)).round().astype(np.int64)


def _whole(value: object) -> str:
    """A string that UTF-8 can hold: half a surrogate pair, which cut-off posts end in, becomes U+FFFD."""
    string = str(value)
    return string if string.isascii() else SURROGATE.sub("\ufffd", string)


def _label(value: object) -> str:
    """A label, empty where there is none: None, or what pandas has in its place."""
    missing = value is None or (not isinstance(value, str) and str(value) in _MISSING)
    return "" if missing else _whole(value)


def fingerprint_strings(strings: Iterable[str]) -> str:
    """SHA-256 of a sequence of strings; lengths are hashed too, so that ["ab"] and ["a", "b"] differ."""
    digest = hashlib.sha256()
    for string in strings:
        # Lone surrogates are legal in a Python string but not in UTF-8.
        data = string.encode("utf-8", errors="surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
