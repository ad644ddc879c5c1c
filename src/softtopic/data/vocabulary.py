"""The words topics are made of."""

import logging
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from softtopic.data.corpus import fingerprint_strings
from softtopic.data.tokenizer import WORD_PATTERN, Finder, plain, unspaced_share
from softtopic.errors import InputError

log = logging.getLogger(__name__)

# From this share of characters on, texts are written without spaces between words.
_UNSPACED = 0.3
_LOOKED_AT = 1000  # texts, to tell


@dataclass(frozen=True)
class Vocabulary:
    """Ordered distinct words, most frequent first."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.words:
            raise InputError("the vocabulary is empty; give at least two words")
        if len(set(self.words)) != len(self.words):
            raise InputError("the vocabulary names a word twice; give distinct words")
        if any(not word.strip() for word in self.words):
            raise InputError("the vocabulary holds an empty word; give words with letters")

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str],
        *,
        size: int = 2000,
        language: str = "english",
        min_df: int | float = 2,
        max_df: int | float = 0.5,
    ) -> "Vocabulary":
        """The `size` most frequent words of the texts, ties broken by spelling.

        Words are lower-cased and have three letters or more. Stop words of `language` ("none": keep all) are left
        out, and so are words in fewer than `min_df` or more than `max_df` documents (whole numbers count documents,
        fractions are shares of them).
        """
        bounds: Any = {"min_df": min_df, "max_df": max_df}
        vectorizer = CountVectorizer(token_pattern=WORD_PATTERN, stop_words=stop_words(language), **bounds)
        texts = list(texts)
        if unspaced_share(texts[:_LOOKED_AT]) > _UNSPACED:
            log.warning(
                "the texts have no spaces between words, so whole clauses are taken for words; give words, or a "
                "CountVectorizer with a tokenizer of their language"
            )
        return cls._found(vectorizer, texts, size)

    @classmethod
    def from_vectorizer(
        cls, vectorizer: CountVectorizer, texts: Iterable[str], *, size: int | None = None
    ) -> "Vocabulary":
        """The words a scikit-learn vectorizer finds in the texts, most frequent first; it is not changed.

        Words that it spells otherwise than the texts do (stems, letters without their accents) are kept, though nothing
        will be counted of them; a warning names some.
        """
        texts = list(texts)
        found = cls._found(vectorizer, texts, size)
        missing = np.flatnonzero(found.bag_of_words(texts).getnnz(axis=0) == 0)
        if len(missing):
            named = ", ".join(found.words[i] for i in missing[:3])
            log.warning("%d of %d words stand nowhere as they are spelled, e.g. %s", len(missing), len(found), named)
        return found

    @classmethod
    def _found(cls, vectorizer: CountVectorizer, texts: Iterable[str], size: int | None) -> "Vocabulary":
        if size is not None and size < 2:
            raise InputError(f"vocabulary size {size} is too small; give at least 2")
        fresh: Any = clone(vectorizer)
        try:
            counts = fresh.fit_transform(list(texts))
        except ValueError as error:
            # scikit-learn's two messages for "nothing left" and for bounds that cross.
            raise InputError(
                f"every word was filtered out ({error}); give more text, another language or words"
            ) from None
        words = fresh.get_feature_names_out()
        totals = np.asarray(counts.sum(axis=0)).ravel()
        order = [i for i in np.lexsort((words, -totals)) if words[i].strip()][:size]
        return cls(tuple(str(words[i]) for i in order))

    @classmethod
    def build(
        cls,
        source: "int | np.integer | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer",
        texts: Iterable[str],
        language: str = "english",
    ) -> "Vocabulary":
        """A vocabulary from what a user may give: a size, a list of words, a vectorizer or a vocabulary."""
        if isinstance(source, Vocabulary):
            return source
        if isinstance(source, int | np.integer):
            return cls.from_texts(texts, size=int(source), language=language)
        if isinstance(source, str):
            raise InputError(f"vocabulary {source!r} is one string; give a size, a list of words or a CountVectorizer")
        if isinstance(source, Sequence | np.ndarray):
            return cls(tuple(map(str, source)))
        if not isinstance(source, CountVectorizer):
            kind = type(source).__name__
            raise InputError(f"vocabulary is {kind}; give a size, a list of words or a CountVectorizer")
        return cls.from_vectorizer(source, texts)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_strings(self.words)

    def bag_of_words(self, texts: Iterable[str]) -> csr_matrix:
        """Word counts, [documents, vocab], sparse; words are found as they are spelled, in any case."""
        index: Any = {word: column for column, word in enumerate(self.words)}
        # Where it finds them all, the pattern is faster.
        how: Any = {"token_pattern": WORD_PATTERN} if plain(self.words) else {"analyzer": Finder(self.words)}
        return CountVectorizer(vocabulary=index, **how).transform(list(texts))  # type: ignore[return-value]


def stop_words(language: str) -> list[str] | None:
    """Stop words of a language by its English name, none for "none".

    English takes scikit-learn's list: the larger one of `stop-words` holds words that name topics, such as
    "computer", "world" or "work".
    """
    if language == "none":
        return None
    if language == "english":
        listed: Iterable[str] = ENGLISH_STOP_WORDS
    else:
        with warnings.catch_warnings():
            # The package warns about its own deprecated aliases at import.
            warnings.simplefilter("ignore")
            from stop_words import AVAILABLE_LANGUAGES, get_stop_words

        if language not in AVAILABLE_LANGUAGES:
            known = ", ".join(sorted({name for name in AVAILABLE_LANGUAGES if len(name) > 2}))
            raise InputError(f"language {language!r} has no stop words here; give none or one of {known}")
        listed = get_stop_words(language)
    # Others can never match a token, and scikit-learn warns about them.
    return sorted(word for word in map(str.lower, listed) if re.fullmatch(WORD_PATTERN, word))
