"""What a topic model reads of a document: vectors and counts of words, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool
from scipy.sparse import csr_matrix, issparse
from sklearn.preprocessing import normalize

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.lsa import WordSpace
from softtopic.types import DocHidden, DocInt

INPUTS = ("hidden", "embedding", "words", "tf-idf", "bow", "normalised-bow")
# Those that are placed by how rare words were among the documents learnt from.
WEIGHED = frozenset({"words", "tf-idf"})
TARGETS = ("soft", "bow")

# What roots of shares are multiplied by, to weigh about as much as standardised vectors.
_ROOTS = 5.0

# The largest count float16 holds.
_MOST = 65504


def split_inputs(inputs: str) -> tuple[str, ...]:
    """The parts of e.g. "bow+embedding"; raises InputError for what is not known or stands twice."""
    return _split(inputs, INPUTS, "inputs")


def split_target(target: str) -> tuple[str, ...]:
    """The parts of e.g. "soft+bow"; raises InputError for what is not known or stands twice."""
    return _split(target, TARGETS, "target")


def _split(given: str, known: Sequence[str], what: str) -> tuple[str, ...]:
    parts = tuple(given.split("+"))
    if len(set(parts)) != len(parts) or not set(parts) <= set(known):
        raise InputError(f"{what} {given!r} is not known; choose of {', '.join(known)}, joined by + where several")
    return parts


@dataclass(frozen=True)
class Inputs:
    """Named parts with a row for each document; they become one array when they are read."""

    parts: dict[str, DocHidden | csr_matrix]

    def __len__(self) -> int:
        return next(iter(self.parts.values())).shape[0]  # type: ignore[return-value]

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each part, in their order."""
        return {name: int(part.shape[1]) for name, part in self.parts.items()}  # type: ignore[index]

    @property
    def vectors(self) -> dict[str, DocHidden]:
        """The parts that are vectors of documents, not of their words."""
        return {name: part for name, part in self.parts.items() if name != "words" and isinstance(part, np.ndarray)}

    @property
    def words(self) -> DocHidden | None:
        """Documents in the space of their words, where they are an input."""
        part = self.parts.get("words")
        return part if isinstance(part, np.ndarray) else None

    @property
    def are_continuous(self) -> Bool[np.ndarray, " width"]:
        """Which columns are no counts: those that may be standardised."""
        return np.concatenate([np.full(part.shape[1], not issparse(part)) for part in self.parts.values()])  # type: ignore[index]

    def at(self, rows: DocInt) -> "Inputs":
        """Some of the documents."""
        return Inputs({name: part[rows] for name, part in self.parts.items()})

    def dense(self, start: int = 0, stop: int | None = None) -> DocHidden:
        """The parts side by side, documents start to stop."""
        return np.concatenate([_dense(part[start:stop]) for part in self.parts.values()], axis=1)


def _dense(part: DocHidden | csr_matrix) -> DocHidden:
    return part.toarray().astype(np.float16) if isinstance(part, csr_matrix) else part


def gather(
    inputs: str,
    texts: Sequence[str],
    vocabulary: Vocabulary,
    hidden: DocHidden | None,
    embed: Callable[[Sequence[str]], DocHidden],
    space: Callable[[csr_matrix], WordSpace],
) -> Inputs:
    """The parts named, of these texts; those that are not named are not worked out.

    `embed` makes vectors of texts; `space` is asked for the space of their words with the counts of these texts.
    """
    counted = cache(lambda: _counts(vocabulary, texts))
    makers: dict[str, Callable[[], DocHidden | csr_matrix | None]] = {
        "hidden": lambda: hidden,
        "embedding": lambda: embed(texts),
        "words": lambda: space(counted()).of(counted()).astype(np.float16),
        "tf-idf": lambda: space(counted()).roots(counted()) * _ROOTS,
        "bow": counted,
        "normalised-bow": lambda: normalize(counted(), norm="l1"),  # type: ignore[dict-item]
    }
    parts = {name: makers[name]() for name in split_inputs(inputs)}
    for name, part in parts.items():
        if part is None:
            raise InputError(f"the model reads {name}, and there is none; give {name}= or texts")
    return Inputs(parts)  # type: ignore[arg-type]


def check_vectors(name: str, given: object, rows: int, widths: dict[str, int]) -> DocHidden:
    """Vectors as an array; raises InputError unless there is one for each document, of the width the model knows.

    `widths` are those of a fitted model, empty before.
    """
    if widths and name not in widths:
        raise InputError(f"the model reads {' and '.join(widths)}, not {name}; leave it out")
    array = np.asarray(given)
    width = widths.get(name, array.shape[-1] if array.ndim else 0)
    if array.shape != (rows, width):
        raise InputError(
            f"{name} has shape {array.shape}; expected [documents, {width if widths else 'width'}], "
            f"one row for each of {rows} documents"
        )
    if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
        raise InputError(f"{name} holds {array.dtype} with numbers that are not finite floats; give finite floats")
    return array


def from_vectors(widths: dict[str, int], given: dict[str, DocHidden | None]) -> Inputs:
    """Inputs of a fitted model from arrays alone, without texts."""
    missing = [name for name in widths if given.get(name) is None]
    if missing:
        needed = "texts, or vectors" if {*widths} <= {"hidden", "embedding"} else "texts"
        raise InputError(f"nothing to transform: the model reads {' and '.join(missing)}; give {needed}")
    arrays = {name: array for name, array in given.items() if array is not None}
    rows = len(next(iter(arrays.values())))
    checked = {name: check_vectors(name, array, rows, widths) for name, array in arrays.items()}
    return Inputs({name: checked[name] for name in widths})


def _counts(vocabulary: Vocabulary, texts: Sequence[str]) -> csr_matrix:
    counts = csr_matrix(vocabulary.bag_of_words(texts), dtype=np.float32)
    np.minimum(counts.data, _MOST, out=counts.data)
    return counts
