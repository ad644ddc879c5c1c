"""A reference corpus as an inverted index, from which co-occurrence of any words is counted.

The texts are read once. The index takes 4 bytes per word, and that of a file is cached on disk, so that other topics
can be measured against the same reference without reading it again.
"""

import hashlib
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from softtopic.data.corpus import fingerprint_strings
from softtopic.data.readers import Columns, read_corpus
from softtopic.data.tokenizer import COMBINING_MARKS
from softtopic.errors import DiskError, InputError
from softtopic.storage.atomic import locked, staged_folder
from softtopic.storage.cache import cache_dir

log = logging.getLogger(__name__)

# Words as softtopic.data.tokenizer has them, and the short ones and numbers between them: they fill a window too.
REFERENCE_PATTERN = rf"(?<![\w{COMBINING_MARKS}])[^\W_](?:[^\W_]|[{COMBINING_MARKS}])*(?![\w{COMBINING_MARKS}]|['’]t\b)"
_WORD = re.compile(REFERENCE_PATTERN)
_PHRASE_BREAK = re.compile(r"[\s_-]+")
# Version of the cached files.
_LAYOUT = "1"
_ARRAYS = ("starts", "positions", "documents")


@dataclass(frozen=True, eq=False)
class Reference:
    """Positions of the words of a corpus. Build one with `read`, `from_texts` or `from_tokens`.

    Positions count through all documents; documents without a word are left out.

    Attributes
    ----------
    name : str
        Its name in results.
    words : dict of str to int
        Row of each word.
    starts : ndarray of shape (n_words + 1,)
        positions[starts[row] : starts[row + 1]] are those of a word.
    positions : ndarray of shape (n_tokens,)
        Ascending for each word.
    documents : ndarray of shape (n_documents + 1,)
        Position at which each document begins, and the end of the last one.
    """

    name: str
    words: dict[str, int]
    starts: Int[np.ndarray, " bounds"]
    positions: Int[np.ndarray, " tokens"]
    documents: Int[np.ndarray, " edges"]

    @property
    def n_tokens(self) -> int:
        """Words of all documents."""
        return len(self.positions)

    @property
    def n_documents(self) -> int:
        """Documents with words."""
        return len(self.documents) - 1

    @classmethod
    def read(cls, path: str | Path, columns: Columns = Columns(), *, format: str | None = None) -> "Reference":
        """Index a file of documents, as `read_corpus` reads it.

        The index is cached by the content of the file, not by its name or date.

        Parameters
        ----------
        path : str or Path
            File of documents.
        columns : Columns
            Column of the texts.
        format : str or None, default=None
            As in `read_corpus`.

        Raises
        ------
        InputError
            If the file cannot be read or holds no words.
        """
        name = Path(path).name
        if not Path(path).is_file():
            # Standard input, or something that read_corpus has an error message for.
            return cls.from_texts(read_corpus(path, columns, format=format).texts, name=name)
        folder = cache_dir() / "references" / _file_fingerprint(Path(path), columns.text, format)
        cached = cls._open(folder, name)
        if cached is not None:
            return cached
        log.info("indexing the words of %s", name)
        reference = cls.from_texts(read_corpus(path, Columns(text=columns.text), format=format).texts, name=name)
        try:
            with locked(folder):
                reference._write(folder)
        except DiskError as error:
            log.warning("the index of %s is not cached: %s", name, error)
        return reference

    @classmethod
    def from_texts(cls, texts: Iterable[str], *, name: str = "texts") -> "Reference":
        """Index texts; words are lower-cased. Raises InputError where no text holds a word.

        Examples
        --------
        >>> Reference.from_texts(["The Moon orbits.", "A moon"]).n_tokens
        5
        """
        if isinstance(texts, str | bytes):
            raise InputError("texts is one string; expected strings, one for each document: write [text] for one")
        return cls.from_tokens(_tokens(texts), name=name)

    @classmethod
    def from_tokens(cls, documents: Iterable[Iterable[str]], *, name: str = "tokens") -> "Reference":
        """Index documents that are tokenised already, as languages without spaces need."""
        words: defaultdict[str, int] = defaultdict()
        words.default_factory = words.__len__
        rows = [np.fromiter(map(words.__getitem__, document), np.int32) for document in documents]
        lengths = [len(row) for row in rows if len(row)]
        if not lengths:
            raise InputError(f"reference {name} holds no words; give documents with text")
        tokens = np.concatenate(rows)
        whole = np.int32 if len(tokens) < 2**31 else np.int64
        return cls(
            name=name,
            words=dict(words),
            starts=np.concatenate([[0], np.cumsum(np.bincount(tokens, minlength=len(words)))]),
            positions=np.argsort(tokens, kind="stable").astype(whole),
            documents=np.concatenate([[0], np.cumsum(lengths)]),
        )

    def occurrences(self, word: str) -> Int[np.ndarray, " occurrences"]:
        """Positions at which a word begins, ascending.

        A word that the reference does not hold is looked for in lower case, then as a phrase: its parts, split at
        spaces, "_" and "-", side by side in one document.
        """
        for spelling in (word, word.lower()):
            if spelling in self.words:
                return self._positions(spelling)
        parts = [part for part in _PHRASE_BREAK.split(word.lower()) if part]
        if not parts or any(part not in self.words for part in parts):
            return np.empty(0, np.int64)
        begins = self._positions(parts[0])
        for distance, part in enumerate(parts[1:], 1):
            begins = np.intersect1d(begins, self._positions(part) - distance, assume_unique=True)
        return begins[self.document_of(begins) == self.document_of(begins + len(parts) - 1)]

    def document_of(self, positions: Int[np.ndarray, " occurrences"]) -> Int[np.ndarray, " occurrences"]:
        """Number of the document of each position."""
        return np.searchsorted(self.documents, positions, side="right") - 1

    def _positions(self, word: str) -> Int[np.ndarray, " occurrences"]:
        row = self.words[word]
        return np.asarray(self.positions[self.starts[row] : self.starts[row + 1]], dtype=np.int64)

    def _write(self, folder: Path) -> None:
        with staged_folder(folder) as staging:
            for array in _ARRAYS:
                np.save(staging / f"{array}.npy", getattr(self, array))
            (staging / "words.json").write_text(json.dumps(list(self.words)), encoding="utf-8")

    @classmethod
    def _open(cls, folder: Path, name: str) -> "Reference | None":
        """The cached index, memory-mapped; None where it is missing or damaged."""
        if not folder.is_dir():
            return None
        try:
            arrays = {array: np.load(folder / f"{array}.npy", mmap_mode="r") for array in _ARRAYS}
            words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
            cached = cls(name=name, words={word: row for row, word in enumerate(words)}, **arrays)
            n_tokens = cached.n_tokens
            whole = (
                len(cached.words) + 1 == len(cached.starts) and cached.starts[-1] == cached.documents[-1] == n_tokens
            )
        except (OSError, ValueError):
            whole, cached = False, None
        if not whole:
            log.warning("%s is damaged and is rebuilt", folder)
        return cached if whole else None


def _tokens(texts: Iterable[str]) -> Iterator[list[str]]:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"document {number} of the reference is {type(text).__name__}, not a string")
        yield _WORD.findall(text.lower())


def _file_fingerprint(path: Path, column: str, format: str | None) -> str:
    with path.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return fingerprint_strings([_LAYOUT, content, "".join(path.suffixes), column, format or "", REFERENCE_PATTERN])[:32]
