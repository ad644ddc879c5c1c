"""The teacher: a causal language model that says which topic words it expects after a document."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, final

import numpy as np
import torch

from softtopic.corpus import fingerprint_strings
from softtopic.errors import InputError, LanguageModelError
from softtopic.teacher.base import BaseTeacher, TeacherOutput
from softtopic.teacher.lexicon import continuation_tokens, leading_tokens
from softtopic.teacher.loading import (
    EMBEDDED,
    LanguageModel,
    language_model_fingerprint,
    load_language_model,
    pick_device,
    pick_dtype,
)
from softtopic.teacher.prompt import Prompt
from softtopic.teacher.reading import Reader, open_reader
from softtopic.teacher.scoring import FirstTokens, Scorer, WholeWords, levels_followed
from softtopic.teacher.tree import WordTree, word_ends
from softtopic.vocabulary import Vocabulary

log = logging.getLogger(__name__)

# Part of every fingerprint: raise it when the same inputs give other numbers.
VERSION = 1

# Tokens read together. Less, and the weights are fetched from memory too often; more does not help further.
BUDGET = {"cpu": 2048, "mps": 4096, "cuda": 32768}

# float16 ends at 65,504; a language model whose states come near it is stored in float32.
_LARGE = 6000.0


@final
class Teacher(BaseTeacher):
    """Reads documents with a causal language model.

    Args:
        lm: "smollm2-135m" (embedded), a folder transformers can open, a GGUF file, or a Hugging Face id in the local
            cache.
        prompt: what the language model is asked.
        max_tokens: a document is cut to this many tokens; the text after it never is.
        branches: how many first tokens of words are followed after each document, so that words of several tokens get
            their own probability; 0 is the published scoring, in which a word's score is that of its first token.
        device: "auto", "cpu", "cuda", "mps".
        dtype: "auto" (bfloat16 where the processor computes in it, else float32), "bfloat16", "float16", "float32".

    The language model is loaded when it is first needed.

    """

    def __init__(
        self,
        lm: str = EMBEDDED,
        *,
        prompt: Prompt = Prompt(),
        max_tokens: int = 160,
        branches: int = 0,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        if max_tokens < 1:
            raise InputError(f"max_tokens is {max_tokens}; give at least 1")
        if branches < 0:
            raise InputError(f"branches is {branches}; give at least 0")
        self.branches = branches
        self.lm = lm
        self.prompt = prompt
        self.max_tokens = max_tokens
        self._last_scorer: tuple[str, Scorer] | None = None
        self.device = pick_device(device)
        self.dtype = pick_dtype(dtype, self.device)

    @cached_property
    def fingerprint(self) -> str:
        """What the features depend on beside the texts and the vocabulary; known without loading the model."""
        return fingerprint_strings([
            language_model_fingerprint(self.lm), self.prompt.fingerprint, str(self.max_tokens), str(self.dtype),
            self.device.type, f"version {VERSION}", *([f"branches {self.branches}"] if self.branches else []),
        ])  # fmt: skip

    @property
    def description(self) -> dict[str, Any]:
        """The teacher as plain values, for manifests and model folders."""
        return {
            "lm": self.lm,
            "instruction": self.prompt.instruction,
            "demonstrations": [list(pair) for pair in self.prompt.demonstrations],
            "max_tokens": self.max_tokens,
            "branches": self.branches,
            "dtype": str(self.dtype).removeprefix("torch."),
        }

    @classmethod
    def described(cls, description: dict[str, Any], *, device: str = "auto") -> "Teacher":
        """The teacher of a description."""
        prompt = Prompt(description["instruction"], tuple(map(tuple, description["demonstrations"])))
        return cls(
            description["lm"],
            prompt=prompt,
            max_tokens=description["max_tokens"],
            branches=description.get("branches", 0),
            dtype=description["dtype"],
            device=device,
        )

    @cached_property
    def states_only(self) -> "Teacher":
        """The same teacher for documents whose labels nobody asks for: equal hidden states, for less."""
        if not self.branches:
            return self
        return Teacher.described(self.description | {"branches": 0}, device=str(self.device))

    @torch.inference_mode()
    def read(
        self, texts: Sequence[str], vocabulary: Vocabulary, progress: Callable[[int], object] | None = None
    ) -> TeacherOutput:
        """Features of the texts, in their order; `progress` hears how many documents each batch held.

        A result depends on its text alone, not on the others: bit for bit where the hardware's matrix products allow.
        """
        rows = self.rows(texts)
        scorer = self._scorer(vocabulary)
        hidden = np.empty((len(rows), self._width), dtype=self._storage)
        log_probs = np.empty((len(rows), len(vocabulary)), dtype=np.float16)
        batches = self._reader.batches([len(row) for row in rows], BUDGET[self.device.type])
        for batch in _parts(batches, scorer.documents):
            scored = scorer(self._reader, [rows[document] for document in batch])
            hidden[batch] = scored.states.cpu().numpy()
            log_probs[batch] = scored.log_probs.cpu().numpy()
            if progress is not None:
                progress(len(batch))
        return TeacherOutput(log_probs, hidden)

    def open(self) -> None:
        """Load the language model now; `read` does so by itself."""
        _ = self._probe

    def close(self) -> None:
        """Let the language model go; the next `read` loads it again."""
        for loaded in ("_language_model", "_reader", "_probe"):
            vars(self).pop(loaded, None)
        self._last_scorer = None

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each document, cut to `max_tokens`, and of what follows it."""
        tokenizer = self._language_model.tokenizer
        suffix = continuation_tokens(tokenizer, [self.prompt.suffix])[0]
        return [[*document, *suffix] for document in self._document_tokens([_clean(text) for text in texts])]

    def _document_tokens(self, texts: list[str]) -> list[list[int]]:
        """Documents of megabytes are not tokenised to their end: a share of the characters is enough nearly always."""
        tokenizer, room = self._language_model.tokenizer, 16 * self.max_tokens
        found = continuation_tokens(tokenizer, [f" {text[:room]}" for text in texts])
        for place, text in enumerate(texts):
            reach = room
            # The last token of a cut text may be another one in the whole text.
            while len(found[place]) <= self.max_tokens and reach < len(text):
                reach *= 8
                found[place] = continuation_tokens(tokenizer, [f" {text[:reach]}"])[0]
        return [tokens[: self.max_tokens] for tokens in found]

    def _scorer(self, vocabulary: Vocabulary) -> Scorer:
        """How the words of a vocabulary are scored; the last vocabulary's is kept."""
        if self._last_scorer is None or self._last_scorer[0] != vocabulary.fingerprint:
            self._last_scorer = (vocabulary.fingerprint, self._new_scorer(vocabulary))
        return self._last_scorer[1]

    def _new_scorer(self, vocabulary: Vocabulary) -> Scorer:
        lm = self._language_model
        if not self.branches:
            return FirstTokens(lm.tokenizer, vocabulary.words, self.device)
        tree = WordTree.build(lm.tokenizer, vocabulary.words)
        log.info("learning the %d spellings of %d words", int((tree.words >= 0).sum()), tree.n_words)
        blank = self._reader.after(continuation_tokens(lm.tokenizer, [self.prompt.suffix])[0])
        return WholeWords(tree, self.branches, blank, BUDGET[self.device.type])

    @cached_property
    def _language_model(self) -> LanguageModel:
        log.info("loading language model %s (%s on %s)", self.lm, str(self.dtype).removeprefix("torch."), self.device)
        return load_language_model(self.lm, self.device, self.dtype)

    @cached_property
    def _reader(self) -> Reader:
        lm = self._language_model
        prefix = leading_tokens(lm.tokenizer, self.prompt.prefix)
        suffix = continuation_tokens(lm.tokenizer, [self.prompt.suffix])[0]
        whole = len(prefix) + self.max_tokens + len(suffix) + levels_followed(self.branches)
        room = getattr(lm.model.config.get_text_config(), "max_position_embeddings", None)
        if room is not None and whole > room:
            raise LanguageModelError(
                f"the prompt and {self.max_tokens} tokens of a document are {whole} tokens, more than the {room} "
                f"{self.lm} reads; give a smaller max_tokens or a shorter prompt"
            )
        size = lm.model.get_output_embeddings().weight.shape[0]
        return open_reader(lm, prefix, word_ends(lm.tokenizer, size) if self.branches else ())

    @cached_property
    def _probe(self) -> torch.Tensor:
        """The states of one short document: their width and range stand for all."""
        row = self.rows(["a short text"])
        with torch.inference_mode():
            return self._reader.read(row, torch.zeros(1, dtype=torch.long, device=self.device)).states

    @property
    def _width(self) -> int:
        return self._probe.shape[1]

    @property
    def _storage(self) -> type[np.floating]:
        return np.float32 if self._probe.abs().max().item() > _LARGE else np.float16


def _parts(batches: list[list[int]], most: int | None) -> Iterator[list[int]]:
    """Batches of at most so many documents."""
    for batch in batches:
        for start in range(0, len(batch), most or len(batch)):
            yield batch[start : start + most] if most else batch


def _clean(text: str) -> str:
    """Without white space around it and without lone surrogates, which tokenizers cannot take."""
    return text.encode("utf-8", errors="replace").decode("utf-8").strip()
