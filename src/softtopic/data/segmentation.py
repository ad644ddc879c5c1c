"""Words of Chinese, Japanese and Thai, which are written without spaces; needs `pip install softtopic[segment]`."""

import re
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from softtopic.data.tokenizer import LONG_WORD, UNSPACED_RUN, compile_token_pattern

_KANA = re.compile("[\u3041-\u30ff]")
_THAI = re.compile("[\u0e00-\u0e7f]")

# Particles and endings of inflection follow the stem of a Japanese phrase.
_ENDING = re.compile("(?<=[^\u3041-\u309f])[\u3041-\u309f]+$")
# Shorter Thai words are mostly function words.
_MIN_LENGTH = {"ja": 2, "zh-hans": 2, "th": 4}
_HIRAGANA_ALONE = re.compile("[\u3041-\u309f]+")


def has_segmenter() -> bool:
    """Whether the package that segments texts is installed."""
    return find_spec("budoux") is not None


def words_of(text: str) -> list[str]:
    """The words of a text, lower case: two Chinese or Japanese characters or more, four Thai ones, three of others.

    Examples
    --------
    >>> words_of("機械学習の研究: deep learning")  # doctest: +SKIP
    ['機械学習', '研究', 'deep', 'learning']
    """
    text = text.lower()
    language = _language(text)
    words = [word for run in UNSPACED_RUN.findall(text) for word in _segmented(run, language)]
    spaced = compile_token_pattern(LONG_WORD).findall(UNSPACED_RUN.sub(" ", text))
    return [*(word for word in words if len(word) >= _MIN_LENGTH[language]), *spaced]


def _segmented(run: str, language: str) -> list[str]:
    phrases = _parser(language)(run)
    if language != "ja":
        return phrases
    return [_ENDING.sub("", phrase) for phrase in phrases if not _HIRAGANA_ALONE.fullmatch(phrase)]


def _language(text: str) -> str:
    return "ja" if _KANA.search(text) else "th" if _THAI.search(text) else "zh-hans"


@cache
def _parser(language: str) -> Callable[[str], list[str]]:
    import budoux  # pyright: ignore[reportMissingImports]

    load: dict[str, Any] = {
        "ja": budoux.load_default_japanese_parser,
        "th": budoux.load_default_thai_parser,
        "zh-hans": budoux.load_default_simplified_chinese_parser,
    }
    return load[language]().parse
