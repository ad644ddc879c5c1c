"""Which languages a corpus is written in."""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from softtopic.data.corpus import Corpus
from softtopic.data.language_names import (
    AUTO,
    ENGLISH,
    NONE,
    UNKNOWN,
    english_name,
    named_shares,
    parse_languages,
    percent,
)
from softtopic.data.normalization import countable_text
from softtopic.data.scripts import unknown_script
from softtopic.errors import InputError
from softtopic.wording import counted

log = logging.getLogger(__name__)


# Varieties that the detector tells apart, and whose texts have the words of another language.
_VARIETIES = {
    "arz": "ar", "ary": "ar", "wuu": "zh", "yue": "zh", "pcm": "en", "nb": "no", "nn": "no", "ext": "es", "an": "es",
    "sdh": "ku", "uzs": "uz",
}  # fmt: skip

# Not a language: numbers, markup, identifiers.
_NOT_A_LANGUAGE = "zxx"


# Documents of the sample, and characters at the beginning of each.
_N_DOCUMENTS = 500
_N_CHARACTERS = 300

# A further language counts as one of the corpus if it has this many documents for each of the most frequent one.
MIN_RATIO = 0.1

# Share of the documents below which a declared language is doubted.
_MIN_DECLARED = 0.5

# Distinct words below which the language of a text in Latin letters cannot be told: made-up words look like any.
_MIN_WORDS = 25

_WORD = re.compile(r"[^\W\d_]{2,}")
_N_STEPS = 50


@dataclass(frozen=True)
class CorpusLanguage:
    """The language or languages of a corpus.

    Parameters
    ----------
    codes : tuple of str
        ISO 639-1 codes: those found, most frequent first, or those declared, in the order given.
    shares : tuple of float
        Share of the sampled documents in each of `codes`; 0 where a declared one was not found.
    declared : bool
        Whether the languages were given by the caller; False if they were detected.
    n_documents : int, default=0
        Number of documents that were looked at.
    others : tuple of (str, float), default=()
        Codes and shares of languages that were found beside `codes`.
    is_sure : bool, default=True
        False if there was too little text to tell; English is assumed then.
    script : str, default=""
        Script of documents in an unknown language, such as "Cherokee".

    Examples
    --------
    >>> CorpusLanguage(("de", "en"), (0.7, 0.3), declared=False).is_mixed
    True

    """

    codes: tuple[str, ...]
    shares: tuple[float, ...]
    declared: bool
    n_documents: int = 0
    others: tuple[tuple[str, float], ...] = ()
    is_sure: bool = True
    script: str = ""

    @property
    def is_english(self) -> bool:
        """Whether English is the only language."""
        return self.codes == (ENGLISH,)

    @property
    def is_mixed(self) -> bool:
        """Whether there are several languages."""
        return len(self.codes) > 1

    @property
    def names(self) -> tuple[str, ...]:
        """English names of the languages."""
        return tuple(map(english_name, self.codes))

    @property
    def share(self) -> float:
        """Share of the sampled documents in one of the languages."""
        return min(1.0, sum(self.shares))

    def __str__(self) -> str:
        """Names and shares, such as "French (96 % of 500 documents)" or "German (70 %), English (30 %)"."""
        names = ", ".join(self.names)
        if self.codes == (UNKNOWN,) and not self.declared:
            names = f"unknown, in {self.script} letters"
        if not self.is_sure:
            return names if self.declared else f"{names}, assumed: there is too little text to tell"
        documents = counted(self.n_documents, "document")
        named = f"{named_shares(zip(self.codes, self.shares, strict=True))} of {documents}"
        if not self.is_mixed:
            named = f"{names} ({percent(self.share)} of {documents})"
        return f"{named}, beside {named_shares(self.others)}" if self.others else named

    @property
    def warning(self) -> str:
        """One line where the languages declared are not those found, or several were found; "" otherwise."""
        if self.declared and self.is_sure and self.share < _MIN_DECLARED:
            least = MIN_RATIO * self.others[0][1]
            found = [pair for pair in (*zip(self.codes, self.shares, strict=True), *self.others) if pair[1] >= least]
            where = (
                f"the {self.n_documents:,} documents are in several languages: {named_shares(found)}"
                if len(found) > 1
                else f"{percent(found[0][1])} of {self.n_documents:,} documents are in {english_name(found[0][0])}"
            )
            step = ",".join(code for code, _ in found)
            return (
                f"language is {', '.join(self.names)}, but {where}; "
                f"give language='auto' or '{step}' (--language {step})"
            )
        if self.codes == (UNKNOWN,) and not self.declared:
            return (
                f"the language of the documents is not known: {percent(self.share)} of {self.n_documents:,} are in "
                f"{self.script} letters; give its name if docs/languages.md has it (--language), or count words alone "
                "(--inputs words+tf-idf --target bow --max-df 20%)"
            )
        if self.is_mixed and not self.declared:
            shares = named_shares(zip(self.codes, self.shares, strict=True))
            return (
                f"the documents are in several languages: {shares}; stop words of all are left out; "
                f"give language='{','.join(self.codes)}' (--language) to confirm them"
            )
        return ""


