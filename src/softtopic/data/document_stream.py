"""Documents that do not fit in memory: read anew in each pass, a batch at a time."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from softtopic.data.corpus import Corpus, fingerprint_strings, warn_of_missing
from softtopic.data.document_files import DASH, Pass, find_files, has_whole_ids, open_pass, rows_of
from softtopic.data.readers import Columns, check_words, find_column
from softtopic.data.sample import Sample, draw_sample
from softtopic.data.streams import InvalidLine, Item, NoDocumentsError, Record
from softtopic.errors import InputError, MissingColumnError

log = logging.getLogger(__name__)

# Documents of a batch, and characters from which it has fewer.
_PART_ROWS = 16_384
_PART_CHARACTERS = 1 << 26
# Invalid lines that are named; the others are counted.
_NAMED = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class DocumentBatch:
    """Consecutive documents of a stream.

    Attributes
    ----------
    corpus : Corpus
        Without a column of ids these are numbers that count on from batch to batch.
    columns : dict of str to list of str
        All columns of the documents, where they are kept; values that are no strings as JSON.
    done : float
        Share of the stream that has been read, in [0, 1]; 0 where its size is not known.
    n_invalid : int
        Number of lines that have been left out so far.
    """

    corpus: Corpus
    columns: Mapping[str, Sequence[str]]
    done: float
    n_invalid: int

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the documents, with ids, labels, times and columns."""
        corpus = self.corpus
        values = (corpus.texts, map(str, corpus.ids), corpus.labels or (), corpus.times or (), *self.columns.values())
        return fingerprint_strings(chain(self.columns, *values))


