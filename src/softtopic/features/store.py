"""Features on disk: Parquet shards, each published whole by a rename, and a manifest of what they depend on.

features/
  manifest.json        what the features depend on, and how they are divided into shards
  part-00000.parquet   id, log_probs, hidden: one row for each distinct document that was read; of truncated soft labels
                       (`SparseLabels`) also words, their positions in the vocabulary, and rest, the probability of all
                       others
  means.parquet        word, mean_log_prob over some documents, for truncated soft labels
  documents.parquet    id, text, label, time of the documents of the corpus, where they are kept; read says which were
"""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, StoreMismatchError
from softtopic.features.sparse import SparseLabels, WordMeans
from softtopic.storage.atomic import claimed, locked, staged_file
from softtopic.teacher.base import Features
from softtopic.types import DocHidden, DocInt, DocVocab

FORMAT = "softtopic-features"
# Version 1 kept distinct documents in the order of the file, and not in that of their hashes.
VERSION = 2

# Documents in a shard, where a manifest does not say.
SHARD_ROWS = 1024

_MEANS = "means.parquet"
_DOCUMENTS = "documents.parquet"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What features depend on; stores with equal manifests hold equal features.

    Parameters
    ----------
    corpus, vocabulary, teacher : str
        Fingerprints of the documents that were read, of the words, and of the teacher.
    rows : int
        Number of distinct documents that were read.
    words : tuple of str
        The vocabulary.
    teacher_description : dict
        The teacher as JSON values.
    shard_rows : int
        Number of documents in a shard.
    top_k : int, optional
        Number of words kept of each soft label; None for all.
    """

    corpus: str
    vocabulary: str
    teacher: str
    rows: int
    words: tuple[str, ...]
    teacher_description: dict[str, Any]
    shard_rows: int = SHARD_ROWS
    top_k: int | None = None
    format: str = FORMAT
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Shard:
    """One unit of work: some consecutive rows."""

    index: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def file(self) -> str:
        return f"part-{self.index:05d}.parquet"


class FeatureStore:
    """Feature folder: stored output of the language model. Use `FeatureStore.open` or `FeatureStore.create`.

    Readers need no lock, because files are written atomically.

    Parameters
    ----------
    path : Path
        The folder.
    manifest : Manifest
        What the features depend on.

    Examples
    --------
    >>> from softtopic import FeatureStore
    >>> store = FeatureStore.open("features")  # written by `softtopic teach`
    >>> features = store.read()
    >>> corpus, rows = store.documents(), store.read_rows()
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def create(cls, path: str | Path, manifest: Manifest) -> "FeatureStore":
        """Open the folder at a path for writing, new or begun earlier.

        Raises
        ------
        StoreMismatchError
            If the folder holds other features, or something else.
        """
        path = Path(path)
        file = path / "manifest.json"
        if not file.exists():
            if not _is_free(path):
                raise StoreMismatchError(f"{path} exists and is not a feature folder; give a new or an empty folder")
            # Several processes may begin the same store at once: the first one's manifest stands.
            with locked(path):
                if not file.exists():
                    with staged_file(file) as staging:
                        _write_manifest(staging, manifest)
        store = cls.open(path)
        store._check(manifest)
        return store

    @classmethod
    def open(cls, path: str | Path) -> "FeatureStore":
        """Open the folder at a path for reading.

        Raises
        ------
        StoreMismatchError
            If there is none that this version can read.
        """
        path = Path(path)
        values: Any = {}
        try:
            values = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
            known, version = values["format"] == FORMAT, values["version"]
        except (OSError, ValueError, KeyError, TypeError):
            known, version = False, None
        if not known:
            raise StoreMismatchError(f"{path} is not a feature folder; expected one made by `softtopic teach`")
        if version != VERSION:
            older = isinstance(version, int) and version < VERSION
            step = "run `softtopic teach` into a new folder" if older else "upgrade softtopic"
            raise StoreMismatchError(
                f"{path} is a feature folder of version {version}; this program reads {VERSION}: {step}"
            )
        try:
            manifest = Manifest(**(values | {"words": tuple(values["words"])}))
        except (TypeError, KeyError):
            raise StoreMismatchError(f"{path}/manifest.json is damaged; run `softtopic teach` again") from None
        return cls(path, manifest)

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that were scored."""
        return Vocabulary(self.manifest.words)

    @property
    def shards(self) -> list[Shard]:
        """All shards, in order."""
        rows, size = self.manifest.rows, self.manifest.shard_rows
        return [Shard(i, start, min(start + size, rows)) for i, start in enumerate(range(0, rows, size))]

    def _check(self, expected: Manifest) -> None:
        for part, what in (("corpus", "other documents"), ("vocabulary", "another vocabulary"),
                           ("teacher", "another language model, prompt, max_tokens or truncation")):  # fmt: skip
            if getattr(self.manifest, part) != getattr(expected, part):
                raise StoreMismatchError(
                    f"{self.path} holds features of {what}; give another folder, or run `softtopic teach` into a new "
                    "one"
                )
        if self.manifest.top_k != expected.top_k:
            held, asked = (f"top_k {one.top_k}" if one.top_k else "all words" for one in (self.manifest, expected))
            raise StoreMismatchError(
                f"{self.path} keeps soft labels of {held}, asked for is {asked}; give another folder or the same top_k"
            )

    def missing(self) -> list[Shard]:
        """Shards that are missing or damaged."""
        return [shard for shard in self.shards if not self.has(shard)]

    def has(self, shard: Shard) -> bool:
        """Whether a shard is there and whole."""
        try:
            self._read(shard)
        except StoreMismatchError:
            return False
        return True

    def claim(self, shard: Shard, *, wait: bool = False) -> AbstractContextManager[bool]:
        """Claim the right to write a shard; False if another process has it, unless `wait` is True.

        The operating system frees the claim of a killed process. After claiming, check whether the shard has been
        written in the meantime.
        """
        return claimed(self.path / shard.file, wait=wait)

    def lock_means(self) -> AbstractContextManager[bool]:
        """Hold the right to write the means."""
        return claimed(self.path / _MEANS, wait=True)

    def write(self, shard: Shard, ids: Sequence[str], features: Features) -> None:
        """Publish one shard, whole or not at all; for truncated soft labels the means come first."""
        columns: dict[str, pa.Array] = {"id": pa.array(ids, pa.string())}
        if self.manifest.top_k is None:
            columns["log_probs"] = _as_lists(features.log_probs)
        else:
            labels = SparseLabels.from_dense(features.log_probs, self.manifest.top_k, self.means)
            columns |= {
                "words": _as_lists(labels.words),
                "log_probs": _as_lists(labels.log_probs),
                "rest": pa.array(labels.rest),
            }
        self._write_table(shard.file, pa.table(columns | {"hidden": _as_lists(features.hidden)}))

    def write_means(self, means: WordMeans) -> None:
        """Keep the mean log probability of every word, by which soft labels are truncated."""
        self._write_table(
            _MEANS,
            pa.table({"word": pa.array(self.manifest.words, pa.string()), "mean_log_prob": pa.array(means)}),
        )

    def _write_table(self, name: str, table: pa.Table) -> None:
        with staged_file(self.path / name) as staging:
            pq.write_table(table, staging, compression="zstd", write_page_checksum=True)

    @property
    def has_means(self) -> bool:
        """Whether the means are there and whole."""
        try:
            return len(self.means) > 0
        except StoreMismatchError:
            return False

    @property
    def means(self) -> WordMeans:
        """Mean log probability of every word; raises StoreMismatchError where it is missing or damaged."""
        path = self.path / _MEANS
        try:
            table = pq.read_table(path, page_checksum_verification=True)
            words, means = table["word"].to_pylist(), table["mean_log_prob"].to_numpy()
        except (pa.ArrowException, OSError, KeyError, ValueError):
            raise StoreMismatchError(f"{path} is missing or damaged; run `softtopic teach` again") from None
        if tuple(words) != self.manifest.words or means.dtype != np.float32:
            raise StoreMismatchError(f"{path} is of other words than its manifest; run `softtopic teach` again")
        return means

    def read(self) -> Features:
        """All features, in order.

        Raises
        ------
        StoreMismatchError
            If a shard is missing or damaged.
        """
        parts = [self._read(shard) for shard in self.shards]
        if not parts:
            raise StoreMismatchError(f"{self.path} holds no documents; run `softtopic teach` on a file with texts")
        labels = [part.labels for part in parts]
        sparse = [part for part in labels if isinstance(part, SparseLabels)]
        return Features(
            SparseLabels.concatenate(sparse).to_dense() if sparse else np.concatenate(labels),  # type: ignore[arg-type]
            np.concatenate([part.hidden for part in parts]),
        )

    def write_documents(self, corpus: Corpus, read: DocInt | None = None) -> None:
        """Store the documents with their features, so that a model can be fitted to the folder alone.

        Parameters
        ----------
        corpus : Corpus
            All documents, including those that were not read.
        read : ndarray of int, optional
            Positions among `corpus.distinct.texts` of the texts that were read, in ascending order. None: all.

        Raises
        ------
        InputError
            If these are not the documents of the features.
        """
        was_read = np.zeros(len(corpus.distinct.texts), dtype=bool)
        was_read[slice(None) if read is None else read] = True
        if _fingerprint_of_read(corpus, was_read) != self.manifest.corpus:
            raise InputError(f"the documents are not those of the features in {self.path}; give those that were read")
        columns = {"id": corpus.ids, "text": corpus.texts, "label": corpus.labels, "time": corpus.times}
        kept = {name: pa.array(values, pa.string()) for name, values in columns.items() if values is not None}
        # Row -1, of blank documents, is the last one.
        kept["read"] = pa.array(np.append(was_read, False)[corpus.distinct.rows])
        with locked(self.path):
            self._write_table(_DOCUMENTS, pa.table(kept))

    def documents(self) -> Corpus:
        """Read all documents stored by `write_documents`; `read_rows` gives those the language model has read.

        Raises
        ------
        StoreMismatchError
            If there are none, or they are damaged or others than those of the features.
        """
        return self._documents()[0]

    def read_rows(self) -> DocInt:
        """Positions among `documents().distinct.texts` of the texts that were read, one per row of features.

        Raises
        ------
        StoreMismatchError
            As `documents`.
        """
        return self._documents()[1]

    def _documents(self) -> tuple[Corpus, DocInt]:
        path = self.path / _DOCUMENTS
        if not path.exists():
            raise StoreMismatchError(f"{self.path} keeps no documents; give the file of documents as well")
        try:
            table = pq.read_table(path, page_checksum_verification=True)
            columns = {name: table[name].to_pylist() for name in table.column_names}
            corpus = Corpus.from_texts(
                columns["text"], ids=columns["id"], labels=columns.get("label"), times=columns.get("time")
            )
        except (pa.ArrowException, OSError, KeyError, InputError):
            raise StoreMismatchError(f"{path} is damaged; run `softtopic teach` again") from None
        was_read = np.ones(len(corpus.distinct.texts), dtype=bool)
        if "read" in columns:
            known = corpus.distinct.rows >= 0
            was_read[corpus.distinct.rows[known]] = np.array(columns["read"], dtype=bool)[known]
        if _fingerprint_of_read(corpus, was_read) != self.manifest.corpus:
            raise StoreMismatchError(f"{path} holds other documents than the features; run `softtopic teach` again")
        return corpus, np.flatnonzero(was_read)

    def _read(self, shard: Shard) -> "_Part":
        path = self.path / shard.file
        means = None if self.manifest.top_k is None else self.means
        names = ["log_probs", "hidden"] if means is None else ["log_probs", "hidden", "words", "rest"]
        try:
            table = pq.read_table(path, columns=names, page_checksum_verification=True)
            part = _Part.from_table(table, means)
        except FileNotFoundError:
            raise StoreMismatchError(
                f"{path} is missing; run `softtopic teach` again, it does what is missing"
            ) from None
        except (pa.ArrowException, OSError, KeyError, AttributeError, ValueError):
            raise StoreMismatchError(f"{path} is damaged; run `softtopic teach` again, it redoes that part") from None
        if part.shape != (len(shard), self.manifest.top_k or len(self.manifest.words)):
            raise StoreMismatchError(f"{path} holds other rows than its manifest says; run `softtopic teach` again")
        return part


class _Part(NamedTuple):
    """The content of a shard's file."""

    labels: DocVocab | SparseLabels
    hidden: DocHidden

    @classmethod
    def from_table(cls, table: pa.Table, means: WordMeans | None) -> "_Part":
        log_probs, hidden = (_as_array(table[name]) for name in ("log_probs", "hidden"))
        if means is None:
            return cls(log_probs, hidden)
        words, rest = _as_array(table["words"], integers=True), table["rest"].to_numpy()
        if words.shape != log_probs.shape or rest.dtype != np.float32 or words.max(initial=0) >= len(means):
            raise ValueError("expected a position in the vocabulary for each log probability")
        return cls(SparseLabels(words, log_probs, rest, means), hidden)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of documents, and of log probabilities kept of each."""
        return (self.labels.log_probs if isinstance(self.labels, SparseLabels) else self.labels).shape


def _fingerprint_of_read(corpus: Corpus, was_read: np.ndarray) -> str:
    """Fingerprint of the part of a corpus that was read; `was_read` is of its distinct texts."""
    return corpus.fingerprint if was_read.all() else corpus.at(np.sort(corpus.distinct.first[was_read])).fingerprint


def _is_free(path: Path) -> bool:
    """Whether nothing is there, or no more than a manifest that another process is writing or was killed over."""
    try:
        return all(file.name.startswith(("manifest.json", ".manifest.json.staging-")) for file in path.iterdir())
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        return False


def _write_manifest(path: Path, manifest: Manifest) -> None:
    path.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _as_lists(matrix: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(matrix).ravel()), matrix.shape[1])


def _as_array(column: pa.ChunkedArray, *, integers: bool = False) -> np.ndarray:
    lists = column.combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    if not (pa.types.is_unsigned_integer if integers else pa.types.is_floating)(lists.type.value_type):
        # A flipped bit in the file's footer can turn numbers into something else.
        raise ValueError(f"expected numbers, found {lists.type}")
    return lists.values.to_numpy(zero_copy_only=False).reshape(len(lists), lists.type.list_size)
