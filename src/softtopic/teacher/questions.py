"""A prompt as tokens: what is read, what the language model notes, and the state its answer comes from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from softtopic.lm.engine import Reader
from softtopic.lm.tokens import continuation_tokens, leading_tokens
from softtopic.teacher.prompts import Prompt


class Answer(NamedTuple):
    """Where a batch's topic words are expected next."""

    states: Float[Tensor, "docs width"]  # float32
    last: Int[Tensor, " docs"]  # place of the token before, among those followed; -1 is the document's own last


@dataclass(frozen=True)
class Question:
    """One prompt, tokenised."""

    prefix: list[int]
    opening: list[int]  # right after the document
    note: int  # tokens the language model may write then
    ending: list[int]  # after the note

    @classmethod
    def of(cls, prompt: Prompt, tokenizer: Any) -> "Question":
        """A prompt in the tokens of a language model."""
        cue, suffix = continuation_tokens(tokenizer, [prompt.cue, prompt.suffix])
        prefix = leading_tokens(tokenizer, prompt.prefix)
        if not prompt.reasoning:
            return cls(prefix, suffix, 0, [])
        return cls(prefix, cue, prompt.reasoning_tokens, suffix)

    @property
    def length(self) -> int:
        """Most tokens that follow the document."""
        return len(self.opening) + self.note + len(self.ending)


@dataclass(frozen=True)
class Asking:
    """Questions with the same beginning: they share one reading of each document."""

    reader: Reader
    questions: Sequence[Question]
    stops: Int[Tensor, " stops"]  # tokens that end a note

    @property
    def opening(self) -> list[int]:
        """What is read together with the document."""
        return self.questions[0].opening if len(self.questions) == 1 else []

    def __call__(self, documents: Sequence[Sequence[int]], room: int) -> Iterator[Answer]:
        """The answers to one question after the other; each may be followed by up to `room` tokens more."""
        opening = self.opening
        more = sum(question.length + room for question in self.questions) - len(opening)
        states = self.reader.states([[*document, *opening] for document in documents], room=more)
        read = Answer(states, torch.full((len(documents),), -1, device=states.device))
        for question in self.questions:
            answer = read if opening else self._chain(question.opening, read)
            if question.note:
                answer = self._chain(question.ending, self._note(question.note, answer))
            yield answer

    def _chain(self, tokens: Sequence[int], answer: Answer) -> Answer:
        """The same tokens after every document."""
        row = torch.tensor(tokens, device=answer.last.device).expand(len(answer.last), -1)
        states = self.reader.chain(row, answer.last)
        return Answer(states, torch.full_like(answer.last, self.reader.followed - 1))

    def _note(self, tokens: int, answer: Answer) -> Answer:
        """What the language model writes, likeliest token by likeliest token, up to a stop."""
        states, last = answer
        going = torch.ones_like(last, dtype=torch.bool)
        for _ in range(tokens):
            token = self.reader.head.likeliest(states)
            going = going & ~torch.isin(token, self.stops)
            if not going.any():
                break
            # Where a note is over tokens are followed all the same, and nothing follows them.
            after = self.reader.follow(token[:, None], last[:, None])[:, 0]
            states = torch.where(going[:, None], after, states)
            last = torch.where(going, self.reader.followed - 1, last)
        return Answer(states, last)


def note_stops(tokenizer: Any, size: int) -> list[int]:
    """Tokens that end a note: those with a line break in them, and special ones."""
    known = min(size, len(tokenizer))
    texts = tokenizer.batch_decode([[token] for token in range(known)], clean_up_tokenization_spaces=False)
    special = set(tokenizer.all_special_ids)
    return [token for token in range(known) if token in special or "\n" in texts[token]]
