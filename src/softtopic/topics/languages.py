"""Topics of documents in several languages: words of one language, and the language of each document."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from softtopic.data.languages import document_languages, english_name, parse_language
from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.topics.assignments import Assignments
from softtopic.topics.groups import topics_per_class
from softtopic.topics.table import column_of, get_topics

# A word is one of a language if its frequency there is at least this share of that in the language that has it most:
# names are words of several languages.
_MIN_SHARE = 0.5


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
    texts = state.excerpts if docs is None else docs
    if not any(texts):
        raise InputError("the model holds no text of its documents, so that their languages are not known; give docs=")
    return document_languages(texts, state.languages)


def topic_in_language(state: FittedState, topic: int, n_words: int, language: str) -> list[tuple[str, float]]:
    """Top words of a topic among those of a language, with the scores they are ranked by.

    Parameters
    ----------
    state : FittedState
    topic : int
        Number of the topic.
    n_words : int
    language : str
        Name or code, see `softtopic.data.languages.parse_language`.

    Raises
    ------
    InputError
        If there is no such topic, or the documents are in other languages.
    """
    column_of(state, topic)
    return topics_in_language(state, n_words, language)[topic]


def topics_in_language(state: FittedState, n_words: int, language: str) -> dict[int, list[tuple[str, float]]]:
    """The same of all topics, by number."""
    code = parse_language(language)
    if code not in state.languages:
        raise InputError(f"no document is in {english_name(code)}; choose from {', '.join(state.languages)}")
    own = _words_of(state, code)
    ranked = get_topics(state, len(state.vocabulary))
    return {topic: [pair for pair in words if pair[0] in own][:n_words] for topic, words in ranked.items()}


def topics_per_language(state: FittedState, documents: Assignments, *, n_words: int = 5) -> pd.DataFrame:
    """Shares of topics in each language, see `topics_per_class`; Words are those of the topic in the language.

    Raises
    ------
    InputError
        If the training documents are all in one language.
    """
    if len(state.languages) < 2:
        known = english_name(state.languages[0]) if state.languages else "one language"
        raise InputError(f"the model's documents are all in {known}; give the classes to compare (--by COLUMN)")
    codes = languages_of(state, documents.texts)
    classes = [code if text.strip() else None for code, text in zip(codes, documents.texts, strict=True)]
    table = topics_per_class(documents, classes, n_words=0)
    words = {code: topics_in_language(state, n_words, code) for code in table["Class"].unique()}
    own = [words[code][topic] for code, topic in zip(table["Class"], table["Topic"], strict=True)]
    return table.assign(Words=[[word for word, _ in pairs] for pairs in own])


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
