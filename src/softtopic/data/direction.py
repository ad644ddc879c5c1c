"""Texts that are read from right to left, beside others."""

import unicodedata

_ISOLATE = "\u2068{}\u2069"
_RIGHT_TO_LEFT = ("R", "AL", "AN")


def isolated(text: str) -> str:
    r"""Text from right to left between Unicode's isolates, which keep its surroundings in place; other text as it is.

    Examples
    --------
    >>> isolated("قمر"), isolated("moon")
    ('\u2068قمر\u2069', 'moon')
    """
    turned = not text.isascii() and any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)
    return _ISOLATE.format(text) if turned else text
