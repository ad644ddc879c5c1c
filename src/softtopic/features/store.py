"""Features on disk: Parquet shards, each written once and renamed into place, and a manifest that says of what.

features/
  manifest.json        what the features are of, and how they are cut into shards
  part-00000.parquet   id, log_probs, hidden: one row for each distinct document; where labels are cut (`SparseLabels`)
                       also words, their places in the vocabulary, and rest, the probability of all others
  means.parquet        word, mean_log_prob over some documents, where labels are cut
  documents.parquet    the documents themselves, where they were asked to be kept
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import StoreMismatchError
from softtopic.features.sparse import SparseLabels, WordMeans
from softtopic.storage.atomic import locked, staged_file
from softtopic.types import DocHidden, DocInt, DocVocab

FORMAT = "softtopic-features"
VERSION = 1
SHARD_ROWS = 1024
_MEANS = "means.parquet"


@dataclass(frozen=True, slots=True)
class Features:
    """What the teacher said of each distinct document, in order: see `TeacherOutput`."""

    log_probs: DocVocab
    hidden: DocHidden

    def __len__(self) -> int:
        return len(self.hidden)

    def at(self, rows: DocInt) -> "Features":
        """Those of some documents."""
        return Features(self.log_probs[rows], self.hidden[rows])


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What features depend on, as fingerprints; two stores with equal manifests hold equal features."""

    corpus: str
    vocabulary: str
    teacher: str
    rows: int
    words: tuple[str, ...]
    described: dict[str, Any]  # the teacher as plain values
    shard_rows: int = SHARD_ROWS
    top_k: int | None = None  # words kept of each soft label; None: all
    format: str = FORMAT
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Shard:
    """One unit of work: rows start to stop of the distinct documents."""

    index: int
    start: int
    stop: int

    @property
    def file(self) -> str:
        return f"part-{self.index:05d}.parquet"


