"""Edits to propose: merges of near-duplicate topics, removal of words and topics that say nothing."""

import shlex
from typing import Any

import pandas as pd
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from softtopic.state import FittedState
from softtopic.topics.edits import Drop, Edit, Exclude, Merge
from softtopic.topics.table import topic_names, topics_of

# Topics are compared by their first words.
_N_WORDS = 10

# Share of common first words from which on topics are near-duplicates.
_MIN_OVERLAP = 0.5

# Share of junk among the first words from which on a topic is junk.
_MIN_JUNK = 0.5

# What anonymisation, markup and forms leave in texts.
PLACEHOLDERS = frozenset((
    "username", "user", "url", "urls", "http", "https", "www", "html", "href", "com", "amp", "nbsp", "quot",
    "rt", "hashtag", "mention", "email", "deleted", "removed", "redacted", "anonymous", "lorem", "ipsum",
    "dolor", "amet", "null", "none", "nan", "undefined", "unknown",
))  # fmt: skip


def suggest_edits(state: FittedState) -> pd.DataFrame:
    """Proposals, one a row: Edit, Topics, Names, Reason.

    Near-duplicates are groups of topics that have half of their first ten words in common with another one of the
    group. Junk is a placeholder, a stop word of English, a number or a single letter.
    """
    words = topics_of(state).top_words(_N_WORDS)
    found = [*_merges(state, words), *_junk(state, words)]
    names = dict(zip(state.topic_ids, topic_names(state), strict=True))
    return pd.DataFrame(
        [
            {"Edit": edit, "Topics": topics, "Names": [names[topic] for topic in topics], "Reason": reason}
            for edit, topics, reason in found
        ],
        columns=["Edit", "Topics", "Names", "Reason"],
    )


def _merges(state: FittedState, words: list[list[str]]) -> list[tuple[Edit, list[int], str]]:
    sets = [set(row) for row in words]
    groups: list[set[int]] = [{column} for column in range(len(sets))]
    for first in range(len(sets)):
        for second in range(first + 1, len(sets)):
            if len(sets[first] & sets[second]) >= _MIN_OVERLAP * max(len(sets[first]), 1):
                joined = [group for group in groups if first in group or second in group]
                groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    found: list[tuple[Edit, list[int], str]] = []
    for group in groups:
        if len(group) > 1:
            topics = sorted(state.topic_ids[column] for column in group)
            common = [word for word in words[min(group)] if sum(word in sets[column] for column in group) > 1]
            found.append((Merge((tuple(topics),)), topics, f"common words: {', '.join(common[:5])}"))
    return sorted(found, key=lambda row: row[1])


def _junk(state: FittedState, words: list[list[str]]) -> list[tuple[Edit, list[int], str]]:
    found: list[tuple[Edit, list[int], str]] = []
    excluded: dict[str, list[int]] = {}
    for topic, row in zip(state.topic_ids, words, strict=True):
        junk = [word for word in row if is_junk(word)]
        if len(junk) >= _MIN_JUNK * len(row) and state.n_topics > 1:
            found.append((Drop((topic,)), [topic], f"its words say nothing: {', '.join(junk[:5])}"))
        else:
            for word in junk:
                excluded.setdefault(word, []).append(topic)
    if excluded and len(state.vocabulary) - len(excluded) >= 2:
        topics: Any = sorted(set().union(*excluded.values()))
        found.append((Exclude(tuple(excluded)), topics, "placeholders and stop words"))
    return found


def as_options(edit: Edit) -> str:
    """A proposal as options of `softtopic edit`."""
    if isinstance(edit, Merge):
        return " ".join(f"--merge {','.join(map(str, group))}" for group in edit.groups)
    if isinstance(edit, Drop):
        return f"--drop {','.join(map(str, edit.topics))}"
    return f"--exclude {shlex.quote(','.join(edit.words))}" if isinstance(edit, Exclude) else repr(edit)


def is_junk(word: str) -> bool:
    """Whether a word says nothing about a topic."""
    lower = word.lower()
    return (
        lower in PLACEHOLDERS or lower in ENGLISH_STOP_WORDS or (len(lower) < 2 and lower.isascii()) or lower.isdigit()
    )
