"""What a topic model reads of a document: vectors and word counts, side by side.

An input is one entry of `INPUTS`; adding one touches this file and its test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool
from scipy.sparse import csr_matrix, hstack, issparse
from sklearn.preprocessing import normalize

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.config import WordInputsConfig
from softtopic.inputs.lsa import LSA
from softtopic.lm.static_encoder import StaticEncoder
from softtopic.types import DocHidden, DocInt

TARGETS = ("soft", "bow")

# The largest count float16 holds.
_MAX_COUNT = 65504


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where inputs come from: distinct documents, and what is known of them.

    Attributes
    ----------
    texts : sequence of str
    vocabulary : Vocabulary
    config : WordInputsConfig
    hidden : ndarray of shape (n_documents, width) or None
        Hidden states of the language model.
    encode : callable
        From texts to sentence vectors of shape (n_documents, width).
    static : StaticEncoder or None
    lsa : LSA or None
        That of a fitted model; None to fit one to these texts.
    seed : int
        Seed of that fit.
    """

    texts: Sequence[str]
    vocabulary: Vocabulary
    config: WordInputsConfig = field(default_factory=WordInputsConfig)
    hidden: DocHidden | None = None
    encode: Callable[[Sequence[str]], DocHidden] | None = None
    static: StaticEncoder | None = None
    fitted_lsa: LSA | None = None
    seed: int = 0

    @cached_property
    def counts(self) -> csr_matrix:
        """Word counts of shape (n_documents, n_words), float32."""
        counts = csr_matrix(self.vocabulary.bag_of_words(self.texts), dtype=np.float32)
        np.minimum(counts.data, _MAX_COUNT, out=counts.data)
        return counts

    @cached_property
    def lsa(self) -> LSA:
        """The model's own, else one fitted to these documents."""
        return self.fitted_lsa or LSA.fit(
            self.counts, self.config.n_lsa_components, seed=self.seed, max_documents=self.config.max_lsa_documents
        )


@dataclass(frozen=True)
class InputKind:
    """One kind of input.

    Attributes
    ----------
    make : callable
        From sources to an array of shape (n_documents, width), dense or sparse; None where the sources lack it.
    reads_words : bool
        Whether it needs the texts' words, not only vectors.
    fits_lsa : bool
        Whether it needs inverse document frequencies of the training corpus.
    is_sparse : bool
        Whether it is a sparse matrix with a column for each word.
    needs_embeddings : bool
        Whether a fit needs sentence vectors for it.
    """

    make: Callable[[Sources], DocHidden | csr_matrix | None]
    reads_words: bool = False
    fits_lsa: bool = False
    is_sparse: bool = False
    needs_embeddings: bool = False


INPUTS: dict[str, InputKind] = {
    "hidden": InputKind(lambda sources: sources.hidden),
    "embedding": InputKind(lambda sources: sources.encode and sources.encode(sources.texts), needs_embeddings=True),
    "static": InputKind(
        lambda sources: sources.static and sources.static(sources.texts), reads_words=True, needs_embeddings=True
    ),
    "words": InputKind(lambda s: s.lsa.transform(s.counts, np.float16), reads_words=True, fits_lsa=True),
    "tf-idf": InputKind(
        lambda s: s.lsa.sqrt_tf_idf(s.counts) * np.float32(s.config.tf_idf_scale),
        reads_words=True,
        fits_lsa=True,
        is_sparse=True,
    ),
    "bow": InputKind(lambda sources: sources.counts, reads_words=True, is_sparse=True),
    "normalised-bow": InputKind(lambda s: csr_matrix(normalize(s.counts, norm="l1")), reads_words=True, is_sparse=True),
}


def split_inputs(inputs: str) -> tuple[str, ...]:
    """Parts of e.g. "bow+embedding"; raises InputError for unknown or repeated parts."""
    return _split(inputs, tuple(INPUTS), "inputs")


def split_target(target: str) -> tuple[str, ...]:
    """Parts of e.g. "soft+bow"; raises InputError for unknown or repeated parts."""
    return _split(target, TARGETS, "target")


def _split(value: str, known: Sequence[str], what: str) -> tuple[str, ...]:
    parts = tuple(value.split("+")) if isinstance(value, str) else (value,)
    if len(set(parts)) != len(parts) or not set(parts) <= set(known):
        raise InputError(f"{what} {value!r} is not known; choose from {', '.join(known)}, several joined by +")
    return parts


