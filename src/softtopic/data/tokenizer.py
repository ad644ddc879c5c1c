"""Tokens: what a word is, and which words of a vocabulary a text contains, phrases and unspaced scripts included."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import final

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from softtopic.data.normalization import normalize_text
from softtopic.errors import InputError


def _combining_marks() -> str:
    """Ranges of marks that follow a letter and that `re` does not count as part of a word, without those of emoji."""
    # There are few beyond 0xFFFF, and a single one would make every pattern three times as slow.
    marks = (code for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
    numbered = enumerate(code for code in marks if not 0xFE00 <= code <= 0xFE0F)
    runs = ([code for _, code in run] for _, run in groupby(numbered, lambda pair: pair[1] - pair[0]))
    return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for run in runs)


# Vowel signs of Hindi, tone marks of Yoruba, accents of decomposed French.
COMBINING_MARKS = _combining_marks()

# Three letters or more; "don't" holds no token "don", "people's" holds the token "people".
LONG_WORD = r"(?<![\w\p{M}])[^\W\d_](?:[^\W\d_]|[\p{M}]){2,}(?![\w\p{M}]|['’]t\b)"

# Those, two letters, letters with digits ("5g", "h1n1"; neither "2nd" nor "1990s"), and "c++", "c#".
TOKEN_PATTERN = (
    r"(?<![\w\p{M}])(?:(?!(?<=['’])(?:ll|ve|re)\b|\d+(?:st|nd|rd|th|s|am|pm)?(?![\w\p{M}]))"  # noqa: S105
    r"[^\W_](?:[^\W_]|[\p{M}])+(?![\w\p{M}]|['’]t\b)|[^\W\d_](?:\+\+|#)(?![^\W\d]|[+#]))"
)

# Thai and Lao, Myanmar, Khmer, Chinese and Japanese.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")
_TOKEN = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[\w{COMBINING_MARKS}])+(?:['’]t\b)?|[^\w\s]")


def unspaced_share(texts: Sequence[str]) -> float:
    """Share of characters in scripts that are written without spaces between words, in [0, 1].

    Parameters
    ----------
    texts : sequence of str
        Documents.

    Returns
    -------
    float
        0 where there are no characters at all.

    Examples
    --------
    >>> unspaced_share(["機械学習", "text"])
    0.5

    """
    total = sum(map(len, texts))
    return sum(len(run) for text in texts for run in UNSPACED_RUN.findall(text)) / total if total else 0.0


def compile_token_pattern(token_pattern: str) -> re.Pattern[str]:
    r"""Compile a token pattern.

    Parameters
    ----------
    token_pattern : str
        Regular expression in the syntax of `re`. Inside a character class `\p{M}` stands for combining marks, as in
        other engines; `re` has no name for them.

    Returns
    -------
    re.Pattern

    Raises
    ------
    InputError
        If it is no regular expression, or has more than one group.

    Examples
    --------
    >>> compile_token_pattern(TOKEN_PATTERN).findall("people's हिन्दी, ab")
    ['people', 'हिन्दी']

    """
    try:
        compiled = re.compile(token_pattern.replace(r"\p{M}", COMBINING_MARKS))
    except re.error as error:
        raise InputError(f"token_pattern is no regular expression ({error}); see Python's module re") from None
    if compiled.groups > 1:
        raise InputError(f"token_pattern has {compiled.groups} groups; give one at most, that of the token")
    return compiled


def are_tokens(words: Sequence[str], token_pattern: str = TOKEN_PATTERN) -> bool:
    """Whether every word is a lower-case token of the pattern, so that the pattern alone finds all of them."""
    is_token = compile_token_pattern(token_pattern).fullmatch
    return all(is_token(word) and word == word.lower() and not UNSPACED_RUN.search(word) for word in words)


@final
class WordMatcher:
    """Finds the words of a vocabulary in texts, whatever they consist of; letter case is ignored.

    The tokens of a phrase follow each other; single characters and English stop words may stand between them, because
    scikit-learn drops these before it makes n-grams. Unspaced scripts are segmented by maximum matching: at each
    position the longest word wins.

    Parameters
    ----------
    words : sequence of str
        Words and phrases to find. Of words that differ in case alone the first is found.

    Examples
    --------
    >>> WordMatcher(["machine learning", "C++"])("Machine learning in c++")
    ['machine learning', 'C++']

    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words: dict[tuple[str, ...], str] = {}
        for word in words:
            self._words.setdefault(tuple(_TOKEN.findall(normalize_text(word).lower())), word)
        self._prefixes = {tokens[:length] for tokens in self._words for length in range(1, len(tokens) + 1)}
        self._tokens = {token for tokens in self._words for token in tokens}
        self._longest = max((len(token) for token in self._tokens if UNSPACED_RUN.match(token)), default=0)

    def __call__(self, text: str) -> list[str]:
        """All occurrences of the words in a text, by where they start."""
        tokens = [token for run in _TOKEN.findall(normalize_text(text).lower()) for token in self._segmented(run)]
        return [word for start in range(len(tokens)) for word in self._starting_at(tokens, start)]

    def _starting_at(self, tokens: list[str], start: int) -> Iterator[str]:
        open_prefixes: list[tuple[str, ...]] = [()]
        seen: set[tuple[str, ...]] = set()
        for position in range(start, len(tokens)):
            token = tokens[position]
            extended = [
                longer
                for prefix in open_prefixes
                if (longer := (*prefix, token)) in self._prefixes and longer not in seen
            ]
            seen.update(extended)
            yield from (self._words[prefix] for prefix in extended if prefix in self._words)
            skippable = position > start and (
                token in ENGLISH_STOP_WORDS or (len(token) == 1 and not UNSPACED_RUN.match(token))
            )
            open_prefixes = extended + open_prefixes if skippable else extended
            if not open_prefixes:
                return

    def _segmented(self, token: str) -> Iterator[str]:
        """A token, cut into the words of the vocabulary where its script has no spaces."""
        if token in self._tokens or not UNSPACED_RUN.match(token):
            yield token
            return
        start = 0
        while start < len(token):
            lengths = range(min(self._longest, len(token) - start), 0, -1)
            length = next((length for length in lengths if token[start : start + length] in self._tokens), 1)
            yield token[start : start + length]
            start += length
