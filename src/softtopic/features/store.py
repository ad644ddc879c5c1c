"""Features on disk: Parquet shards, each published whole by a rename, and a manifest of what they depend on.

features/
  manifest.json        what the features depend on, and how they are divided into shards
  part-00000.parquet   id, log_probs, hidden: one row for each distinct document that was read; of truncated soft labels
                       (`SparseLabels`) also words, their positions in the vocabulary, and rest, the probability of all
                       others
  means.parquet        word, mean_log_prob over some documents, for truncated soft labels
  documents.parquet    id, text, label, time of the documents of the corpus, where they are kept; read says which were
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from softtopic.data.corpus import Corpus, fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import DiskError, InputError, StoreMismatchError
from softtopic.features.documents import documents_from_table, documents_table, fingerprint_of_read, mark_read
from softtopic.features.manifest import FILE, Manifest, UnreadableManifestError
from softtopic.features.shards import Shard, ShardContent, concatenate
from softtopic.features.sparse import SparseLabels, WordMeans
from softtopic.storage.atomic import claimed, locked, remove_abandoned, remove_leftovers, staged_file
from softtopic.teacher.base import Features
from softtopic.types import DocInt

log = logging.getLogger(__name__)

_MEANS = "means.parquet"
_DOCUMENTS = "documents.parquet"
_FILES = re.compile(rf"{FILE}|part-\d{{5,}}\.parquet|{_MEANS}|{_DOCUMENTS}|\..*\.(lock|staging-.*)")
# In the metadata of a shard: which part it is, and of which run.
_OF = b"softtopic"


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
        # In this order: another process may write the manifest between the two.
        is_free = _is_free(path)
        if not _has_manifest(path):
            if not is_free:
                if not _has_own_parts(path):
                    raise StoreMismatchError(
                        f"{path} exists and is not a feature folder; give a new or an empty folder"
                    )
                log.warning("%s is missing or damaged; it is written anew", path / FILE)
            # Several processes may begin the same store at once: the first one's manifest stands.
            with locked(path):
                if not _has_manifest(path):
                    manifest.write(path)
        store = cls.open(path)
        store.manifest.check(manifest, path)
        # Manifest and documents are written under the lock of the folder, shards under their own.
        if any(path.glob(".*")):
            with suppress(DiskError), claimed(path, wait=False) as mine:
                if mine:
                    remove_leftovers(path)
        remove_abandoned(path)
        return store

    @classmethod
    def open(cls, path: str | Path) -> "FeatureStore":
        """Open the folder at a path for reading.

        Raises
        ------
        StoreMismatchError
            If there is none that this version can read.
        """
        return cls(Path(path), Manifest.read(Path(path)))

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that were scored."""
        return Vocabulary(self.manifest.words)

    @property
    def shards(self) -> list[Shard]:
        """All shards, in order."""
        rows, size = self.manifest.rows, self.manifest.shard_rows
        return [Shard(i, start, min(start + size, rows)) for i, start in enumerate(range(0, rows, size))]

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

    def write(self, shard: Shard, ids: Sequence[str | int], features: Features) -> None:
        """Publish one shard, whole or not at all; for truncated soft labels the means come first."""
        labels = features.log_probs
        if self.manifest.top_k is not None:
            labels = SparseLabels.from_dense(labels, self.manifest.top_k, self.means)
        table = ShardContent(labels, features.hidden).to_table(ids)
        self._write_table(shard.file, table.replace_schema_metadata({_OF: self._key(str(shard.index))}))

    def write_means(self, means: WordMeans) -> None:
        """Keep the mean log probability of every word, by which soft labels are truncated."""
        table = pa.table({"word": pa.array(self.manifest.words, pa.string()), "mean_log_prob": pa.array(means)})
        self._write_table(_MEANS, table.replace_schema_metadata({_OF: self._key("means")}))

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
        with _readable(path):
            table = pq.read_table(path, page_checksum_verification=True)
            words, means = table["word"].to_pylist(), table["mean_log_prob"].to_numpy()
        if tuple(words) != self.manifest.words or means.dtype != np.float32:
            raise StoreMismatchError(f"{path} is of other words than its manifest; run `softtopic teach` again")
        self._check_key(path, table, "means")
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
        return concatenate(parts)

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
        was_read = mark_read(corpus, read)
        if fingerprint_of_read(corpus, was_read) != self.manifest.corpus:
            raise InputError(f"the documents are not those of the features in {self.path}; give those that were read")
        with locked(self.path):
            self._write_table(_DOCUMENTS, documents_table(corpus, was_read))

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
        with _readable(path):
            corpus, was_read = documents_from_table(pq.read_table(path, page_checksum_verification=True))
        if fingerprint_of_read(corpus, was_read) != self.manifest.corpus:
            raise StoreMismatchError(f"{path} holds other documents than the features; run `softtopic teach` again")
        return corpus, np.flatnonzero(was_read)

    def _read(self, shard: Shard) -> ShardContent:
        path = self.path / shard.file
        means = None if self.manifest.top_k is None else self.means
        names = ["log_probs", "hidden"] if means is None else ["log_probs", "hidden", "words", "rest"]
        with _readable(path):
            table = pq.read_table(path, columns=names, page_checksum_verification=True)
            content = ShardContent.from_table(table, means)
        self._check_key(path, table, str(shard.index))
        if content.shape != (len(shard), self.manifest.top_k or len(self.manifest.words)):
            raise StoreMismatchError(f"{path} holds other rows than its manifest says; run `softtopic teach` again")
        return content

    def _key(self, part: str) -> str:
        """What tells a file from others, and from those of other runs."""
        return fingerprint_strings([self.manifest.checksum, part])

    def _check_key(self, path: Path, table: pa.Table, part: str) -> None:
        # Files of earlier versions do not say whose they are.
        if (table.schema.metadata or {}).get(_OF) not in (None, self._key(part).encode()):
            raise StoreMismatchError(f"{path} is another part, or of another run; run `softtopic teach` again")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Every failure of reading a file becomes one StoreMismatchError that names it."""
    try:
        yield
    except FileNotFoundError:
        raise StoreMismatchError(f"{path} is missing; run `softtopic teach` again, it does what is missing") from None
    except (pa.ArrowException, OSError, KeyError, AttributeError, ValueError):
        raise StoreMismatchError(f"{path} is damaged; run `softtopic teach` again, it redoes that part") from None


def _has_manifest(path: Path) -> bool:
    """Whether there is a manifest; raises StoreMismatchError for one of another program or version."""
    try:
        Manifest.read(path)
    except UnreadableManifestError:
        return False
    return True


def _is_free(path: Path) -> bool:
    """Whether nothing is there, or no more than a manifest that another process is writing or was killed over."""
    try:
        return all(file.name.startswith(f".{FILE}.") for file in path.iterdir())
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        return not path.exists()  # something above it is a file: writing says so


def _has_own_parts(path: Path) -> bool:
    """Whether the folder holds files of a feature folder alone, with features."""
    if not path.is_dir() or not all(_FILES.match(file.name) for file in path.iterdir()):
        return False
    for part in path.glob("part-*.parquet"):
        with suppress(pa.ArrowException, OSError):
            return {"id", "log_probs", "hidden"} <= set(pq.read_schema(part).names)
    return False
