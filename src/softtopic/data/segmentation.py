"""Words of scripts without spaces between them, by dictionaries; needs ``pip install softtopic[segment]``."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

from softtopic.data.language_names import english_name
from softtopic.data.tokenizer import UNSPACED_RUN
from softtopic.errors import InputError

# Runs of characters of one script; Chinese characters go with the kana around them.
_SCRIPTS = {
    "th": re.compile("[\u0e00-\u0e7f]+"),
    "lo": re.compile("[\u0e80-\u0eff]+"),
    "my": re.compile("[\u1000-\u109f]+"),
    "km": re.compile("[\u1780-\u17ff]+"),
    "zh": re.compile("[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
                     "\U00020000-\U0003ffff]+"),
}  # fmt: skip
_HAN = ("zh", "ja")
# Languages whose words have no spaces between them.
UNSPACED = (*_SCRIPTS, "ja")
_KANA = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_LETTERS = re.compile(r"(?:(?!\d)[\w\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])+")

# Single characters are rarely words of a topic; of Japanese nouns they are.
_MIN_LENGTH = 2
# Parts of speech of Japanese content words; verbs and adjectives are counted in the form of the dictionary.
_NOUNS = {"名詞", "形状詞"}
_INFLECTED = {"動詞", "形容詞"}
_FUNCTION = {"数詞", "非自立可能", "助動詞語幹"}
# Chinese function words, as tag and word of rjieba: conjunctions, interjections, localisers, numerals, onomatopoeia,
# prepositions, pronouns, particles, and classifiers after a demonstrative. Its adverbs are not among them, for it takes
# some nouns for these.
_CHINESE_FUNCTION = re.compile("(?:[cefopy]|mq?|r[rz]?|u.?) |q [这那哪每各某该]")


def _chinese() -> Callable[[str], Iterable[str]]:
    import rjieba  # pyright: ignore[reportMissingImports]

    def words(run: str) -> Iterable[str]:
        return (word for word, kind in rjieba.tag(run) if not _CHINESE_FUNCTION.match(f"{kind} {word}"))

    return words


def _japanese() -> Callable[[str], Iterable[str]]:
    from sudachipy import Dictionary, SplitMode  # pyright: ignore[reportMissingImports]

    dictionary: Any = Dictionary(dict="small")
    tokenizer = dictionary.tokenizer(mode=SplitMode.C)

    def words(run: str) -> Iterable[str]:
        for morpheme in tokenizer.tokenize(run):
            kind, detail, use = morpheme.part_of_speech()[:3]
            surface = morpheme.surface()
            if _FUNCTION & {detail, use}:
                continue
            if kind in _INFLECTED:
                yield morpheme.dictionary_form()
            elif kind in _NOUNS and (len(surface) > 1 or use == "一般"):
                yield surface

    return words


def _thai() -> Callable[[str], Iterable[str]]:
    from pythainlp.tokenize import word_tokenize  # pyright: ignore[reportMissingImports]

    return word_tokenize


def _khmer() -> Callable[[str], Iterable[str]]:
    from khmercut import tokenize  # pyright: ignore[reportMissingImports]

    return tokenize


def _lao() -> Callable[[str], Iterable[str]]:
    from laonlp.tokenize import word_tokenize  # pyright: ignore[reportMissingImports]

    return word_tokenize


def _burmese() -> Callable[[str], Iterable[str]]:
    from burmesenlp import Lexicon, word_tokenize  # pyright: ignore[reportMissingImports]

    # The function alone would read the dictionary again for every text.
    return partial(word_tokenize, lexicon=Lexicon.default())


@dataclass(frozen=True)
class Segmenter:
    """The package that segments texts of a language, and a function that loads it."""

    package: str
    load: Callable[[], Callable[[str], Iterable[str]]]
    min_length: int = _MIN_LENGTH

    @property
    def is_installed(self) -> bool:
        return find_spec(self.package) is not None


SEGMENTERS: dict[str, Segmenter] = {
    "zh": Segmenter("rjieba", _chinese),
    "ja": Segmenter("sudachipy", _japanese, min_length=1),
    "th": Segmenter("pythainlp", _thai),
    "km": Segmenter("khmercut", _khmer),
    "lo": Segmenter("laonlp", _lao),
    "my": Segmenter("burmesenlp", _burmese),
}


def unspaced_languages(texts: Sequence[str], min_share: float) -> tuple[str, ...]:
    """Codes of the languages of texts in scripts without spaces, most frequent first.

    Parameters
    ----------
    texts : sequence of str
    min_share : float
        Least share of the characters in such scripts that are of a language.

    Examples
    --------
    >>> unspaced_languages(["机器学习", "機械学習の研究"], 0.1), unspaced_languages(["text"], 0.1)
    (('ja', 'zh'), ())
    """
    counts = dict.fromkeys((*_SCRIPTS, "ja"), 0)
    for text in texts:
        for code, run in _runs(text):
            counts[code] += len(run)
    least = min_share * sum(counts.values())
    found = [code for code, count in counts.items() if count and count >= least]
    return tuple(sorted(found, key=lambda code: -counts[code]))


def require_segmenters(codes: Iterable[str]) -> None:
    """Raise InputError where a package that segments one of the languages is not installed."""
    for code in codes:
        segmenter = SEGMENTERS.get(code)
        if segmenter is None:
            raise InputError(f"{english_name(code)} has no segmenter here; choose from {', '.join(SEGMENTERS)}")
        if not segmenter.is_installed:
            raise InputError(
                f"words of {english_name(code)} are segmented by {segmenter.package}, which is not installed; "
                "pip install 'softtopic[segment]'"
            )


def segmented_words(text: str, codes: Sequence[str]) -> list[str]:
    """Words of a text, lower case, in scripts without spaces; runs of other languages are left out.

    Parameters
    ----------
    text : str
    codes : sequence of str
        Languages that are segmented, keys of `SEGMENTERS`.

    Examples
    --------
    >>> segmented_words("機械学習の研究: deep learning", ["ja"])  # doctest: +SKIP
    ['機械学習', '研究']
    """
    words: list[str] = []
    for found, run in _runs(text.lower()):
        # A Japanese title may have no kana, a Chinese text a Japanese name.
        code = next((one for one in (found, *_HAN) if one in codes), "") if found in _HAN else found
        if code in codes:
            least = SEGMENTERS[code].min_length
            words += (word for word in _parser(code)(run) if len(word) >= least and _LETTERS.fullmatch(word))
    return words


def without_unspaced(text: str) -> str:
    """The text with a space in place of each run of characters without spaces."""
    return UNSPACED_RUN.sub(" ", text)


def _runs(text: str) -> list[tuple[str, str]]:
    """Runs of characters of one script, with the code of its language."""
    if text.isascii():
        return []
    han = "ja" if _KANA.search(text) else "zh"
    return [(han if code == "zh" else code, run) for code, pattern in _SCRIPTS.items() for run in pattern.findall(text)]


@cache
def _parser(code: str) -> Callable[[str], Iterable[str]]:
    require_segmenters([code])
    return SEGMENTERS[code].load()
