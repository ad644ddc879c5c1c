"""The vocabulary: the words that topics are made of."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer

from softtopic.data.acronyms import frequencies
from softtopic.data.corpus import fingerprint_strings
from softtopic.data.language_names import AUTO, NONE, english_name, parse_languages
from softtopic.data.languages import detect_language
from softtopic.data.normalization import countable_text, normalize_text
from softtopic.data.segmentation import (
    SEGMENTERS,
    require_segmenters,
    segmented_words,
    unspaced_languages,
    without_unspaced,
)
from softtopic.data.stop_words import stop_words
from softtopic.data.tokenizer import TOKEN_PATTERN, WordMatcher, are_tokens, compile_token_pattern, unspaced_share
from softtopic.errors import InputError, check_number
from softtopic.wording import counted

log = logging.getLogger(__name__)

# Number of words of a vocabulary unless a user says otherwise.
VOCABULARY_SIZE = 2000

# Texts, and words that they leave, below which the bounds on document frequency give way.
_FEW_TEXTS = 50
_FEW_WORDS = 20

_NOTHING_LEFT = "every word was filtered out ({}); give more text, another language or words"

# Number of texts that are looked at to tell whether their script has spaces, and the least share of the characters
# without spaces that a language of the corpus has.
_INSPECTED = 1000
_MIN_SCRIPT_SHARE = 0.02


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    r"""How the words of a vocabulary are selected from texts.

    Parameters
    ----------
    min_df : int or float, default=2
        Words in fewer documents are left out. An int is a number of documents, a float a share of them.
    max_df : int or float, default=0.5
        Words in more documents are left out. An int is a number of documents, a float a share of them.
    token_pattern : str, default=TOKEN_PATTERN
        Regular expression of a token in lower-case text, as in scikit-learn's CountVectorizer; see
        `compile_token_pattern`. By default tokens have two letters or more, or letters and digits.
    min_acronym_df : int or float, default=5
        Words of two letters and words with digits or signs ("uk", "h1n1", "c++") in fewer documents are left out, if
        the pattern is the default one; so are words of two letters that are rarely written in capitals.
    keep_markup : bool, default=False
        Whether parts of links, e-mail addresses, HTML tags and entities, and @names are words.
    max_unspaced_share : float, default=0.3
        Share of characters in scripts without spaces above which a warning says that the vocabulary needs a tokenizer
        for the language.

    Raises
    ------
    InputError
        If a value is out of range, or the pattern is not a regular expression.

    Examples
    --------
    >>> VocabularyConfig(min_df=0.01, token_pattern=r"(?u)\b\w\w+\b").max_df
    0.5

    """

    min_df: int | float = 2
    max_df: int | float = 0.5
    token_pattern: str = TOKEN_PATTERN
    min_acronym_df: int | float = 5
    keep_markup: bool = False
    max_unspaced_share: float = 0.3

    def __post_init__(self) -> None:
        for name in ("min_df", "max_df", "min_acronym_df"):
            value = getattr(self, name)
            number = isinstance(value, Real) and not isinstance(value, bool)
            if not number or not (value >= 1 if isinstance(value, int) else 0 <= float(value) <= 1):
                raise InputError(f"{name} is {value!r}; give a whole number of at least 1, or a share from 0.0 to 1.0")
        check_number("max_unspaced_share", self.max_unspaced_share, 0, 1, closed="both")
        compile_token_pattern(self.token_pattern)


@dataclass(frozen=True)
class Vocabulary:
    """Distinct words in a fixed order; `from_texts` puts the most frequent first.

    Parameters
    ----------
    words : tuple of str
        The words, one or more.
    token_pattern : str, default=TOKEN_PATTERN
        Regular expression of a token in lower-case text. Words that it cannot match (phrases, "c++", words in scripts
        without spaces) are found by string matching.
    keep_markup : bool, default=False
        Whether words are counted in links, e-mail addresses, HTML tags and entities, and @names.
    segmented : tuple of str, default=()
        Codes of languages without spaces between words whose words are found by a segmenter, see `SEGMENTERS`; the
        packages are needed wherever words are counted.

    Raises
    ------
    InputError
        If there are no words, a word is repeated or blank, the pattern is not a regular expression, or a language has
        no segmenter.

    Examples
    --------
    >>> Vocabulary(("apple", "pear")).bag_of_words(["Apple, apple and pear"]).toarray()
    array([[2, 1]])

    """

    words: tuple[str, ...]
    token_pattern: str = TOKEN_PATTERN
    keep_markup: bool = False
    segmented: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := set(self.segmented) - set(SEGMENTERS):
            raise InputError(f"segmented names {', '.join(unknown)}; choose from {', '.join(SEGMENTERS)}")
        if not self.words:
            raise InputError("the vocabulary is empty; give at least two words")
        if len(set(self.words)) != len(self.words):
            raise InputError("the vocabulary names a word twice; give distinct words")
        if any(not word.strip() for word in self.words):
            raise InputError("the vocabulary holds an empty word; give words with letters")
        compile_token_pattern(self.token_pattern)

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str],
        *,
        size: int = VOCABULARY_SIZE,
        language: str | Sequence[str] = AUTO,
        min_df: int | float | None = None,
        max_df: int | float | None = None,
        config: VocabularyConfig = VocabularyConfig(),
    ) -> "Vocabulary":
        """Select the most frequent words of texts; ties are broken by spelling, so the order of texts does not matter.

        Parameters
        ----------
        texts : iterable of str
            Documents.
        size : int, default=2000
            Number of words, at least 2; fewer if the texts contain fewer.
        language : str or sequence of str, default="auto"
            Languages whose stop words are left out: names or codes, see `parse_languages`; "auto" detects them, "none"
            keeps all words.
        min_df, max_df : int or float or None, default=None
            Bounds on document frequency in place of those of `config`.
        config : VocabularyConfig, optional
            Token pattern and bounds on document frequency.

        Returns
        -------
        Vocabulary
            Lower-case words with the token pattern of `config`.

        Raises
        ------
        InputError
            If the size is below 2, a bound is out of range, the language is unknown, or no word is left.

        Notes
        -----
        Where fewer than 50 texts leave fewer than 20 words within the default bounds, the bounds give way, and a
        warning says so.

        """
        texts = [countable_text(text, keep_markup=config.keep_markup) for text in texts]
        languages = _languages(language, texts)
        bounds: Any = {"min_df": min_df, "max_df": max_df}
        config = replace(config, **{name: bound for name, bound in bounds.items() if bound is not None})
        segmented = _to_segment(texts, languages, config)
        vectorizer = _vectorizer(languages, segmented, config)
        default = VocabularyConfig()
        chosen = any(bound is not None for bound in bounds.values())
        chosen = chosen or (config.min_df, config.max_df) != (default.min_df, default.max_df)
        # Another pattern says itself what a word is.
        bound = config.min_acronym_df if config.token_pattern == TOKEN_PATTERN else None
        words = (_most_frequent if chosen else _even_of_few)(vectorizer, texts, size, bound)
        return cls(words, config.token_pattern, config.keep_markup, segmented)

    @classmethod
    def from_vectorizer(
        cls,
        vectorizer: CountVectorizer,
        texts: Iterable[str],
        *,
        size: int | None = None,
        token_pattern: str = TOKEN_PATTERN,
        keep_markup: bool = False,
    ) -> "Vocabulary":
        """Select the words that a scikit-learn vectorizer finds in texts, most frequent first.

        Words that it spells differently from the texts (stems, words without their accents) are kept but never counted;
        a warning names some.

        Parameters
        ----------
        vectorizer : CountVectorizer
            Fitted or not; it is not changed.
        texts : iterable of str
            Documents.
        size : int or None, default=None
            Number of words, at least 2; None keeps all.
        token_pattern, keep_markup
            See `Vocabulary`.

        Returns
        -------
        Vocabulary

        Raises
        ------
        InputError
            If the size is below 2, or no word is left.

        """
        texts = [countable_text(text, keep_markup=keep_markup) for text in texts]
        return cls(_most_frequent(vectorizer, texts, size), token_pattern, keep_markup).warn_of_missing(texts)

    @classmethod
    def build(
        cls,
        source: "int | np.integer | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer",
        texts: Iterable[str],
        language: str | Sequence[str] = AUTO,
        config: VocabularyConfig = VocabularyConfig(),
    ) -> "Vocabulary":
        """Build a vocabulary from any value of the parameter `vocabulary` of `TopicModel`.

        Parameters
        ----------
        source : int, sequence of str, Vocabulary or CountVectorizer
            A number of words to find in the texts, the words themselves, a vocabulary (returned as it is), or a
            vectorizer that finds them.
        texts : iterable of str
            Documents.
        language : str or sequence of str, default="auto"
            Languages whose stop words are left out if `source` is a number, see `from_texts`.
        config : VocabularyConfig, optional
            Token pattern, and bounds on document frequency if `source` is a number.

        Returns
        -------
        Vocabulary

        Raises
        ------
        InputError
            If the source is of another type, or no word is left.

        """
        if isinstance(source, Vocabulary):
            return source
        if isinstance(source, int | np.integer) and not isinstance(source, bool):
            return cls.from_texts(texts, size=int(source), language=language, config=config)
        if isinstance(source, str):
            raise InputError(f"vocabulary {source!r} is one string; give a size, a list of words or a CountVectorizer")
        if isinstance(source, Sequence | np.ndarray):
            texts = list(texts)
            words = cls(tuple(map(str, source)), config.token_pattern, config.keep_markup)
            return words.warn_of_missing(texts) if texts else words
        if not isinstance(source, CountVectorizer):
            kind = type(source).__name__
            raise InputError(f"vocabulary is {kind}; give a size, a list of words or a CountVectorizer")
        how = {"token_pattern": config.token_pattern, "keep_markup": config.keep_markup}
        return cls.from_vectorizer(source, texts, **how)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the words in order: what a language model says of documents depends on nothing else."""
        return fingerprint_strings(self.words)

    def bag_of_words(self, texts: Iterable[str]) -> csr_matrix:
        """Count the words of texts.

        Parameters
        ----------
        texts : iterable of str
            Documents; letter case is ignored, and so are the differences that `normalize_text` removes. Markup is
            ignored unless it is kept, or a word itself contains some.

        Returns
        -------
        csr_matrix of int64 of shape (n_texts, n_words)

        """
        keys = [normalize_text(word).lower() for word in self.words]
        require_segmenters(self.segmented)
        if self.segmented:
            how: Any = {"analyzer": _Analyzer(self.token_pattern, self.segmented)}
        # Where the pattern finds all words it is the faster way.
        elif are_tokens(keys, self.token_pattern) and len(set(keys)) == len(keys):
            how = {"token_pattern": compile_token_pattern(self.token_pattern).pattern}
        else:
            keys, how = list(self.words), {"analyzer": WordMatcher(self.words)}
        index: Any = {word: column for column, word in enumerate(keys)}
        counter: Any = CountVectorizer(vocabulary=index, **how)
        keep = self.keep_markup or any(countable_text(key) != key for key in keys)
        return counter.transform(countable_text(text, keep_markup=keep) for text in texts)

    def warn_of_missing(self, texts: Iterable[str]) -> "Vocabulary":
        """The vocabulary itself; a warning names words that occur in none of the texts."""
        missing = np.flatnonzero(self.bag_of_words(texts).getnnz(axis=0) == 0)
        if len(missing):
            examples = ", ".join(self.words[i] for i in missing[:3])
            of_all = f"{len(missing):,} of {counted(len(self), 'word')}"
            log.warning("%s occur nowhere as they are spelled, e.g. %s", of_all, examples)
        return self