def detect_language(texts: Iterable[str] | Corpus) -> CorpusLanguage:
    """Detect the languages of a corpus from a sample that does not depend on the order of its documents.

    Documents are classified by the package `py3langid`; shares of the languages are estimated from its posterior
    probabilities by expectation maximisation, so that short texts are taken to be in the languages of the others.

    Parameters
    ----------
    texts : iterable of str, or Corpus
        Documents.

    Returns
    -------
    CorpusLanguage
        The most frequent language, and those that have at least a tenth as many documents. English where there is too
        little text to tell; `UNKNOWN` where most documents are in a script of no language of the detector.

    References
    ----------
    Saerens, Latinne & Decaestecker (2002), Adjusting the outputs of a classifier to new a priori probabilities.

    Examples
    --------
    >>> detect_language(["Der Hund bellt laut.", "Die Katze schläft auf dem Sofa."]).codes  # too little text
    ('en',)
    """
    corpus = texts if isinstance(texts, Corpus) else Corpus.from_texts(texts)
    sample = [countable_text(text)[:_N_CHARACTERS] for text in corpus.sample(_N_DOCUMENTS).texts]
    sample = [text for text in sample if _WORD.search(text) or unknown_script(text)]
    unsure = CorpusLanguage((ENGLISH,), (0.0,), declared=False, n_documents=len(sample), is_sure=False)
    scripts = list(map(unknown_script, sample))
    strange = Counter(filter(None, scripts))
    unknown = strange.total() / max(1, len(sample))
    if unknown <= 1 / 2 and not _is_enough(sample):
        return unsure
    if unknown > 1 / 2:
        script = min(strange, key=lambda name: (-strange[name], name))
        return replace(unsure, codes=(UNKNOWN,), shares=(unknown,), is_sure=True, script=script)
    try:
        codes, shares = _mixture([text for text, script in zip(sample, scripts, strict=True) if not script])
    except OSError as error:
        # The package unpacks its model in a temporary folder.
        log.warning("the language could not be detected (%s); give language= (--language)", error)
        return unsure
    order = sorted(range(len(codes)), key=lambda i: (-shares[i], codes[i]))
    shares = shares * (1 - unknown)
    found = [(codes[i], float(shares[i])) for i in order if round(float(shares[i]), 2)]
    main = [(code, share) for code, share in found if share >= MIN_RATIO * found[0][1]]
    return CorpusLanguage(
        tuple(code for code, _ in main),
        tuple(share for _, share in main),
        declared=False,
        n_documents=len(sample),
        others=(*found[len(main) :], *([(UNKNOWN, unknown)] if round(unknown, 2) else [])),
    )


def resolve_language(language: object, texts: Iterable[str] | Corpus) -> CorpusLanguage:
    """The languages of a corpus: those declared, with the shares that were found, or those detected.

    Parameters
    ----------
    language : str or sequence of str
        "auto", "none" (the languages are detected, and no stop words are left out), or names, see `parse_languages`.
    texts : iterable of str, or Corpus
        Documents.

    Raises
    ------
    InputError
        If a language is not known.
    """
    if not isinstance(language, str | Sequence) or isinstance(language, bytes) or not all(map(_is_string, language)):
        raise InputError(f"language is {language!r}; give a name or code, several of them, 'auto' or 'none'")
    choice = language.strip().lower() if isinstance(language, str) else None
    declared = () if choice in (AUTO, NONE) else parse_languages(language)  # type: ignore[arg-type]
    found = detect_language(texts)
    if not declared:
        return found
    of = dict((*zip(found.codes, found.shares, strict=True), *found.others)) if found.is_sure else {}
    others = tuple((code, share) for code, share in of.items() if code not in declared)
    shares = tuple(of.get(code, 0.0) for code in declared)
    return replace(found, codes=declared, shares=shares, declared=True, others=others)


def document_languages(texts: Sequence[str], codes: Sequence[str]) -> list[str]:
    """The language of each document, one of those of the corpus.

    Parameters
    ----------
    texts : sequence of str
        Documents.
    codes : sequence of str
        Languages they may be in; the first one where a text tells nothing.

    Returns
    -------
    list of str
        Codes.

    Examples
    --------
    >>> document_languages(["Der Hund bellt laut.", "The dog barks."], ["en", "de"])
    ['de', 'en']

    """
    found: list[str] = []
    for start in range(0, len(texts), _N_DOCUMENTS):
        part = [countable_text(text)[:_N_CHARACTERS] for text in texts[start : start + _N_DOCUMENTS]]
        names, posterior = _posterior(part)
        columns = [names.index(code) for code in codes if code in names]
        among = [code for code in codes if code in names]
        if not among:
            return [codes[0]] * len(texts)
        found += [among[place] for place in posterior[:, columns].argmax(axis=1).tolist()]
    return found


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_enough(sample: Sequence[str]) -> bool:
    """Whether there are many different words, or words in other letters than Latin ones, which tell more."""
    words = {word.lower() for text in sample for word in _WORD.findall(text)}
    others = [word for word in words if not unicodedata.name(word[0], "").startswith("LATIN")]
    return len(words) >= _MIN_WORDS or len(others) > len(words) / 2


def _mixture(sample: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Codes, and shares of documents in each; texts that are in no language have no share."""
    names, posterior = _posterior(sample)
    shares = np.full(len(names), 1 / len(names))
    for _ in range(_N_STEPS):
        weighted = posterior * shares
        shares = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
    kept = [i for i, name in enumerate(names) if name != _NOT_A_LANGUAGE]
    return [names[i] for i in kept], shares[kept] / shares[kept].sum()


def _posterior(sample: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Languages, and probabilities of them for each text; those of varieties are added up."""
    identifier = _identifier()
    labels: list[str] = identifier.labels
    names = sorted({_VARIETIES.get(label, label) for label in labels})
    columns = {label: names.index(_VARIETIES.get(label, label)) for label in labels}
    posterior = np.zeros((len(sample), len(names)))
    for row, text in enumerate(sample):
        for label, probability in identifier.rank(text):
            posterior[row, columns[label]] += probability
    return names, posterior


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
