"""Corpus: documents in order, and the distinct texts among them."""

import hashlib
import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np

from softtopic.errors import InputError
from softtopic.types import DocInt

_SURROGATE = re.compile("[\ud800-\udfff]")

# How pandas and NumPy print missing values.
_MISSING = {"nan", "NaT", "<NA>"}


@dataclass(frozen=True)
class Distinct:
    """The distinct non-blank texts of a corpus, in an order that does not depend on the order of its documents.

    Attributes
    ----------
    texts : tuple of str
        Each text once, ascending by the SHA-256 of its UTF-8 bytes.
    rows : ndarray of int64 of shape (n_documents,)
        Position of each document's text in `texts`; -1 for blank documents.

    """

    texts: tuple[str, ...]
    rows: DocInt

    @property
    def first(self) -> DocInt:
        """Position of the first document with each text, int64 of shape (n_texts,)."""
        rows, documents = np.unique(self.rows, return_index=True)
        return documents[rows >= 0]

    @property
    def counts(self) -> DocInt:
        """Number of documents with each text, int64 of shape (n_texts,)."""
        return np.bincount(self.rows[self.rows >= 0], minlength=len(self.texts))


@dataclass(frozen=True)
class Corpus:
    """Documents with ids, labels and times; created by `Corpus.from_texts` or `read_corpus`.

    Parameters
    ----------
    texts : tuple of str
    ids : tuple of str or tuple of int
        One for every document.
    labels : tuple of str or None, default=None
        Labels, used for evaluation only. An empty label means "not labelled".
    times : tuple of str or None, default=None
        Times, as given.
    merge_duplicates : bool, default=True
        Whether documents with equal texts share a row of `distinct`, and blank ones have none. If False, every document
        has a row of its own, in order: the caller's vectors of equal texts may differ.
    has_texts : bool, default=True
        False if texts are placeholders of documents of which only vectors are known; their words are not counted.

    Raises
    ------
    InputError
        If `ids`, `labels` or `times` differ from `texts` in length.

    Examples
    --------
    >>> corpus = Corpus.from_texts(["to be", "", "not to be", "to be"])
    >>> corpus.distinct.rows
    array([ 0, -1,  1,  0])
    >>> corpus.n_empty, corpus.n_duplicates
    (1, 1)

    """

    texts: tuple[str, ...]
    ids: tuple[str, ...] | tuple[int, ...]
    labels: tuple[str, ...] | None = None
    times: tuple[str, ...] | None = None
    merge_duplicates: bool = True
    has_texts: bool = True

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
        texts: Iterable[str] | Any,  # anything else is refused below, in one line
        *,
        ids: Iterable[object] | None = None,
        labels: Iterable[object] | None = None,
        times: Iterable[object] | None = None,
    ) -> "Corpus":
        """Make a corpus.

        Parameters
        ----------
        texts : iterable of str
            A list, a pandas column, a generator. None and NaN are empty texts, and a warning says how many there are. A
            lone surrogate, as in truncated texts, becomes U+FFFD.
        ids : iterable, default=None
            Ids: whole numbers if all are, otherwise strings. By default the positions "0", "1", …
        labels : iterable, default=None
            None and NaN mean "not labelled".
        times : iterable, default=None
            Times, stored as strings.

        Returns
        -------
        Corpus

        Raises
        ------
        InputError
            If `texts` is a string, a table, a mapping, a set or an array that is not one-dimensional, contains anything
            but strings and missing values, or the lengths differ.

        """
        values = _as_sequence(texts)
        strings = [
            value if isinstance(value, str) else text_of(value, f"texts[{position}]")
            for position, value in enumerate(values)
        ]
        warn_of_missing(strings.count(None), len(strings))
        return cls(
            tuple("" if text is None else _valid_string(text) for text in strings),
            tuple(map(str, range(len(strings)))) if ids is None else _ids(ids),
            None if labels is None else tuple(map(_label, _listed(labels))),
            None if times is None else tuple(map(_valid_string, _listed(times))),
        )

    @classmethod
    def from_rows(
        cls, texts: Sequence[str], *, ids: Iterable[object] | None = None, labels: Iterable[object] | None = None
    ) -> "Corpus":
        """Make a corpus in which every document has a row of its own, whatever its text; see `merge_duplicates`."""
        return replace(cls.from_texts(texts, ids=ids, labels=labels), merge_duplicates=False)

    @classmethod
    def without_texts(cls, ids: Sequence[object], *, labels: Iterable[object] | None = None) -> "Corpus":
        """Make a corpus of documents that are known by their features alone; see `has_texts`."""
        named = cls.from_rows([f"document {one}" for one in ids], ids=ids, labels=labels)
        return replace(named, has_texts=False)

    @cached_property
    def distinct(self) -> Distinct:
        """The distinct non-blank texts in canonical order; without `merge_duplicates` every text, in given order."""
        if not self.merge_duplicates:
            return Distinct(self.texts, np.arange(len(self)))
        texts = sorted({text for text in self.texts if text.strip()}, key=_digest)
        row = {text: number for number, text in enumerate(texts)}
        return Distinct(tuple(texts), np.fromiter((row.get(text, -1) for text in self.texts), np.int64, len(self)))

    @property
    def blank(self) -> DocInt:
        """Positions of the blank documents."""
        return np.flatnonzero(self.distinct.rows < 0)

    @property
    def n_empty(self) -> int:
        """Number of blank documents."""
        return len(self.blank)

    @property
    def n_duplicates(self) -> int:
        """Number of documents whose text an earlier one has."""
        return len(self) - self.n_empty - len(self.distinct.texts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the distinct texts: corpora with equal fingerprints have equal features, row by row."""
        return fingerprint_strings(self.distinct.texts)

    def sample(self, n: int) -> "Corpus":
        """A random sample of the distinct documents that does not depend on their order.

        Parameters
        ----------
        n : int
            Size of the sample; all distinct documents where there are no more.

        Returns
        -------
        Corpus
            Equidistant positions of `distinct`, in its order, which is that of a hash. Each text comes with the id,
            label and time of the first document that has it.

        """
        first = self.distinct.first
        return self.at(first[equidistant(len(first), n)])

    def take(self, n: int) -> "Corpus":
        """The first n documents."""
        return self.at(np.arange(min(n, len(self))))

    def at(self, positions: DocInt) -> "Corpus":
        """The documents at these positions."""
        chosen = positions.tolist()
        columns = {name: getattr(self, name) for name in ("texts", "ids", "labels", "times")}
        taken: Any = {name: values and tuple(values[i] for i in chosen) for name, values in columns.items()}
        return replace(self, **taken)


def sample_size(count: int, share: float) -> int:
    """Number of documents in a share of `count`, at least 2."""
    return max(2, round(share * count))


def equidistant(count: int, n: int) -> DocInt:
    """Positions of n of `count` items at equal distances, from the first to the last; all where there are no more."""
    return np.linspace(0, count - 1, min(n, count)).round().astype(np.int64)


def valid_value(value: Any) -> Any:
    """The value, a string as UTF-8 can encode it: a lone surrogate, which cut-off posts end in, becomes U+FFFD."""
    if isinstance(value, list):
        return [valid_value(one) for one in value]
    return value if not isinstance(value, str) or value.isascii() else _SURROGATE.sub("\ufffd", value)


def is_missing(value: object) -> bool:
    """Whether a value is None, NaN, NaT or the NA of pandas."""
    return value is None or (not isinstance(value, str) and str(value) in _MISSING)


def text_of(value: object, where: str) -> str | None:
    """The text, None where it is missing; raises InputError for anything else."""
    if isinstance(value, str):
        return value
    if is_missing(value):
        return None
    raise InputError(f"{where} is {type(value).__name__}, not a string; give texts, or choose their column")


def warn_of_missing(n_missing: int, n_documents: int) -> None:
    """Warn where texts are missing."""
    if n_missing:
        message = f"{n_missing:,} of {n_documents:,} texts are missing (null or NaN) and count as empty documents"
        warnings.warn(message, stacklevel=3)


def _valid_string(value: object) -> str:
    return valid_value(str(value))


def _ids(values: Iterable[object]) -> tuple[str, ...] | tuple[int, ...]:
    """Whole numbers of 64 bits where all ids are, otherwise strings; raises InputError where one is missing."""
    ids = tuple(_listed(values))
    missing = next((row for row, one in enumerate(ids) if one is None or one != one), None)
    if missing is not None:
        raise InputError(f"ids[{missing}] is {ids[missing]}; give each document an id, or no ids at all")
    numbers = [int(one) for one in ids if isinstance(one, Integral) and not isinstance(one, bool)]
    if ids and len(numbers) == len(ids) and min(numbers) >= -(2**63) and max(numbers) < 2**63:
        return tuple(numbers)
    return tuple(map(_valid_string, ids))


def _as_sequence(texts: object) -> tuple[object, ...]:
    """The items of a list-like value; raises InputError for other containers."""
    if isinstance(texts, str | PathLike) and os.path.isfile(texts):  # noqa: PTH113
        raise InputError(f"texts is the name of a file; read it first: softtopic.read_corpus({str(texts)!r})")
    if isinstance(texts, str | bytes):
        raise InputError("texts is one string; expected a list of strings: write [text] for a single document")
    kind = type(texts).__name__
    if isinstance(texts, Mapping):
        raise InputError(f"texts is {kind}; expected a list of strings: give list(texts.values()), and ids=list(texts)")
    if isinstance(texts, Set):
        raise InputError(f"texts is {kind}, which has no order; expected a list of strings, e.g. sorted(texts)")
    texts = _listed(texts)
    is_table, n_axes = hasattr(texts, "columns"), getattr(texts, "ndim", 1)
    if not isinstance(texts, Iterable) or is_table or n_axes != 1:
        shape = "" if is_table or n_axes == 1 else f" with {n_axes} axes"
        raise InputError(f"texts is {kind}{shape}; expected a list of strings, or one column of a table")
    return tuple(texts)


def _listed(values: Any) -> Any:
    """Python's values of an Arrow or polars column, whose items are objects of their own; anything else as it is."""
    for method in ("to_pylist", "to_list"):
        if (
            getattr(values, "ndim", 1) == 1
            and not hasattr(values, "columns")
            and callable(getattr(values, method, None))
        ):
            return getattr(values, method)()
    return values


def _label(value: object) -> str:
    """The label as a string, empty where it is missing."""
    return "" if is_missing(value) else _valid_string(value)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).digest()


def fingerprint_strings(strings: Iterable[str]) -> str:
    """SHA-256 of a sequence of strings; their lengths are hashed too, so that ["ab"] and ["a", "b"] differ."""
    digest = hashlib.sha256()
    for string in strings:
        # Python's strings may hold lone surrogates, which UTF-8 cannot encode.
        data = string.encode("utf-8", errors="surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
