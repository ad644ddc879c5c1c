"""Inflected forms of one word, shown once in a topic."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import snowballstemmer

from softtopic.data.language_names import ENGLISH, english_name
from softtopic.recipes import RankingConfig
from softtopic.types import TopicVocab

# Factor that puts a form behind all other words, in the order of its relevance.
_EPSILON = 1e-12

# The Arabic article, alone or after a particle. The stemmer takes the first letter of some words for a particle where
# there is no article before it: "team" and "the team" would be different words.
_ARTICLE = re.compile(r"^(?:[وفبك]?ال|لل)(?=\w{3})")


def merge_forms(
    relevance: TopicVocab, words: Sequence[str], languages: Sequence[str], config: RankingConfig
) -> TopicVocab:
    """Relevance in which each topic shows one form of a word, the one that ranks first; the others come last.

    Parameters
    ----------
    relevance : ndarray of shape (n_topics, n_words)
    words : sequence of str
        The vocabulary.
    languages : sequence of str
        Codes of the languages of the documents.
    config : RankingConfig
        `merge_forms` says whether forms are merged.

    Returns
    -------
    ndarray of shape (n_topics, n_words)
        The argument itself where nothing is merged: in several languages, or one without a Snowball stemmer.

    References
    ----------
    Porter (2001), "Snowball: a language for stemming algorithms".
    """
    wanted = languages != (ENGLISH,) if config.merge_forms is None else config.merge_forms
    stem = _stemmer(languages[0]) if wanted and len(languages) == 1 else None
    if stem is None:
        return relevance
    groups = np.unique(list(map(stem, words)), return_inverse=True)[1]
    merged = relevance * np.float32(_EPSILON)
    for row, scores in enumerate(relevance):
        order = np.argsort(-scores, kind="stable")
        first = order[np.unique(groups[order], return_index=True)[1]]
        merged[row, first] = scores[first]
    return merged


def _stemmer(code: str) -> Callable[[str], str] | None:
    """The Snowball stemmer of a language; None where there is none."""
    name = english_name(code).lower()
    if name not in snowballstemmer.algorithms():
        return None
    stem = snowballstemmer.stemmer(name).stemWord
    return (lambda word: stem(_ARTICLE.sub("", word))) if code == "ar" else stem
