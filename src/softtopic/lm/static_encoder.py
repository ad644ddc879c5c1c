"""Static sentence encoder: a document is the weighted sum of the vectors of its tokens.

Nothing is computed but a tokenisation and a sparse product, so that a CPU encodes thousands of documents a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

from softtopic.errors import InputError
from softtopic.types import DocHidden

# Texts tokenised at a time: of each token a tokenizer keeps ten times more than its number.
_TEXTS = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class StaticEncoder:
    """Vectors of tokens, and the tokenizer they belong to; no neural network.

    The vector of a text is the L2-normalised sum of the vectors of its tokens, each times the square root of its count.
    Tokens without a vector are skipped; a text without any token that has one is a zero vector.

    Parameters
    ----------
    tokenizer : str
        A tokenizer of the package `tokenizers`, as JSON; it truncates texts.
    tokens : ndarray of shape (n_tokens,), int32
        Numbers of the tokens that have vectors, ascending.
    vectors : ndarray of shape (n_tokens, width), float16
        Their vectors, times their weights.

    Raises
    ------
    InputError
        If the parts do not fit each other.
    """

    tokenizer: str
    tokens: Int[np.ndarray, " tokens"]
    vectors: Float[np.ndarray, "_ width"]

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.tokens.shape != self.vectors.shape[:1] or not self.vectors.size:
            raise InputError(
                f"{self.tokens.shape} tokens for vectors of shape {self.vectors.shape}; expected a vector for each"
            )
        if (np.diff(self.tokens) <= 0).any() or not 0 <= self.tokens[0] <= self.tokens[-1] < self._n_tokens:
            raise InputError(f"tokens are not ascending numbers below {self._n_tokens}")

    @property
    def width(self) -> int:
        return self.vectors.shape[1]

    def __call__(self, texts: Sequence[str]) -> DocHidden:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        float32 ndarray of shape (n_texts, width)
            L2-normalised vectors, each of its own text alone.

        Examples
        --------
        >>> encoder(["The rocket reached its orbit."]).shape  # doctest: +SKIP
        (1, 256)
        """
        vectors = np.empty((len(texts), self.width), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS):
            part = self._counts(texts[start : start + _TEXTS]).power(0.5) @ self._float32
            vectors[start : start + _TEXTS] = np.asarray(normalize(np.asarray(part)))
        return vectors

    def _counts(self, texts: Sequence[str]) -> csr_matrix:
        return token_counts(self._tokenizer, texts)[:, self.tokens]

    @cached_property
    def _float32(self) -> Float[np.ndarray, "tokens width"]:
        return self.vectors.astype(np.float32)

    @cached_property
    def _tokenizer(self) -> Any:
        return open_tokenizer(self.tokenizer)

    @property
    def _n_tokens(self) -> int:
        return self._tokenizer.get_vocab_size()

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made when first needed."""
        return {name: vars(self)[name] for name in ("tokenizer", "tokens", "vectors")}


def open_tokenizer(text: str) -> Any:
    """A tokenizer from its JSON; raises InputError if it is none."""
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the package raises nothing narrower
        raise InputError(f"the tokenizer of the static encoder cannot be read ({error})") from None


def token_counts(tokenizer: Any, texts: Sequence[str]) -> csr_matrix:
    """Count the tokens of texts.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
    texts : sequence of str

    Returns
    -------
    csr_matrix of shape (n_texts, n_tokens), float32
    """
    rows: list[Int[np.ndarray, " row"]] = []
    for start in range(0, len(texts), _TEXTS):
        # Tokenizers cannot take lone surrogates.
        part = [text.encode("utf-8", errors="replace").decode("utf-8") for text in texts[start : start + _TEXTS]]
        encoded = tokenizer.encode_batch_fast(part, add_special_tokens=False)
        rows += [np.array(one.ids, dtype=np.int32) for one in encoded]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    indices = np.concatenate(rows) if rows else np.empty(0, dtype=np.int32)
    shape = (len(rows), tokenizer.get_vocab_size())
    counts = csr_matrix((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=shape)
    counts.sum_duplicates()
    return counts