@dataclass(frozen=True)
class Inputs:
    """Named blocks of columns with a row for each document; joined into one array when they are read."""

    blocks: dict[str, DocHidden | csr_matrix]

    def __len__(self) -> int:
        return next(iter(self.blocks.values())).shape[0]  # type: ignore[return-value]

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each block, in order."""
        return {name: int(block.shape[1]) for name, block in self.blocks.items()}  # type: ignore[index]

    @property
    def are_continuous(self) -> Bool[np.ndarray, " width"]:
        """Which columns may be standardised: all but sparse counts and weights of words."""
        return np.concatenate([np.full(block.shape[1], not issparse(block)) for block in self.blocks.values()])  # type: ignore[index]

    def at(self, rows: DocInt) -> "Inputs":
        """Some of the documents."""
        return Inputs({name: block[rows] for name, block in self.blocks.items()})

    def trailing_sparse(self) -> tuple["Inputs", csr_matrix | None]:
        """Leading columns, and the sparse ones that end the row as one matrix; None where there are none."""
        names = list(self.blocks)
        while names and isinstance(self.blocks[names[-1]], csr_matrix):
            names.pop()
        tail = [block for name, block in self.blocks.items() if name not in names]
        if not names or not tail:
            return self, None
        return Inputs({name: self.blocks[name] for name in names}), csr_matrix(hstack(tail), dtype=np.float32)

    def dense(self, start: int = 0, stop: int | None = None) -> DocHidden:
        """The blocks side by side, for documents `start` to `stop`."""
        return np.concatenate([_dense(block[start:stop]) for block in self.blocks.values()], axis=1)


def _dense(block: DocHidden | csr_matrix) -> DocHidden:
    return block.toarray().astype(np.float16) if isinstance(block, csr_matrix) else block


def make_inputs(names: str, sources: Sources) -> Inputs:
    """Make the inputs named, and nothing else.

    Parameters
    ----------
    names : str
        Kinds of input joined by "+".
    sources : Sources

    Raises
    ------
    InputError
        If the sources lack what an input needs.
    """
    blocks: dict[str, DocHidden | csr_matrix] = {}
    for name in split_inputs(names):
        block = INPUTS[name].make(sources)
        if block is None:
            raise InputError(f"the model reads {name}, and there is none; give {name}= or texts")
        blocks[name] = block
    return Inputs(blocks)


def check_vectors(name: str, vectors: object, rows: int, widths: dict[str, int]) -> DocHidden:
    """Vectors as an array.

    Parameters
    ----------
    name : str
        Which input they are, for messages.
    vectors : array-like of shape (n_documents, width)
    rows : int
        Number of documents.
    widths : dict of str to int
        Widths of a fitted model's inputs; empty before a fit.

    Raises
    ------
    InputError
        If there is not one vector of finite floats for each document, of the width the model knows.
    """
    if widths and name not in widths:
        raise InputError(f"the model reads {' and '.join(widths)}, not {name}; leave it out")
    array = _as_array(name, vectors)
    width = widths.get(name, array.shape[-1] if array.ndim else 0)
    if array.shape != (rows, width) or not width:
        raise InputError(
            f"{name} has shape {array.shape}; expected [documents, {width if widths else 'width'}], "
            f"one row for each of {rows} documents"
        )
    with np.errstate(over="ignore"):  # everything is computed in float32
        finite = np.issubdtype(array.dtype, np.floating) and np.isfinite(array.astype(np.float32, copy=False)).all()
    if not finite:
        raise InputError(f"{name} holds {array.dtype} with numbers that are not finite floats; give finite floats")
    return array


def _as_array(name: str, vectors: object) -> np.ndarray:
    try:
        return np.asarray(vectors)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{name} is no array of numbers ({reason}); give [documents, width]") from None


def inputs_from_vectors(widths: dict[str, int], vectors: dict[str, DocHidden | None]) -> Inputs:
    """Inputs of a fitted model from arrays alone, without texts."""
    missing = [name for name in widths if vectors.get(name) is None]
    if missing:
        needed = "texts, or vectors" if {*widths} <= {"hidden", "embedding"} else "texts"
        raise InputError(f"nothing to transform: the model reads {' and '.join(missing)}; give {needed}")
    arrays = {name: array for name, array in vectors.items() if array is not None}
    rows = len(next(iter(arrays.values())))
    checked = {name: check_vectors(name, array, rows, widths) for name, array in arrays.items()}
    return Inputs({name: checked[name] for name in widths})