@dataclass(frozen=True)
class _Analyzer:
    """Tokens of a text, those of scripts without spaces by segmenters; stop words are left out."""

    token_pattern: str
    segmented: tuple[str, ...]
    stop_words: frozenset[str] = frozenset()

    def __call__(self, text: str) -> list[str]:
        text = text.lower()
        spaced = compile_token_pattern(self.token_pattern).findall(without_unspaced(text))
        return [word for word in (*segmented_words(text, self.segmented), *spaced) if word not in self.stop_words]


def _languages(language: str | Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
    """Codes of the languages whose stop words are left out; none for "none"."""
    if language == NONE:
        return ()
    return detect_language(texts).codes if language == AUTO else parse_languages(language)


def _to_segment(texts: Sequence[str], languages: Sequence[str], config: VocabularyConfig) -> tuple[str, ...]:
    """Codes of the languages that are segmented; a warning where packages are missing."""
    inspected = texts[:_INSPECTED]
    found = unspaced_languages(inspected, _MIN_SCRIPT_SHARE)
    if len(set(found) & {"zh", "ja"} & set(languages)) == 1:
        # Titles in Chinese characters alone are in the language of the corpus.
        found = tuple(code for code in found if code in languages or code not in ("zh", "ja"))
    # A few Chinese words in an English corpus are left as they are.
    if not set(found) & set(languages) and unspaced_share(inspected) <= config.max_unspaced_share:
        return ()
    can_be = tuple(code for code in found if code in SEGMENTERS and SEGMENTERS[code].is_installed)
    for code in found:
        if code not in can_be:
            step = "pip install 'softtopic[segment]', or " if code in SEGMENTERS else ""
            log.warning(
                "%s has no spaces between words, so whole clauses are taken for words; %sgive words: "
                "--vocabulary FILE, vocabulary=[...] or a CountVectorizer", english_name(code), step,
            )  # fmt: skip
    for code in can_be:
        log.info("%s has no spaces between words; it is segmented by %s", english_name(code), SEGMENTERS[code].package)
    return can_be


def _vectorizer(languages: Sequence[str], segmented: tuple[str, ...], config: VocabularyConfig) -> CountVectorizer:
    """What finds words within the bounds: the token pattern, and segmenters where words have no spaces between them."""
    bounds: Any = {"min_df": config.min_df, "max_df": config.max_df}
    if segmented:
        skipped = frozenset(stop_words(languages, token_pattern=".+") or ()) if languages else frozenset()  # noqa: S106
        bounds["analyzer"] = _Analyzer(config.token_pattern, segmented, skipped)
        return CountVectorizer(**bounds)
    return CountVectorizer(
        token_pattern=compile_token_pattern(config.token_pattern).pattern,
        stop_words=stop_words(languages, token_pattern=config.token_pattern) if languages else None,
        **bounds,
    )


def _even_of_few(
    vectorizer: CountVectorizer, texts: Sequence[str], size: int, min_acronym_df: int | float | None
) -> tuple[str, ...]:
    """The most frequent words; where few texts leave few words, whatever their document frequency."""
    words: tuple[str, ...] = ()
    try:
        words = _most_frequent(vectorizer, texts, size, min_acronym_df)
    except InputError:
        if not 2 <= len(texts) < _FEW_TEXTS or size < 2:
            raise
    if len(texts) >= _FEW_TEXTS or len(words) >= min(size, _FEW_WORDS):
        return words
    log.warning(
        "%d distinct documents are few: words of a single one are counted too, and topics will be rough; "
        "give more documents, or a list of words", len(texts),
    )  # fmt: skip
    unbounded: Any = clone(vectorizer)
    return _most_frequent(unbounded.set_params(min_df=1, max_df=1.0), texts, size, min_acronym_df)


def _most_frequent(
    vectorizer: CountVectorizer, texts: Sequence[str], size: int | None, min_acronym_df: int | float | None = None
) -> tuple[str, ...]:
    """The words a vectorizer finds, by falling frequency, then by spelling; see `acronyms.frequencies`."""
    if size is not None and size < 2:
        raise InputError(f"vocabulary size {size} is too small; give at least 2")
    unfitted: Any = clone(vectorizer)
    try:
        counts = unfitted.fit_transform(texts)
    except ValueError as error:
        # scikit-learn's two messages for "nothing left" and for bounds that cross.
        raise InputError(_NOTHING_LEFT.format(error)) from None
    words = unfitted.get_feature_names_out().tolist()
    if min_acronym_df is None:
        found = np.asarray(counts.sum(axis=0)).ravel()
    else:
        found = frequencies(words, counts, texts, min_acronym_df)
    order = [i for i in np.lexsort((words, -found)) if found[i] and words[i].strip()][:size]
    if not order:
        raise InputError(_NOTHING_LEFT.format("only short words and codes are left"))
    return tuple(words[i] for i in order)
