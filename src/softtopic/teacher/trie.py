"""The spellings of a vocabulary's words, in tokens, as a trie."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Int

from softtopic.lm.tokens import continuation_tokens

# Leading white space as vocabularies write it: byte-level BPE's letters, and SentencePiece's mark.
_SPACE = ("Ġ", "Ċ", "ĉ", "č", "▁")

# Longest word that is looked for in capitals.
_MAX_ACRONYM = 5

# Tokens of a word.
Spelling = tuple[int, ...]


@dataclass(frozen=True)
class WordTrie:
    """Every prefix of a spelling is a node; nodes are ordered by depth, siblings together."""

    paths: tuple[Spelling, ...]  # tokens from a root to each node
    words: Int[np.ndarray, " nodes"]  # index of the word that ends at a node, or -1
    n_words: int

    @classmethod
    def build(cls, forms: Sequence[Sequence[Spelling]]) -> "WordTrie":
        """The trie of the spellings that `spell` returns, or of some of their forms."""
        spellings: dict[Spelling, int] = {}
        for form in forms:
            for word, path in enumerate(form):
                # Two words may share a rare spelling: it goes to the earlier form, then to the more frequent word.
                spellings.setdefault(path, word)
        paths = {path[:end] for path in spellings for end in range(1, len(path) + 1)}
        ordered = tuple(sorted(paths, key=lambda path: (len(path), path)))
        return cls(ordered, np.array([spellings.get(path, -1) for path in ordered]), len(forms[0]))

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def tokens(self) -> Int[np.ndarray, " nodes"]:
        """The last token of each node's path."""
        return np.array([path[-1] for path in self.paths])

    @cached_property
    def parents(self) -> Int[np.ndarray, " nodes"]:
        """The parent of each node, -1 for roots."""
        index = {path: node for node, path in enumerate(self.paths)}
        return np.array([index.get(path[:-1], -1) for path in self.paths])

    @cached_property
    def levels(self) -> list[slice]:
        """The nodes of each depth; the first are the roots."""
        depths = np.array([len(path) for path in self.paths])
        edges = np.searchsorted(depths, np.arange(1, depths[-1] + 2))
        return [slice(int(start), int(stop)) for start, stop in pairwise(edges)]

    @cached_property
    def children(self) -> Int[np.ndarray, "nodes 2"]:
        """First child of each node and number of children."""
        count = np.bincount(self.parents[self.parents >= 0], minlength=len(self))
        # The children of nodes of one depth follow that depth, in the order of their parents.
        return np.stack([self.levels[0].stop + np.cumsum(count) - count, count], axis=1)


def spell(tokenizer: Any, words: Sequence[str]) -> list[list[Spelling]]:
    """The spellings of words after a colon, one list a form: " word", " Word", of short words " WORD", and "word"."""
    forms: tuple[Callable[[str], str], ...] = (lambda w: f" {w}", lambda w: f" {w.capitalize()}", _acronym, str)
    return [
        [tuple(row) for row in continuation_tokens(tokenizer, [form(word) for word in words], anchor=":")]
        for form in forms
    ]


def _acronym(word: str) -> str:
    """In capitals where it may be an acronym: long words in capitals are rare, and of many tokens."""
    return f" {word.upper()}" if len(word) <= _MAX_ACRONYM else f" {word}"


def word_end_tokens(tokenizer: Any, vocabulary_size: int) -> list[int]:
    """Tokens that cannot continue a word: those that begin with no letter, digit or underscore."""
    special = set(tokenizer.all_special_ids)
    known = min(vocabulary_size, len(tokenizer))
    raw = tokenizer.convert_ids_to_tokens(list(range(known)))
    ends = {token for token in range(known) if token in special or raw[token][:1] in _SPACE}
    # Decoding is certain, but slow for a whole vocabulary.
    clear = {token for token in range(known) if raw[token][:1].isascii() and not raw[token].startswith("<0x")}
    ends |= {token for token in clear if not _continues(raw[token])}
    anchor = tokenizer(":", add_special_tokens=False)["input_ids"][-1]
    begin = tokenizer.decode([anchor])
    unclear = sorted(set(range(known)) - clear - ends)
    texts = tokenizer.batch_decode([[anchor, token] for token in unclear], clean_up_tokenization_spaces=False)
    ends |= {token for token, text in zip(unclear, texts, strict=True) if not _continues(text.removeprefix(begin))}
    return sorted([*ends, *range(known, vocabulary_size)])


def _continues(text: str) -> bool:
    # An incomplete character counts as a letter: of byte tokens, letters have by far the most.
    return bool(text) and (text[0].isalnum() or text[0] in "_\ufffd")
