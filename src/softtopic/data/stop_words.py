"""Stop words of 58 languages, from the packages `stop-words` and `stopwordsiso`."""

import logging
import re
import warnings
from collections.abc import Sequence
from functools import cache

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from softtopic.data.languages import ENGLISH, NONE, english_name, parse_languages
from softtopic.data.normalization import normalize_text
from softtopic.data.segmentation import SEGMENTERS
from softtopic.data.tokenizer import TOKEN_PATTERN, compile_token_pattern

log = logging.getLogger(__name__)

# Languages whose list in `stopwordsiso` holds words that name topics, such as "woman" or "soviet".
_WITHOUT_ISO = {"ru"}

_VOWEL_MARKS = re.compile("[\u064b-\u0652]")

# What an apostrophe leaves of words before a vowel: l'eau, qu'il, dell'acqua.
_ELIDED = {
    "fr": "aujourd hui c d entr j jusqu l lorsqu m n presqu puisqu qu quelqu quoiqu s t",
    "it": "agl all anch bell c coll com cos d dagl dall degl dell dov ell gl l m mezz n negl nell nient po quand "
    "quell quest s sant sull t tutt un v",
    "ca": "d l m n s t",
    "ga": "b d m",
}


def stop_words(language: str | Sequence[str], *, token_pattern: str = TOKEN_PATTERN) -> list[str] | None:
    """Stop words of a language, or of several.

    Parameters
    ----------
    language : str or sequence of str
        Names or codes, see `parse_languages`; or "none". English takes scikit-learn's list: the larger ones of the
        packages hold words that name topics, such as "computer", "world" or "work".
    token_pattern : str, default=TOKEN_PATTERN
        Stop words that are no tokens of this pattern are left out: they could never match.

    Returns
    -------
    list of str or None
        Sorted, in lower case; None for "none". A language without a list has none of its own, and a warning says so.

    Raises
    ------
    InputError
        If a language is not known.

    """
    if language == NONE:
        return None
    codes = parse_languages(language)
    for code in codes:
        if not has_stop_words(code):
            log.warning(
                "there is no list of stop words for %s; leave out frequent words with a lower max_df (--max-df 20%%), "
                "or give words", english_name(code),
            )  # fmt: skip
    is_token = compile_token_pattern(token_pattern).fullmatch
    return sorted({word for code in codes for word in _listed(code) if is_token(word)})


def _with_particles(words: set[str]) -> set[str]:
    """Arabic words without vowel marks, alone and after "and" and "so", which are written as one word with them."""
    bare = words | {_VOWEL_MARKS.sub("", word) for word in words}
    return bare | {particle + word for particle in "وف" for word in bare if len(word) > 1}


def has_stop_words(code: str) -> bool:
    """Whether there is a list for a language, by its code."""
    return bool(_listed(code))


@cache
def _listed(code: str) -> frozenset[str]:
    """All stop words of a language, in lower case."""
    if code == ENGLISH:
        return frozenset(ENGLISH_STOP_WORDS)
    with warnings.catch_warnings():
        # The package warns about its own deprecated aliases at import.
        warnings.simplefilter("ignore")
        from stop_words import LANGUAGE_MAPPING, get_stop_words
    import stopwordsiso

    mapped = {"no": "nb"}.get(code, code)
    words = set(get_stop_words(mapped)) if mapped in LANGUAGE_MAPPING else set()
    if code not in _WITHOUT_ISO and stopwordsiso.has_lang(code):
        words |= set(stopwordsiso.stopwords(code))
    if code == "ar":
        words = _with_particles(words)
    if code == "th" and SEGMENTERS["th"].is_installed:
        # The list is that of the dictionary by which Thai is segmented.
        from pythainlp.corpus import thai_stopwords  # pyright: ignore[reportMissingImports]

        words |= thai_stopwords()
    return frozenset(normalize_text(word).lower() for word in words) | frozenset(_ELIDED.get(code, "").split())
