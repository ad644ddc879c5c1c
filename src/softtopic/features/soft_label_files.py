"""Soft labels of any origin from a Parquet file, validated.

One row is one document. Columns:
  log_probs or probs   of all words of the vocabulary, or of those in `words`
  words                for sparse labels: the words themselves, or their positions in the vocabulary
  rest                 optional with `words`: the probability of all words not listed
  hidden or embedding  a vector
  id, text, label      optional
Shards of a feature folder are such files.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, MissingColumnError
from softtopic.types import DocHidden, DocVocab

# Tolerance of the sum of a document's probabilities: float16 log probabilities of many words are off by as much.
_TOLERANCE = 0.05

# Lower bound of a word's probability: calibration takes logarithms.
_MIN_PROBABILITY = 1e-8
# Its logarithm, less what float16 may round off.
_MIN_LOG_PROB = np.log(_MIN_PROBABILITY) - 0.1

# Rows validated at a time.
_BLOCK = 4096

# Key of the file's metadata that may hold the words, as a JSON list.
METADATA = b"vocabulary"


@dataclass(frozen=True)
class SoftLabels:
    """Documents with soft labels and vectors, with which `TopicModel.fit` needs no language model.

    Attributes
    ----------
    corpus : Corpus
        The documents; every row is distinct.
    vocabulary : Vocabulary
        The words of the labels.
    log_probs : ndarray of shape (n_documents, n_words), float32
        Log probabilities, normalised over the vocabulary.
    hidden : ndarray of shape (n_documents, width), float32
        Vectors of the documents.
    """

    corpus: Corpus
    vocabulary: Vocabulary
    log_probs: DocVocab
    hidden: DocHidden


def read_soft_labels(
    path: str | Path, vocabulary: Vocabulary | Sequence[str] | None = None, *, text: str = "text"
) -> SoftLabels:
    """Read a Parquet file of soft labels.

    Parameters
    ----------
    path : str or Path
        A file with a row for each document and columns ``log_probs`` or ``probs``, and ``hidden`` or ``embedding``;
        optionally ``words`` and ``rest`` (sparse labels), ``id``, ``text`` and ``label``.
    vocabulary : Vocabulary or sequence of str, optional
        The words of the labels. Default: those named in the file's metadata, else those listed by its sparse labels,
        most frequent first.
    text : str, default "text"
        Column of the texts, where there is one.

    Returns
    -------
    SoftLabels
        Validated and normalised.

    Raises
    ------
    InputError
        If rows are invalid, naming the first: numbers that are not finite, lists of different lengths, labels that are
        not probabilities, unknown or repeated words, duplicate ids.
    """
    table = _table(Path(path))
    name = str(path)
    if vocabulary is None:
        vocabulary = _vocabulary(table, name)
    elif not isinstance(vocabulary, Vocabulary):
        vocabulary = Vocabulary(tuple(vocabulary))
    kind = _one_of(table, ("log_probs", "probs"), name)
    listed = _Lists.from_column(table, kind, name)
    if "words" in table.column_names:
        probabilities = _from_sparse(table, listed, len(vocabulary), _word_positions(table, vocabulary, name), name)
    else:
        values = listed.to_matrix(name, "the number of words in the vocabulary", len(vocabulary))
        probabilities = _probabilities(values, kind, name)
    vectors = _Lists.from_column(table, _one_of(table, ("hidden", "embedding"), name), name)
    return SoftLabels(
        _corpus(table, text, name),
        vocabulary,
        _log(probabilities, kind, name),
        vectors.to_matrix(name, "a vector's width").astype(np.float32),
    )


def check_log_probs(given: object, rows: int, n_words: int) -> DocVocab:
    """Validate an array of soft labels.

    Parameters
    ----------
    given : array-like of shape (rows, n_words)
        Log probabilities, normalised over the vocabulary.
    rows, n_words : int
        The expected shape.

    Returns
    -------
    ndarray of shape (rows, n_words)
        Finite log probabilities: those of 0, minus infinity, become the lower bound.

    Raises
    ------
    InputError
        With the first row that is wrong.
    """
    name, values = "soft_labels", np.asarray(given)
    if values.ndim != 2 or len(values) != rows or not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"{name} is {values.dtype} of shape {values.shape}; expected floats, {rows} rows of {n_words}")
    if values.shape[1] != n_words:
        raise InputError(f"{name} have {values.shape[1]} columns for {n_words} words")
    wrong = ~(values <= _TOLERANCE)
    if wrong.any():
        row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
        raise InputError(f"{name} row {row + 1} holds {values[row, column]:.4g}; expected a log probability, at most 0")
    parts = np.array_split(values, 1 + rows // _BLOCK)
    sums = np.concatenate([np.exp(part.astype(np.float64)).sum(axis=1) for part in parts])
    _check_sums(sums, name, name)
    if not values.size or values.min() >= _MIN_LOG_PROB:
        return values
    return np.concatenate([_log(np.exp(part.astype(np.float64)), name, name) for part in parts])


@dataclass(frozen=True)
class _Lists:
    """A column of lists of numbers: their values in one array, and the length of each list."""

    column: str
    values: Float[np.ndarray, " values"]
    lengths: Int[np.ndarray, " docs"]

    @classmethod
    def from_column(cls, table: pa.Table, column: str, name: str) -> "_Lists":
        lists = table[column].combine_chunks()
        if isinstance(lists, pa.ChunkedArray):
            lists = pa.concat_arrays(lists.chunks)
        if not _is_list(lists.type) or not (
            pa.types.is_floating(lists.type.value_type) or pa.types.is_integer(lists.type.value_type)
        ):
            raise InputError(f"{name}: column {column!r} is {lists.type}; expected lists of numbers")
        flat = lists.flatten()
        if lists.null_count or flat.null_count:
            raise InputError(f"{name}: column {column!r} has missing values; give every document its numbers")
        values = flat.to_numpy(zero_copy_only=False).astype(np.float64)
        lengths = lists.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        ok = ~np.isnan(values) & (values < np.inf)
        if column != "log_probs":
            ok &= values > -np.inf
        if not ok.all():
            row = int(np.searchsorted(np.cumsum(lengths), np.argmin(ok), side="right"))
            raise InputError(f"{name} row {row + 1}: {column!r} holds {values[np.argmin(ok)]}; expected finite numbers")
        return cls(column, values, lengths)

    def to_matrix(self, name: str, what: str, width: int | None = None) -> Float[np.ndarray, "docs width"]:
        """All lists as rows of one array; they must have one length."""
        width = int(self.lengths[0]) if width is None else width
        wrong = self.lengths != width
        if wrong.any() or width == 0:
            row = int(wrong.argmax())
            raise InputError(
                f"{name} row {row + 1}: {self.column!r} has {self.lengths[row]} numbers; expected "
                f"{max(width, 1)}, {what}"
            )
        return self.values.reshape(len(self.lengths), width)


def _table(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a Parquet file of soft labels") from None
    except PermissionError:
        raise InputError(f"{path} may not be read; give yourself the right to, or another file") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{path} is not a whole Parquet file: {reason}; write or copy it again") from None
    if not table.num_rows:
        raise InputError(f"{path} holds no documents; expected at least one")
    return table


def _one_of(table: pa.Table, names: tuple[str, str], name: str) -> str:
    present = [one for one in names if one in table.column_names]
    if len(present) != 1:
        have = ", ".join(table.column_names)
        raise InputError(f"{name} needs one column of {' or '.join(map(repr, names))}; it has: {have}")
    return present[0]


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _vocabulary(table: pa.Table, name: str) -> Vocabulary:
    """The words that a file names."""
    named = (table.schema.metadata or {}).get(METADATA)
    if named is not None:
        try:
            words: Any = json.loads(named)
        except ValueError:
            words = None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise InputError(f"{name}: metadata 'vocabulary' is not a JSON list of words; write it anew")
        return Vocabulary(tuple(words))
    column = table.schema.field("words").type if "words" in table.column_names else None
    if column is None or not _is_list(column) or not _is_text(column.value_type):
        raise InputError(f"{name} does not say which words its labels are of; give --vocabulary with a file of words")
    counts = Counter(word for row in table["words"].to_pylist() for word in row or () if word is not None)
    return Vocabulary(tuple(sorted(counts, key=lambda word: (-counts[word], word))))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _word_positions(table: pa.Table, vocabulary: Vocabulary, name: str) -> _Lists:
    """Positions in the vocabulary of the words listed."""
    kind = table.schema.field("words").type
    if not _is_list(kind) or not _is_text(kind.value_type):
        lists = _Lists.from_column(table, "words", name)
        known = (lists.values >= 0) & (lists.values < len(vocabulary)) & (lists.values == np.floor(lists.values))
        words = lists.values.astype(np.int64).tolist()
    else:
        position = {word: number for number, word in enumerate(vocabulary.words)}
        rows = [row or [] for row in table["words"].to_pylist()]
        words = [word for row in rows for word in row]
        values = np.array([position.get(word, -1) for word in words], dtype=np.float64)
        lists = _Lists("words", values, np.array([len(row) for row in rows], dtype=np.int64))
        known = values >= 0
    if not known.all():
        first = int(np.argmin(known))
        row = int(np.searchsorted(np.cumsum(lists.lengths), first, side="right"))
        raise InputError(
            f"{name} row {row + 1}: word {words[first]!r} is not in the vocabulary of {len(vocabulary)} words; "
            "give the vocabulary these labels are of"
        )
    return lists


def _from_sparse(table: pa.Table, listed: _Lists, n_words: int, positions: _Lists, name: str) -> DocVocab:
    """Words that are not listed share the remaining probability evenly."""
    uneven = listed.lengths != positions.lengths
    if uneven.any():
        row = int(uneven.argmax())
        raise InputError(
            f"{name} row {row + 1}: {positions.lengths[row]} words for {listed.lengths[row]} {listed.column}; give one "
            "for each"
        )
    rows = np.repeat(np.arange(len(listed.lengths)), listed.lengths)
    words = positions.values.astype(np.int64)
    kept = np.zeros((len(listed.lengths), n_words), dtype=bool)
    kept[rows, words] = True
    twice = kept.sum(axis=1) < listed.lengths
    if twice.any():
        raise InputError(f"{name} row {int(twice.argmax()) + 1} lists a word twice; give each word once")
    dense = np.zeros(kept.shape)
    dense[rows, words] = _probabilities(listed.values[None], listed.column, name, rows)[0]
    sums = dense.sum(axis=1)
    if "rest" in table.column_names:
        rest = np.asarray(table["rest"].to_numpy(), dtype=np.float64)
        ok = (rest >= 0) & (rest <= 1 + _TOLERANCE)
        if not ok.all():
            row = int(np.argmin(ok))
            raise InputError(f"{name} row {row + 1}: 'rest' is {rest[row]}; expected a probability")
    else:
        rest = np.clip(1 - sums, 0, 1)
    _check_sums(sums + rest, listed.column, name)
    others = n_words - kept.sum(axis=1)
    return np.where(kept, dense, (rest / np.maximum(others, 1))[:, None])


def _probabilities(
    values: Float[np.ndarray, "docs words"], column: str, name: str, rows: Int[np.ndarray, " entries"] | None = None
) -> Float[np.ndarray, "docs words"]:
    """Probabilities from either column; `rows` is the document of each entry, where all are in one row."""
    wrong = values > _TOLERANCE if column == "log_probs" else (values < 0) | (values > 1 + _TOLERANCE)
    if wrong.any():
        place = np.unravel_index(int(wrong.argmax()), wrong.shape)
        row = int(place[0]) if rows is None else int(rows[place[1]])
        kind = "a log probability, at most 0" if column == "log_probs" else "a probability, 0 to 1"
        raise InputError(f"{name} row {row + 1}: {column!r} holds {values[place]:.4g}; expected {kind}")
    return np.exp(values) if column == "log_probs" else values


def _log(probabilities: DocVocab, column: str, name: str) -> Float[np.ndarray, "docs vocab"]:
    sums = probabilities.sum(axis=1)
    _check_sums(sums, column, name)
    floored = np.maximum(probabilities / sums[:, None], _MIN_PROBABILITY)
    return np.log(floored / floored.sum(axis=1, keepdims=True)).astype(np.float32)


def _check_sums(sums: Float[np.ndarray, " docs"], column: str, name: str) -> None:
    wrong = np.abs(sums - 1) > _TOLERANCE
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"{name} row {row + 1}: the probabilities in {column!r} sum to {sums[row]:.4g}; expected 1: normalise "
            "them over the vocabulary"
        )


def _corpus(table: pa.Table, text: str, name: str) -> Corpus:
    """A corpus in which every row is distinct; without texts the number of a row stands for one."""
    if text != "text" and text not in table.column_names:
        raise MissingColumnError(f"{name} has no column {text!r}; it has: {', '.join(table.column_names)}")
    columns = {one: _strings(table, one, name) for one in ("id", text, "label") if one in table.column_names}
    ids = columns.get("id")
    if ids is not None and len(set(ids)) < len(ids):
        first = next(one for one, count in Counter(ids).items() if count > 1)
        raise InputError(f"{name}: id {first!r} stands twice; give every document an id of its own")
    labels = columns.get("label")
    if text in columns:
        return Corpus.from_rows(columns[text], ids=ids, labels=labels)
    return Corpus.without_texts(ids or range(table.num_rows), labels=labels)


def _strings(table: pa.Table, column: str, name: str) -> list[str]:
    if _is_list(table.schema.field(column).type):
        raise InputError(f"{name}: column {column!r} is {table.schema.field(column).type}; expected one value a row")
    return ["" if value is None else str(value) for value in table[column].to_pylist()]
