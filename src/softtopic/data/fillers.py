"""Filler answers: short texts that are repeated often, such as "don't know" in a survey."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

# The longest text that is short.
_MAX_WORDS = 5
_MAX_LENGTH = 40

# So many copies, and this share of the documents, are often.
_MIN_COPIES = 10
_MIN_SHARE = 0.005

# What answers without content are made of, beside stop words.
_EMPTY_WORDS = frozenset((
    "add", "answer", "applicable", "comment", "comments", "know", "knows", "dont", "don", "dunno", "idea", "idk", "nil",
    "na", "nope", "nothing", "ok", "okay", "opinion", "pass", "say", "sure", "unknown", "unsure", "yep", "yes",
    "thanks", "thank",
))  # fmt: skip


def are_fillers(texts: Sequence[str]) -> Bool[np.ndarray, " docs"]:
    """Whether each document is a short text that is repeated often; letter case and punctuation do not matter.

    Examples
    --------
    >>> are_fillers(["Don't know", "don't know.", *["dont know"] * 8, "The price of bread rose"])[-2:]
    array([ True, False])
    """
    keys = [_key(text) for text in texts]
    copies = Counter(key for key in keys if key is not None)
    least = max(_MIN_COPIES, _MIN_SHARE * len(texts))
    return np.array([key is not None and copies[key] >= least for key in keys], dtype=bool)


def says_nothing(text: str, words: frozenset[str]) -> bool:
    """Whether a filler has none of these words, the vocabulary's, but those of answers such as "don't know".

    Examples
    --------
    >>> words = frozenset(["know", "expensive"])
    >>> [says_nothing(text, words) for text in ("I don't know", "too expensive", "n/a")]
    [True, False, True]
    """
    found = set("".join(c if c.isalnum() else " " for c in text.lower()).split())
    return not (found & words) - _EMPTY_WORDS - ENGLISH_STOP_WORDS


def _key(text: str) -> str | None:
    """The letters and digits of a short text, or its signs; None for longer and for blank ones."""
    if len(text) > _MAX_LENGTH or not text.strip() or len(text.split()) > _MAX_WORDS:
        return None
    return "".join(filter(str.isalnum, text.casefold())) or text.strip()
