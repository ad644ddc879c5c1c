"""Scripts of letters, and those in which no language of the detector is written."""

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
    scripts = Counter(map(_unknown, filter(str.isalpha, text)))
    strange = {script: count for script, count in scripts.items() if script}
    if sum(strange.values()) <= scripts.total() / 2:
        return ""
    return min(strange, key=lambda name: (-strange[name], name))


@cache
def script_of(letter: str) -> str:
    """The script of a letter, by its Unicode name.

    Examples
    --------
    >>> script_of("a"), script_of("я"), script_of("中"), script_of("Ꭰ")
    ('Latin', 'Cyrillic', 'CJK', 'Cherokee')
    """
    name = unicodedata.name(letter, "unnamed")
    found = re.match(r"(.+?) (?:CAPITAL|SMALL|LETTER|SYLLAB)", name)
    script = found[1] if found else name.split()[0]
    return script if script == "CJK" else script.title()


def _unknown(letter: str) -> str:
    """The script of a letter, if the detector knows no language in it; else ""."""
    name = unicodedata.name(letter, "")
    return "" if not name or _SCRIPTS.fullmatch(name.split()[0]) else script_of(letter)