@dataclass(frozen=True, kw_only=True, eq=False)
class DocumentStream:
    """Documents that do not fit in memory. Use `DocumentStream.from_files` or `DocumentStream.from_iterable`.

    Parameters
    ----------
    name : str
        What messages call the stream.
    columns : Columns
        Columns of texts, ids, labels and times.
    items : callable
        Begins a new pass over the documents.
    once : bool, default=False
        Whether there can be one pass only.
    whole_ids : bool, default=False
        Whether ids are whole numbers, otherwise they are strings.
    skip_invalid : bool, default=False
        Leave out lines that hold no document, instead of raising InputError.
    keep_columns : bool, default=False
        Keep all columns of the documents.

    Examples
    --------
    >>> from softtopic import Columns, DocumentStream, TopicModel
    >>> stream = DocumentStream.from_files("posts/*.parquet", Columns(text="body", id="key"))  # doctest: +SKIP
    >>> model = TopicModel(100, recipe="fast").fit(stream.sample(100_000).corpus)  # doctest: +SKIP
    >>> folder = model.transform_to("topics/", stream)  # doctest: +SKIP
    """

    name: str
    columns: Columns
    items: Pass = field(repr=False)
    once: bool = False
    whole_ids: bool = False
    skip_invalid: bool = False
    keep_columns: bool = False

    @classmethod
    def from_files(
        cls,
        paths: str | Path | Sequence[str | Path],
        columns: Columns = Columns(),
        *,
        skip_invalid: bool = False,
        keep_columns: bool = False,
        **how: str | None,
    ) -> "DocumentStream":
        """Documents of one or several files, in order.

        Parameters
        ----------
        paths : str, Path or sequence of these
            Files, patterns such as ``"posts/*.parquet"``, and folders, of which all files of a known format are read in
            the order of their names. Files of lines may be compressed with gzip.
        columns : Columns, default=Columns()
        skip_invalid, keep_columns : bool, default=False
            See `DocumentStream`.
        **how
            `format` ("jsonl", "csv", "tsv", "parquet" or "txt"), `delimiter` and `encoding`, as of `read_corpus`.

        Returns
        -------
        DocumentStream

        Raises
        ------
        InputError
            If there is no such file, or one of another format.
        """
        files = find_files([paths] if isinstance(paths, str | Path) else paths, how.get("format"))
        passes = [open_pass(file, columns, keep_columns=keep_columns, **how) for file in files]
        sizes = [0 if file == DASH else file.stat().st_size for file in files]
        return cls(
            name=str(files[0]) if len(files) == 1 else f"{len(files)} files",
            columns=columns,
            items=lambda: _chained(passes, sizes),
            once=DASH in files,
            whole_ids=columns.id is not None and all(has_whole_ids(file, columns.id) for file in files),
            skip_invalid=skip_invalid,
            keep_columns=keep_columns,
        )

    @classmethod
    def from_iterable(
        cls, documents: Any, columns: Columns = Columns(), *, keep_columns: bool = False
    ) -> "DocumentStream":  # fmt: skip
        """Documents of an iterable, of a function that returns one, or of an Arrow table or dataset.

        Parameters
        ----------
        documents : iterable, callable, or Arrow table or dataset
            Of strings, or of mappings with the columns of a document, such as a dataset of Hugging Face. A generator
            can be read only once: give the function that makes it.
        columns : Columns, default=Columns()
        keep_columns : bool, default=False
            See `DocumentStream`.

        Returns
        -------
        DocumentStream

        Raises
        ------
        InputError
            If `documents` is something else.
        """
        readable = callable(documents) or hasattr(documents, "to_batches") or isinstance(documents, Iterable)
        if not readable or isinstance(documents, str | bytes | Mapping):
            raise InputError(f"documents is {type(documents).__name__}; give an iterable of strings or of mappings")
        if isinstance(documents, Iterator):
            raise InputError("documents can be read only once; give a function that returns a new iterator")
        items = lambda: rows_of(documents, columns)  # noqa: E731
        return cls(name="documents", columns=columns, items=items, keep_columns=keep_columns)

    def batches(self, rows: int | None = None) -> Iterator[DocumentBatch]:
        """All documents in order, in batches of so many (default: 16,384); of fewer where they are long.

        Raises
        ------
        InputError
            If nothing can be read, a line holds no document, or none does.
        """
        start = 0
        for records, done, n_invalid in self._grouped(rows or _PART_ROWS):
            batch = DocumentBatch(
                corpus=self._corpus(records, start),
                columns=_kept(records) if self.keep_columns else {},
                done=done,
                n_invalid=n_invalid,
            )
            if start == 0:
                check_words(batch.corpus.texts, list(records[0].columns), self.columns.text, self.name)
            yield batch
            start += len(records)
        if start == 0:
            raise NoDocumentsError(f"{self.name} holds no documents; expected at least one")

    def sample(self, n: int, *, seed: int = 0) -> Sample:
        """A random sample of the distinct texts, in one pass; which texts does not depend on their order.

        Parameters
        ----------
        n : int
            Number of texts, at least 2; all where there are no more.
        seed : int, default=0

        Returns
        -------
        Sample
        """
        return draw_sample((batch.corpus for batch in self.batches()), n, seed=seed)

    def corpus(self) -> Corpus:
        """All documents, in memory."""
        parts = [batch.corpus for batch in self.batches()]
        columns: dict[str, Any] = {
            name: None if getattr(parts[0], name) is None else [one for part in parts for one in getattr(part, name)]
            for name in ("texts", "ids", "labels", "times")
        }
        return Corpus.from_texts(**columns)

    def _grouped(self, rows: int) -> Iterator[tuple[list[Record], float, int]]:
        """Documents of a batch, the share of the stream that was read by then, and the number of invalid lines."""
        records: list[Record] = []
        characters = n_invalid = n_documents = n_missing = 0
        for item, done in self.items():
            if not isinstance(item, Record):
                self._leave_out(item, n_invalid, is_first=n_documents == 0)
                n_invalid += 1
                continue
            n_documents += 1
            n_missing += item.is_missing
            records.append(item)
            characters += len(item.text)
            if len(records) >= rows or characters >= _PART_CHARACTERS:
                yield records, done, n_invalid
                records, characters = [], 0
        if records:
            yield records, 1.0, n_invalid
        warn_of_missing(n_missing, n_documents)
        if n_invalid > _NAMED:
            log.warning("%s: %s invalid lines were left out in all", self.name, f"{n_invalid:,}")

    def _leave_out(self, item: InvalidLine, n_invalid: int, *, is_first: bool) -> None:
        if not self.skip_invalid:
            # A column that the first line lacks is a wrong name, and all other lines lack it, too.
            if item.lacks_column and is_first:
                raise MissingColumnError(item.message)
            raise InputError(f"{item.message}; or leave such lines out: --skip-invalid, skip_invalid=True")
        if n_invalid < _NAMED:
            log.warning("%s; left out", item.message)

    def _corpus(self, records: list[Record], start: int) -> Corpus:
        ids: Iterable[Any] = (str(row) for row in range(start, start + len(records)))
        if self.columns.id is not None:
            ids = (record.id if self.whole_ids else str(record.id) for record in records)
        return Corpus.from_texts(
            [record.text for record in records],
            ids=ids,
            labels=self._column(records, self.columns.label, required=self.columns.label_required),
            times=self._column(records, self.columns.time),
        )

    def _column(self, records: list[Record], column: str | None, *, required: bool = True) -> list[str] | None:
        """Values of a column as strings, empty where they are missing."""
        if column is None:
            return None
        name = next((name for record in records if (name := find_column(record.columns, column)) is not None), None)
        if name is None and not required:
            return None
        if name is None:
            found = ", ".join(records[0].columns) or "none"
            raise MissingColumnError(f"{self.name} has no column {column!r}; it has: {found}")
        values = (record.columns.get(name) for record in records)
        return ["" if value is None else str(value) for value in values]


def _chained(passes: Sequence[Pass], sizes: Sequence[int]) -> Iterator[tuple[Item, float]]:
    """Documents of several files."""
    start, total = 0, max(1, sum(sizes))
    for read, size in zip(passes, sizes, strict=True):
        try:
            for item, done in read():
                yield item, (start + done * size) / total
        except NoDocumentsError:
            # Programs that write many parts leave empty ones.
            pass
        start += size


def _kept(records: list[Record]) -> dict[str, list[str]]:
    """All columns as strings."""
    names = dict.fromkeys(name for record in records for name in record.columns)
    return {name: [_as_string(record.columns.get(name)) for record in records] for name in names}


def _as_string(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)
