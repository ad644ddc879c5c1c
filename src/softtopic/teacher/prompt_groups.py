"""Prompts as tokens: reading a document, generating a rationale, and the state in which the topic word is expected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from softtopic.lm.engine import Reader
from softtopic.lm.tokens import continuation_tokens, leading_tokens
from softtopic.teacher.prompts import Prompt


class PromptEnd(NamedTuple):
    """The end of a prompt, for every document of a batch: the topic word is the next token."""

    states: Float[Tensor, "docs width"]  # last hidden states, float32
    positions: Int[Tensor, " docs"]  # of the last token among those that follow the document; -1: the document's own


@dataclass(frozen=True)
class TokenizedPrompt:
    """A prompt in the tokens of a language model."""

    prefix: list[int]  # before the document
    after_document: list[int]
    rationale_tokens: int  # most tokens generated then
    after_rationale: list[int]

    @classmethod
    def encode(cls, prompt: Prompt, tokenizer: Any) -> "TokenizedPrompt":
        """Tokenise a prompt."""
        cue, suffix = continuation_tokens(tokenizer, [prompt.cue, prompt.suffix])
        prefix = leading_tokens(tokenizer, prompt.prefix)
        if not prompt.rationale:
            return cls(prefix, suffix, 0, [])
        return cls(prefix, cue, prompt.rationale_tokens, suffix)

    @property
    def tokens_after_document(self) -> int:
        """Maximum number of tokens that follow the document."""
        return len(self.after_document) + self.rationale_tokens + len(self.after_rationale)


@dataclass(frozen=True)
class PromptGroup:
    """Prompts with the same prefix: they share one reading of each document."""

    reader: Reader  # after the prefix
    prompts: Sequence[TokenizedPrompt]
    stop_tokens: Int[Tensor, " stops"]  # end a rationale

    @property
    def suffix(self) -> list[int]:
        """Tokens read together with the document: those of a single prompt."""
        return self.prompts[0].after_document if len(self.prompts) == 1 else []

    def read(self, documents: Sequence[Sequence[int]], n_followed: int) -> Iterator[PromptEnd]:
        """Read a batch, and yield the end of each prompt in turn; up to `n_followed` more tokens may follow each."""
        suffix = self.suffix
        room = sum(prompt.tokens_after_document + n_followed for prompt in self.prompts) - len(suffix)
        states = self.reader.states([[*document, *suffix] for document in documents], max_new_tokens=room)
        read = PromptEnd(states, torch.full((len(documents),), -1, device=states.device))
        for prompt in self.prompts:
            end = read if suffix else self._append(prompt.after_document, read)
            if prompt.rationale_tokens:
                end = self._append(prompt.after_rationale, self._generate(prompt.rationale_tokens, end))
            yield end

    def _append(self, tokens: Sequence[int], end: PromptEnd) -> PromptEnd:
        """The same tokens after every document."""
        row = torch.tensor(tokens, device=end.positions.device).expand(len(end.positions), -1)
        states = self.reader.extend(row, end.positions)
        return PromptEnd(states, torch.full_like(end.positions, self.reader.n_appended - 1))

    def _generate(self, max_tokens: int, end: PromptEnd) -> PromptEnd:
        """Greedy decoding of a rationale, up to a stop token."""
        states, positions = end
        active = torch.ones_like(positions, dtype=torch.bool)
        for _ in range(max_tokens):
            token = self.reader.head.argmax(states)
            active = active & ~torch.isin(token, self.stop_tokens)
            if not active.any():
                break
            # Finished rationales are extended too, so that shapes stay equal; nothing attends to those tokens.
            after = self.reader.branch(token[:, None], positions[:, None])[:, 0]
            states = torch.where(active[:, None], after, states)
            positions = torch.where(active, self.reader.n_appended - 1, positions)
        return PromptEnd(states, positions)


def rationale_stop_tokens(tokenizer: Any, vocabulary_size: int) -> list[int]:
    """Tokens that end a rationale: those that hold a line break, and special tokens."""
    known = min(vocabulary_size, len(tokenizer))
    texts = tokenizer.batch_decode([[token] for token in range(known)], clean_up_tokenization_spaces=False)
    special = set(tokenizer.all_special_ids)
    return [token for token in range(known) if token in special or "\n" in texts[token]]
