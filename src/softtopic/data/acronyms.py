"""Acronyms and words with digits: which of them may be words of topics."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from scipy.sparse import csr_matrix

from softtopic.data.tokenizer import LONG_WORD, compile_token_pattern

_TWO_LETTERS = re.compile(r"(?<!\w)[^\W\d_]{2}(?!\w)")


def frequencies(
    words: Sequence[str], counts: csr_matrix, texts: Sequence[str], min_df: int | float
) -> Int[np.ndarray, " words"]:
    """How often words occur, by which those of a vocabulary are selected.

    Parameters
    ----------
    words : sequence of str
        Tokens, lower case.
    counts : csr_matrix of shape (n_texts, n_words)
    texts : sequence of str
        As they are written.
    min_df : int or float
        Least number of texts, or share of them, in which a short word or one with digits occurs.

    Returns
    -------
    ndarray of int of shape (n_words,)
        Total counts. For short words and words with digits or signs the number of texts: a code that one text repeats
        says little about the others. 0 for those in fewer than `min_df` texts, and for words of two letters that are
        rarely written in capitals.
    """
    found = np.asarray(counts.sum(axis=0)).ravel()
    is_long = compile_token_pattern(LONG_WORD).fullmatch
    short = [place for place, word in enumerate(words) if not (is_long(word) or _has_no_case(word))]
    if not short:
        return found
    n_texts = counts.tocsc()[:, short].getnnz(axis=0)  # type: ignore[index]
    n_texts[n_texts < (min_df if isinstance(min_df, int) else min_df * len(texts))] = 0
    pairs = [
        words[place]
        for place, count in zip(short, n_texts, strict=True)
        if count and len(words[place]) == 2 and words[place].isalpha()
    ]
    capitals = written_in_capitals(pairs, texts)
    for place, count in zip(short, n_texts, strict=True):
        word = words[place]
        is_word = any(map(str.isalpha, word)) and (len(word) > 2 or not word.isalpha() or word in capitals)
        found[place] = count if is_word else 0
    return found


def _has_no_case(word: str) -> bool:
    return word.upper() == word.lower() and not any(map(str.isdigit, word))


def written_in_capitals(words: Sequence[str], texts: Sequence[str]) -> set[str]:
    """Words of two letters that texts mostly write in capitals; all of them where no text has any capitals.

    Examples
    --------
    >>> written_in_capitals(["uk", "go"], ["The UK", "Go to the UK", "go"])
    {'uk'}
    """
    if not any(text != text.lower() for text in texts):
        return set(words)
    wanted = set(words)
    written = Counter(token for text in texts for token in _TWO_LETTERS.findall(text) if token.lower() in wanted)
    others = Counter(token.lower() for token in written.elements() if not token.isupper())
    return {word for word in wanted if written[word.upper()] > others[word]}
