"""What a word is in a text, and where the words of a vocabulary stand: phrases, and scripts without spaces, too."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import final

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS


def _marks() -> str:
    """Ranges of the signs that follow a letter and that `re` takes for the end of a word; none of those of emoji."""
    codes = (code for code in range(0x300, 0x20000) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
    found = enumerate(code for code in codes if not 0xFE00 <= code <= 0xFE0F)
    runs = ([code for _, code in run] for _, run in groupby(found, lambda pair: pair[1] - pair[0]))
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


# Vowels of Hindi, tones of Yoruba, accents of decomposed French.
_MARKS = _marks()

# Three letters or more; "don't" is no word "don", "people's" is the word "people".
WORD_PATTERN = rf"(?<!\w)[^\W\d_](?:[^\W\d_]|[{_MARKS}]){{2,}}(?!\w|['’]t\b)"

# Thai and Lao, Myanmar, Khmer, Chinese and Japanese.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_PIECE = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[\w{_MARKS}])+(?:['’]t\b)?|[^\w\s]")


def unspaced_share(texts: Sequence[str]) -> float:
    """Share of the characters that belong to scripts without spaces between words, in [0, 1]."""
    total = sum(map(len, texts))
    return sum(len(_IS_UNSPACED.findall(text)) for text in texts) / total if total else 0.0


def plain(words: Sequence[str]) -> bool:
    """Whether every word is what WORD_PATTERN finds in lower-case text."""
    return all(re.fullmatch(WORD_PATTERN, word) and word == word.lower() for word in words)


@final
class Finder:
    """Finds words of any kind in texts, whatever found them before; case does not matter.

    A phrase is found where its words follow each other; single characters and English stop words that are part of no
    word of the vocabulary do not part them, nor do they for scikit-learn. Scripts without spaces are divided into the
    longest words there are (maximum matching).

    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words: dict[tuple[str, ...], str] = {}
        for word in words:
            self._words.setdefault(tuple(_PIECE.findall(word.lower())), word)
        self._pieces = {piece for pieces in self._words for piece in pieces}
        self._longest = max(map(len, self._words), default=0)
        self._widest = max((len(piece) for piece in self._pieces if _IS_UNSPACED.match(piece)), default=0)

    def __call__(self, text: str) -> list[str]:
        """The words in a text, each as often as it stands there."""
        pieces = [piece for found in _PIECE.findall(text.lower()) for piece in self._divided(found)]
        lines = (
            tuple(pieces[start : start + length])
            for start in range(len(pieces))
            for length in range(1, min(self._longest, len(pieces) - start) + 1)
        )
        return [self._words[line] for line in lines if line in self._words]

    def _divided(self, piece: str) -> Iterator[str]:
        if piece in self._pieces:
            yield piece
        elif _IS_UNSPACED.match(piece):
            yield from self._longest_first(piece)
        elif len(piece) > 1 and piece not in ENGLISH_STOP_WORDS:
            yield piece

    def _longest_first(self, run: str) -> Iterator[str]:
        start = 0
        while start < len(run):
            lengths = range(min(self._widest, len(run) - start), 0, -1)
            length = next((length for length in lengths if run[start : start + length] in self._pieces), 1)
            yield run[start : start + length]
            start += length
