"""The tokens a vocabulary's words are spelled with, as one tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Int

from softtopic.lm.tokens import continuation_tokens

# How vocabularies write the space, newline and tab a token begins with: bytes as letters, or SentencePiece's mark.
_SPACE = ("Ġ", "Ċ", "ĉ", "č", "▁")


@dataclass(frozen=True)
class WordTree:
    """Every beginning of a spelling is a node; nodes stand by depth, siblings together."""

    paths: tuple[tuple[int, ...], ...]  # tokens from a root to each node
    words: Int[np.ndarray, " nodes"]  # the word that ends at a node, or -1
    n_words: int

    @classmethod
    def build(cls, tokenizer: Any, words: Sequence[str]) -> "WordTree":
        """The tree of all spellings: " word", " Word", " WORD" and "word", as they may stand after a colon."""
        spelled: dict[tuple[int, ...], int] = {}
        for form in (lambda w: f" {w}", lambda w: f" {w.capitalize()}", lambda w: f" {w.upper()}", lambda w: w):
            rows = continuation_tokens(tokenizer, [form(word) for word in words], anchor=":")
            for word, row in enumerate(rows):
                # Two words may share a rare spelling; it goes to the first form, and there to the more frequent word.
                spelled.setdefault(tuple(row), word)
        paths = {path[:end] for path in spelled for end in range(1, len(path) + 1)}
        ordered = tuple(sorted(paths, key=lambda path: (len(path), path)))
        return cls(ordered, np.array([spelled.get(path, -1) for path in ordered]), len(words))

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def tokens(self) -> Int[np.ndarray, " nodes"]:
        """The last token of each node's path."""
        return np.array([path[-1] for path in self.paths])

    @cached_property
    def parents(self) -> Int[np.ndarray, " nodes"]:
        """The node before, -1 for roots."""
        place = {path: node for node, path in enumerate(self.paths)}
        return np.array([place.get(path[:-1], -1) for path in self.paths])

    @cached_property
    def levels(self) -> list[slice]:
        """The nodes of each depth; the first are the roots."""
        depths = np.array([len(path) for path in self.paths])
        edges = np.searchsorted(depths, np.arange(1, depths[-1] + 2))
        return [slice(int(start), int(stop)) for start, stop in pairwise(edges)]

    @cached_property
    def children(self) -> Int[np.ndarray, "nodes 2"]:
        """First child of each node, and how many there are."""
        count = np.bincount(self.parents[self.parents >= 0], minlength=len(self))
        # Nodes of one depth have their children in their own order, after all nodes of that depth.
        return np.stack([self.levels[0].stop + np.cumsum(count) - count, count], axis=1)


def word_ends(tokenizer: Any, size: int) -> list[int]:
    """The tokens before which a word is over: those that begin with no letter, digit or underscore."""
    special = set(tokenizer.all_special_ids)
    known = min(size, len(tokenizer))
    raw = tokenizer.convert_ids_to_tokens(list(range(known)))
    ends = {token for token in range(known) if token in special or raw[token][:1] in _SPACE}
    # Decoding tells for certain what a token begins with, and takes long for a whole vocabulary.
    clear = {token for token in range(known) if raw[token][:1].isascii() and not raw[token].startswith("<0x")}
    ends |= {token for token in clear if not _continues(raw[token])}
    anchor = tokenizer(":", add_special_tokens=False)["input_ids"][-1]
    begin = tokenizer.decode([anchor])
    unclear = sorted(set(range(known)) - clear - ends)
    texts = tokenizer.batch_decode([[anchor, token] for token in unclear], clean_up_tokenization_spaces=False)
    ends |= {token for token, text in zip(unclear, texts, strict=True) if not _continues(text.removeprefix(begin))}
    return sorted([*ends, *range(known, size)])


def _continues(text: str) -> bool:
    # Half a character is taken for a letter's: where bytes are tokens, those of letters are by far the most.
    return bool(text) and (text[0].isalnum() or text[0] in "_\ufffd")
