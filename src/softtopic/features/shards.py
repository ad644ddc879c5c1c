"""Shards: consecutive rows of the features, each the content of one Parquet file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from softtopic.features.sparse import SparseLabels, WordMeans
from softtopic.teacher.base import Features
from softtopic.types import DocHidden, DocVocab


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


class ShardContent(NamedTuple):
    """Soft labels, whole or truncated, and hidden states of the documents of a shard."""

    labels: DocVocab | SparseLabels
    hidden: DocHidden

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of documents, and of log probabilities kept of each."""
        return (self.labels.log_probs if isinstance(self.labels, SparseLabels) else self.labels).shape

    def to_table(self, ids: Sequence[str | int]) -> pa.Table:
        """The columns of the file."""
        columns: dict[str, pa.Array] = {"id": pa.array(list(map(str, ids)), pa.string())}
        if isinstance(self.labels, SparseLabels):
            columns["words"] = _as_lists(self.labels.words)
            columns["log_probs"] = _as_lists(self.labels.log_probs)
            columns["rest"] = pa.array(self.labels.rest)
        else:
            columns["log_probs"] = _as_lists(self.labels)
        return pa.table(columns | {"hidden": _as_lists(self.hidden)})

    @classmethod
    def from_table(cls, table: pa.Table, means: WordMeans | None) -> "ShardContent":
        """The content from the columns; with the means of words where labels are truncated."""
        log_probs, hidden = (_as_array(table[name]) for name in ("log_probs", "hidden"))
        if means is None:
            return cls(log_probs, hidden)
        words, rest = _as_array(table["words"], integers=True), table["rest"].to_numpy()
        if words.shape != log_probs.shape or rest.dtype != np.float32 or words.max(initial=0) >= len(means):
            raise ValueError("expected a position in the vocabulary for each log probability")
        return cls(SparseLabels(words, log_probs, rest, means), hidden)


def concatenate(parts: Sequence[ShardContent]) -> Features:
    """The features of consecutive shards, with soft labels of all words."""
    labels = [part.labels for part in parts]
    sparse = [part for part in labels if isinstance(part, SparseLabels)]
    return Features(
        SparseLabels.concatenate(sparse).to_dense() if sparse else np.concatenate(labels),  # type: ignore[arg-type]
        np.concatenate([part.hidden for part in parts]),
    )


def _as_lists(matrix: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(matrix).ravel()), matrix.shape[1])


def _as_array(column: pa.ChunkedArray, *, integers: bool = False) -> np.ndarray:
    lists = column.combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    if not (pa.types.is_unsigned_integer if integers else pa.types.is_floating)(lists.type.value_type):
        # A flipped bit in the file's footer can turn numbers into something else.
        raise ValueError(f"expected numbers, found {lists.type}")
    return lists.values.to_numpy(zero_copy_only=False).reshape(len(lists), lists.type.list_size)
