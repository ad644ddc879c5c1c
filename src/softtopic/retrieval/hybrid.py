"""Words, topics and vectors in one ranking: BM25, and sums over rankings.

The only module that imports bm25s, of the extra `search`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from softtopic.data.tokenizer import TOKEN_PATTERN, compile_token_pattern
from softtopic.errors import InputError

# Weight of the first places: with more, later ones count nearly as much (Cormack et al., 2009).
RANK_CONSTANT = 60

Scores = Float[np.ndarray, " docs"]


class WordIndex:
    """Relevance of texts to the words of a query by BM25 (Robertson & Zaragoza, 2009), in lower case.

    Parameters
    ----------
    texts : sequence of str
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = compile_token_pattern(TOKEN_PATTERN)
        tokens = [self._words.findall(text.lower()) for text in texts]
        self._n_texts = len(tokens)
        self._index = _bm25s().BM25() if any(tokens) else None
        if self._index is not None:
            self._index.index(tokens, show_progress=False)

    def scores(self, query: str) -> Scores:
        """Relevance of each text, 0 where it has none of the words."""
        known = () if self._index is None else self._index.vocab_dict
        words = [word for word in self._words.findall(query.lower()) if word in known]
        if self._index is None or not words:
            return np.zeros(self._n_texts, dtype=np.float32)
        return np.asarray(self._index.get_scores(words))


def reciprocal_rank_fusion(scores: Sequence[Scores], *, constant: int = RANK_CONSTANT) -> Scores:
    """Sum over rankings of 1 / (constant + rank) (Cormack et al., 2009).

    Parameters
    ----------
    scores : sequence of ndarray of shape (n_documents,)
        Scores of the documents by each method, larger is better; ties are in document order, and documents with -inf
        are not ranked by the method.
    constant : int, default=RANK_CONSTANT

    Returns
    -------
    ndarray of shape (n_documents,)

    Examples
    --------
    >>> reciprocal_rank_fusion([np.array([3.0, 2.0, 1.0]), np.array([1.0, 3.0, 2.0])], constant=1).argmax()
    1
    """
    fused = np.zeros(len(scores[0]))
    for one in scores:
        order = np.argsort(-one, kind="stable")
        order = order[one[order] > -np.inf]
        fused[order] += 1 / (constant + 1 + np.arange(len(order)))
    return fused


def _bm25s() -> Any:
    try:
        import bm25s
    except ImportError:
        raise InputError("search by words needs bm25s; pip install 'softtopic[search]'") from None
    return bm25s
