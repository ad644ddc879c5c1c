"""Normal form of text for counting words: one spelling for what looks the same."""

import re
import unicodedata

# Soft hyphen, zero-width space, non-joiner, joiner, word joiner and byte order mark: invisible inside a word.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")


def normalize_text(text: str) -> str:
    r"""Compose letters and their accents (Unicode NFC), and remove soft hyphens and zero-width characters.

    Examples
    --------
    >>> normalize_text("cafe\u0301 ro\u00adcket")
    'café rocket'
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
