"""Scripts in which no language of the detector is written: what it says of texts in them means nothing."""

import re
import unicodedata
from collections import Counter
from functools import cache

# Scripts of the languages that the detector knows, by the first word of the names of their letters, and letters that
# stand among those of other scripts.
_SCRIPTS = re.compile(
    "ARABIC|ARMENIAN|BENGALI|BOPOMOFO|CJK|CYRILLIC|DEVANAGARI|ETHIOPIC|GEORGIAN|GREEK|GUJARATI|GURMUKHI|HANGUL|HEBREW|"
    "HIRAGANA|JAVANESE|KANNADA|KATAKANA|KHMER|LAO|LATIN|MALAYALAM|MYANMAR|ORIYA|SINHALA|TAMIL|TELUGU|THAI|TIBETAN|"
    "DOUBLE-STRUCK|FEMININE|FULLWIDTH|HALFWIDTH|KATAKANA-HIRAGANA|MASCULINE|MATHEMATICAL|MICRO|MODIFIER|SCRIPT"
)


def unknown_script(text: str) -> str:
    """The script of most letters of a text, if the detector knows no language in it; else ""."""
    if text.isascii():
        return ""
    scripts = Counter(map(_script, filter(str.isalpha, text)))
    strange = {script: count for script, count in scripts.items() if script}
    if sum(strange.values()) <= scripts.total() / 2:
        return ""
    return min(strange, key=lambda name: (-strange[name], name))


@cache
def _script(letter: str) -> str:
    """The script of a letter, such as "Cherokee"; "" for one that the detector knows."""
    name = unicodedata.name(letter, "")
    if not name or _SCRIPTS.fullmatch(name.split()[0]):
        return ""
    return re.split(r" (?:CAPITAL|SMALL|LETTER|SYLLAB)", name)[0].title()
