"""Vocabulary words ↔ language-model tokens."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from softtopic.types import DocInt

# A word to continue from. Tokenizers treat the start of a text specially (a dummy space, a start token); whatever
# comes after the anchor is tokenised as it is in the middle of a prompt.
ANCHOR = "a"


def continuation_tokens(tokenizer: Any, texts: Sequence[str], anchor: str = ANCHOR) -> list[list[int]]:
    """Tokenise texts as continuations of another text.

    No special tokens are added, and none are recognised inside: a document that spells out a control token of the
    language model is read as plain characters.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase or softtopic.lm.modules.tokenizer.Tokenizer
    texts : sequence of str
    anchor : str, default="a"
        The text they continue.

    Returns
    -------
    list of list of int
        Token ids of each text, without those of the anchor.
    """
    options = {"add_special_tokens": False, "split_special_tokens": True, "return_attention_mask": False}
    start = tokenizer(anchor, **options)["input_ids"]
    rows = tokenizer([anchor + text for text in texts], **options)["input_ids"] if texts else []
    if all(row[: len(start)] == start for row in rows):
        return [row[len(start) :] for row in rows]
    # The tokenizer merged the anchor with what follows; read such texts on their own.
    return tokenizer(list(texts), **options)["input_ids"]


def leading_tokens(tokenizer: Any, text: str) -> list[int]:
    """Tokenise the text a prompt begins with, after the tokenizer's start token if it has one."""
    plain = tokenizer(text, add_special_tokens=False)["input_ids"]
    special = tokenizer(text)["input_ids"]
    # Some tokenizers also end every text with a special token, which must not stand before the document.
    start = special.index(plain[0]) if plain and plain[0] in special else 0
    return [*special[:start], *plain]


def first_tokens(tokenizer: Any, words: Sequence[str]) -> DocInt:
    """The first token of " word" for every word, by which the published scoring knows it."""
    return np.asarray([tokens[0] for tokens in continuation_tokens(tokenizer, [f" {word}" for word in words])])
