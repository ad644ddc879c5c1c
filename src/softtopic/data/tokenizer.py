"""What a word is in a text, and where the words of a vocabulary stand: phrases, and scripts without spaces, too."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import final

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS


def _marks() -> str:
    """Ranges of the signs that follow a letter and that `re` takes for the end of a word; none of those of emoji."""
    # Beyond 0xFFFF there are few, and one of them would make every pattern three times as slow.
    codes = (code for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
    found = enumerate(code for code in codes if not 0xFE00 <= code <= 0xFE0F)
    runs = ([code for _, code in run] for _, run in groupby(found, lambda pair: pair[1] - pair[0]))
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


# Vowels of Hindi, tones of Yoruba, accents of decomposed French.
MARKS = _marks()

# Three letters or more; "don't" is no word "don", "people's" is the word "people".
WORD_PATTERN = rf"(?<![\w{MARKS}])[^\W\d_](?:[^\W\d_]|[{MARKS}]){{2,}}(?![\w{MARKS}]|['’]t\b)"

# Thai and Lao, Myanmar, Khmer, Chinese and Japanese.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]+")
_PIECE = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[\w{MARKS}])+(?:['’]t\b)?|[^\w\s]")


def unspaced_share(texts: Sequence[str]) -> float:
    """Share of the characters that belong to scripts without spaces between words, in [0, 1]."""
    total = sum(map(len, texts))
    return sum(len(run) for text in texts for run in _IS_UNSPACED.findall(text)) / total if total else 0.0


def plain(words: Sequence[str]) -> bool:
    """Whether WORD_PATTERN finds every word in lower-case text, wherever it stands."""
    return all(
        re.fullmatch(WORD_PATTERN, word) and word == word.lower() and not _IS_UNSPACED.search(word) for word in words
    )


@final
class Finder:
    """Finds words of any kind in texts as they are spelled there; case does not matter.

    The parts of a phrase follow each other; single characters and English stop words may stand between them, as
    scikit-learn leaves them out before it makes phrases. Scripts without spaces are divided into the longest words
    there are (maximum matching).
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words: dict[tuple[str, ...], str] = {}
        for word in words:
            self._words.setdefault(tuple(_PIECE.findall(word.lower())), word)
        self._begun = {pieces[:length] for pieces in self._words for length in range(1, len(pieces) + 1)}
        self._pieces = {piece for pieces in self._words for piece in pieces}
        self._widest = max((len(piece) for piece in self._pieces if _IS_UNSPACED.match(piece)), default=0)

    def __call__(self, text: str) -> list[str]:
        """The words in a text, each as often as it stands there."""
        pieces = [piece for found in _PIECE.findall(text.lower()) for piece in self._divided(found)]
        return [word for start in range(len(pieces)) for word in self._from(pieces, start)]

    def _from(self, pieces: list[str], start: int) -> Iterator[str]:
        """The words that begin with a piece."""
        lines: list[tuple[str, ...]] = [()]
        known: set[tuple[str, ...]] = set()
        for place in range(start, len(pieces)):
            piece = pieces[place]
            grown = [longer for line in lines if (longer := (*line, piece)) in self._begun and longer not in known]
            known.update(grown)
            yield from (self._words[line] for line in grown if line in self._words)
            slight = place > start and (
                piece in ENGLISH_STOP_WORDS or (len(piece) == 1 and not _IS_UNSPACED.match(piece))
            )
            lines = grown + lines if slight else grown
            if not lines:
                return

    def _divided(self, piece: str) -> Iterator[str]:
        if piece in self._pieces or not _IS_UNSPACED.match(piece):
            yield piece
            return
        start = 0
        while start < len(piece):
            lengths = range(min(self._widest, len(piece) - start), 0, -1)
            length = next((length for length in lengths if piece[start : start + length] in self._pieces), 1)
            yield piece[start : start + length]
            start += length
