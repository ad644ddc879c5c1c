"""Topics of documents in several languages: words of one language, and the language of each document."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from softtopic.data.language_names import named_codes, named_shares, parse_languages
from softtopic.data.languages import detect_language, document_languages
from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.topics.assignments import Assignments
from softtopic.topics.documents import representative_rows
from softtopic.topics.groups import topics_per_class
from softtopic.topics.table import column_of, get_topics
from softtopic.types import Languages

# A word is one of a language if its frequency there is at least this share of that in the language that has it most:
# names are words of several languages.
_MIN_SHARE = 0.5

# Languages that the model does not have are reported from this share of the documents: closely related ones are found
# in a few documents of any corpus.
_MIN_FOREIGN = 0.02


def languages_of(state: FittedState, docs: Sequence[str] | None = None) -> list[str]:
    """The language of each document among those of the model.

    Parameters
    ----------
    state : FittedState
    docs : sequence of str or None, default=None
        Documents; None: the training documents by their beginnings, which the model holds.

    Raises
    ------
    InputError
        If the model holds no texts.
    """
    if docs is not None:
        return document_languages(docs, state.languages)
    if not any(state.excerpts):
        raise InputError(
            "the model was saved without texts, which tell the words of each language; fit without --no-excerpts "
            "(excerpts=True)"
        )
    return state.document_languages


def topic_in_language(state: FittedState, topic: int, n_words: int, language: Languages) -> list[tuple[str, float]]:
    """Top words of a topic among those of a language, with the scores they are ranked by.

    Parameters
    ----------
    state : FittedState
    topic : int
        Number of the topic.
    n_words : int
    language : str or sequence of str
        One or several languages, see `softtopic.data.language_names.parse_languages`.

    Raises
    ------
    InputError
        If there is no such topic, the documents are in other languages, or the model holds no texts.
    """
    column_of(state, topic)
    return topics_in_language(state, n_words, language)[topic]


def topics_in_language(state: FittedState, n_words: int, language: Languages) -> dict[int, list[tuple[str, float]]]:
    """The same of all topics, by number."""
    own = set().union(*(_words_of(state, code) for code in _codes(state, language)))
    ranked = get_topics(state, len(state.vocabulary))
    return {topic: [pair for pair in words if pair[0] in own][:n_words] for topic, words in ranked.items()}


def representative_docs_in_language(
    state: FittedState, topic: int | None, language: Languages
) -> list[str] | dict[int, list[str]]:
    """Excerpts of the documents in a language with the largest share of a topic; of all topics, by number, for None.

    Raises
    ------
    InputError
        If there is no such topic, the documents are in other languages, or the model holds no texts.
    """
    codes = _codes(state, language)
    texts = [text if own in codes else "" for text, own in zip(state.excerpts, languages_of(state), strict=True)]
    found = [[texts[row] for row in rows] for rows in representative_rows(state.theta, texts)]
    return dict(zip(state.topic_ids, found, strict=True)) if topic is None else found[column_of(state, topic)]


def topics_per_language(state: FittedState, documents: Assignments, *, n_words: int = 5) -> pd.DataFrame:
    """Shares of topics in each language, see `topics_per_class`; Words are those of the topic in the language.

    A warning names languages of the documents that the model does not have: each document counts for one of the
    model's languages.

    Raises
    ------
    InputError
        If the documents of the model, or those compared, are all in one language, or the model holds no texts.
    """
    if len(state.languages) < 2:
        known = named_codes(state.languages) if state.languages else "one language"
        raise InputError(f"the model's documents are all in {known}; give the classes to compare (--by COLUMN)")
    training, texts = languages_of(state), documents.texts
    if not texts:
        raise InputError("the languages of documents are told by their texts; give docs= with theta=")
    codes = training if texts == state.excerpts else languages_of(state, texts)
    classes = [code if text.strip() else None for code, text in zip(codes, texts, strict=True)]
    found = sorted({code for code in classes if code is not None})
    foreign = _foreign_languages(state, texts)
    if len(found) < 2:
        where = foreign or f"the documents are all {f'in {named_codes(found)}' if found else 'blank'}"
        raise InputError(f"{where}; give the classes to compare (--by COLUMN)")
    if foreign:
        warnings.warn(f"{foreign}; each is counted for one of these", stacklevel=3)
    table = topics_per_class(documents, classes, n_words=0)
    words = {code: topics_in_language(state, n_words, code) for code in found}
    own = [words[code][topic] for code, topic in zip(table["Class"], table["Topic"], strict=True)]
    return table.assign(Words=[[word for word, _ in pairs] for pairs in own])


def _foreign_languages(state: FittedState, texts: Sequence[str]) -> str:
    """How many documents are in languages that the model does not have; "" where none are."""
    found = detect_language(texts)
    shares = [*zip(found.codes, found.shares, strict=True), *found.others] if found.is_sure else []
    foreign = [(code, share) for code, share in shares if code not in state.languages and share >= _MIN_FOREIGN]
    if not foreign:
        return ""
    n_texts = sum(bool(text.strip()) for text in texts)
    return (
        f"about {round(sum(share for _, share in foreign) * n_texts):,} of {n_texts:,} documents are in languages that "
        f"the model does not have: {named_shares(foreign)}; its languages are {named_codes(state.languages)}"
    )


def _codes(state: FittedState, language: Languages) -> tuple[str, ...]:
    codes = parse_languages(language)
    if missing := [code for code in codes if code not in state.languages]:
        raise InputError(f"no document is in {named_codes(missing)}; choose from {named_codes(state.languages)}")
    return codes


def _words_of(state: FittedState, code: str) -> set[str]:
    """The words of a language."""
    rates = _word_rates(state, languages_of(state))
    own = rates[state.languages.index(code)] >= np.maximum(_MIN_SHARE * rates.max(axis=0), np.finfo(float).tiny)
    return {word for word, is_own in zip(state.vocabulary.words, own, strict=True) if is_own}


def _word_rates(state: FittedState, languages: Sequence[str]) -> Float[np.ndarray, "languages vocab"]:
    """Occurrences of each word in a document of each language."""
    counts = state.vocabulary.bag_of_words(state.excerpts)
    members = np.array([[own == code for own in languages] for code in state.languages], dtype=np.float64)
    return (counts.T @ members.T).T / np.maximum(members.sum(axis=1, keepdims=True), 1)