class FeatureStore:
    """A folder of features. Open one with `FeatureStore.create` or `FeatureStore.open`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def create(cls, path: str | Path, manifest: Manifest) -> "FeatureStore":
        """The store at this path, new or begun earlier; raises StoreMismatchError if it holds other features."""
        path = Path(path)
        file = path / "manifest.json"
        if not file.exists():
            if not _is_free(path):
                raise StoreMismatchError(f"{path} exists and is not a feature folder; give a new or an empty folder")
            # Two processes may begin the same store at once: the first one's manifest stands.
            with locked(path):
                if not file.exists():
                    with staged_file(file) as staging:
                        _write_manifest(staging, manifest)
        store = cls.open(path)
        store._check(manifest)
        return store

    @classmethod
    def open(cls, path: str | Path) -> "FeatureStore":
        """The store at this path; raises StoreMismatchError if there is none this version can read."""
        path = Path(path)
        found: Any = {}
        try:
            found = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
            ours, version = found["format"] == FORMAT, found["version"]
        except (OSError, ValueError, KeyError, TypeError):
            ours, version = False, None
        if not ours:
            raise StoreMismatchError(f"{path} is not a feature folder; expected one made by `softtopic teach`")
        if version != VERSION:
            raise StoreMismatchError(
                f"{path} is a feature folder of version {version}; this program reads {VERSION}: upgrade softtopic"
            )
        try:
            manifest = Manifest(**(found | {"words": tuple(found["words"])}))
        except (TypeError, KeyError):
            raise StoreMismatchError(f"{path}/manifest.json is damaged; run `softtopic teach` again") from None
        return cls(path, manifest)

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.manifest.words)

    @property
    def shards(self) -> list[Shard]:
        rows, size = self.manifest.rows, self.manifest.shard_rows
        return [Shard(i, start, min(start + size, rows)) for i, start in enumerate(range(0, rows, size))]

    def _check(self, wanted: Manifest) -> None:
        for part, what in (("corpus", "other documents"), ("vocabulary", "another vocabulary"),
                           ("teacher", "another language model, prompt, max_tokens or cut")):  # fmt: skip
            if getattr(self.manifest, part) != getattr(wanted, part):
                raise StoreMismatchError(
                    f"{self.path} holds features of {what}; give another folder, or run `softtopic teach` into a new "
                    "one"
                )
        if self.manifest.top_k != wanted.top_k:
            held, asked = (f"top_k {one.top_k}" if one.top_k else "all words" for one in (self.manifest, wanted))
            raise StoreMismatchError(
                f"{self.path} keeps soft labels of {held}, asked for is {asked}; give another folder or the same top_k"
            )

    def missing(self) -> list[Shard]:
        """Shards that are not there, or not whole."""
        return [shard for shard in self.shards if not self._is_whole(shard)]

    def write(self, shard: Shard, ids: Sequence[str], features: Features) -> None:
        """Publish one shard, whole or not at all; where the manifest says to cut labels, means come first."""
        columns: dict[str, pa.Array] = {"id": pa.array(ids, pa.string())}
        if self.manifest.top_k is None:
            columns["log_probs"] = _as_lists(features.log_probs)
        else:
            cut = SparseLabels.of(features.log_probs, self.manifest.top_k, self.means)
            columns |= {
                "words": _as_lists(cut.words),
                "log_probs": _as_lists(cut.log_probs),
                "rest": pa.array(cut.rest),
            }
        table = pa.table(columns | {"hidden": _as_lists(features.hidden)})
        with staged_file(self.path / shard.file) as staging:
            pq.write_table(table, staging, compression="zstd", write_page_checksum=True)

    def write_means(self, means: WordMeans) -> None:
        """Keep what labels are cut by: the mean log probability of every word of the vocabulary."""
        table = pa.table({"word": pa.array(self.manifest.words, pa.string()), "mean_log_prob": pa.array(means)})
        with staged_file(self.path / _MEANS) as staging:
            pq.write_table(table, staging, compression="zstd", write_page_checksum=True)

    @property
    def has_means(self) -> bool:
        """Whether they are kept and whole."""
        try:
            return len(self.means) > 0
        except StoreMismatchError:
            return False

    @property
    def means(self) -> WordMeans:
        """What `write_means` kept; raises StoreMismatchError where it is missing or damaged."""
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
        """All features in order; raises StoreMismatchError where a shard is missing or damaged."""
        parts = [self._read(shard) for shard in self.shards]
        if not parts:
            raise StoreMismatchError(f"{self.path} holds no documents; run `softtopic teach` on a file with texts")
        labels = [part.labels for part in parts]
        sparse = [part for part in labels if isinstance(part, SparseLabels)]
        return Features(
            SparseLabels.join(sparse).dense() if sparse else np.concatenate(labels),  # type: ignore[arg-type]
            np.concatenate([part.hidden for part in parts]),
        )

    def write_documents(self, corpus: Corpus) -> None:
        """Keep the documents beside their features, so that the folder alone is enough to fit a model."""
        columns = {"id": corpus.ids, "text": corpus.texts, "label": corpus.labels, "time": corpus.times}
        kept = {name: pa.array(values, pa.string()) for name, values in columns.items() if values is not None}
        with self.lock(), staged_file(self.path / "documents.parquet") as staging:
            pq.write_table(pa.table(kept), staging, compression="zstd", write_page_checksum=True)

    def documents(self) -> Corpus:
        """The documents kept with `write_documents`."""
        path = self.path / "documents.parquet"
        if not path.exists():
            raise StoreMismatchError(f"{self.path} keeps no documents; give the file of documents as well")
        try:
            table = pq.read_table(path, page_checksum_verification=True)
        except (pa.ArrowException, OSError):
            raise StoreMismatchError(f"{path} is damaged; run `softtopic teach` again") from None
        columns = {name: table[name].to_pylist() for name in table.column_names}
        corpus = Corpus.from_texts(
            columns["text"], ids=columns["id"], labels=columns.get("label"), times=columns.get("time")
        )
        if corpus.fingerprint != self.manifest.corpus:
            raise StoreMismatchError(f"{path} holds other documents than the features; run `softtopic teach` again")
        return corpus

    def lock(self):  # noqa: ANN201
        """Hold the folder: one process writes at a time."""
        return locked(self.path)

    def _is_whole(self, shard: Shard) -> bool:
        path = self.path / shard.file
        if not path.exists():
            return False
        try:
            self._read(shard)
        except StoreMismatchError:
            return False
        return True

    def _read(self, shard: Shard) -> "_Part":
        path = self.path / shard.file
        means = None if self.manifest.top_k is None else self.means
        names = ["log_probs", "hidden"] if means is None else ["log_probs", "hidden", "words", "rest"]
        try:
            table = pq.read_table(path, columns=names, page_checksum_verification=True)
            part = _Part.of(table, means)
        except FileNotFoundError:
            raise StoreMismatchError(
                f"{path} is missing; run `softtopic teach` again, it does what is missing"
            ) from None
        except (pa.ArrowException, OSError, KeyError, AttributeError, ValueError):
            raise StoreMismatchError(f"{path} is damaged; run `softtopic teach` again, it redoes that part") from None
        if part.shape != (shard.stop - shard.start, self.manifest.top_k or len(self.manifest.words)):
            raise StoreMismatchError(f"{path} holds other rows than its manifest says; run `softtopic teach` again")
        return part


class _Part(NamedTuple):
    """One shard as it lies on disk."""

    labels: DocVocab | SparseLabels
    hidden: DocHidden

    @classmethod
    def of(cls, table: pa.Table, means: WordMeans | None) -> "_Part":
        log_probs, hidden = (_as_array(table[name]) for name in ("log_probs", "hidden"))
        if means is None:
            return cls(log_probs, hidden)
        words, rest = _as_array(table["words"], whole=True), table["rest"].to_numpy()
        if words.shape != log_probs.shape or rest.dtype != np.float32 or words.max(initial=0) >= len(means):
            raise ValueError("expected a place in the vocabulary for each log probability")
        return cls(SparseLabels(words, log_probs, rest, means), hidden)

    @property
    def shape(self) -> tuple[int, ...]:
        """Documents, and log probabilities kept of each."""
        return (self.labels.log_probs if isinstance(self.labels, SparseLabels) else self.labels).shape


def _is_free(path: Path) -> bool:
    """Nothing is there, or no more than a manifest that another process is writing or was killed over."""
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


def _as_array(column: pa.ChunkedArray, *, whole: bool = False) -> np.ndarray:
    lists = column.combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    if not (pa.types.is_unsigned_integer if whole else pa.types.is_floating)(lists.type.value_type):
        # A bit that flips in the file's footer can turn numbers into something else.
        raise ValueError(f"expected numbers, found {lists.type}")
    return lists.values.to_numpy(zero_copy_only=False).reshape(len(lists), lists.type.list_size)
