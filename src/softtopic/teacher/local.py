"""The teacher: a causal language model that says which topic words it expects after a document."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Any, final

import numpy as np
import torch

from softtopic.data.corpus import fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, LanguageModelError
from softtopic.lm.devices import TEACHER_DTYPES, storage_dtype, pick_device, pick_teacher_dtype
from softtopic.lm.engine import Reader, open_reader
from softtopic.lm.int8 import TEXT
from softtopic.lm.loading import EMBEDDED, LanguageModel, language_model_fingerprint, load_language_model
from softtopic.lm.tokens import continuation_tokens
from softtopic.storage.memory import give_back
from softtopic.teacher.base import BaseTeacher, TeacherOutput
from softtopic.teacher.calibration import CONTENT_FREE, Calibration
from softtopic.teacher.chunking import check_cut, pieces, stretches
from softtopic.teacher.pooling import Pool
from softtopic.teacher.prompts import Prompt
from softtopic.teacher.questions import Asking, Question, note_stops
from softtopic.teacher.scoring import FirstTokens, Scorer, WholeWords, levels_followed
from softtopic.teacher.trie import WordTree, word_ends

log = logging.getLogger(__name__)

# Part of every fingerprint: raise it when the same inputs give other numbers.
VERSION = 1

# Tokens read together. Less, and the weights are fetched from memory too often; more does not help further.
BUDGET = {"cpu": 4096, "mps": 4096, "cuda": 32768}

# Documents tokenised together.
_TOKENISED = 64

_LOADED = ("_language_model", "_reader", "_askings", "_probe")

# float16 ends at 65,504; a language model whose states come near it is stored in float32.
_LARGE = 6000.0


@final
class Teacher(BaseTeacher):
    """Reads documents with a causal language model.

    Args:
        lm: "smollm2-135m" (embedded), a folder transformers can open, a GGUF file, or a Hugging Face id in the local
            cache.
        prompt: what the language model is asked; the labels of several prompts are mixed, their states averaged (see
            `Pool`).
        max_tokens: a document is cut to this many tokens; the text after it never is.
        cut: what is read of a longer document: its "head", "head-tail" (half of the tokens from each end) or "windows"
            (up to 8 pieces of that length, whose labels are mixed; of "windows-3" up to three).
        branches: how many first tokens of words are followed after each document, so that words of several tokens get
            their own probability; 0 is the published scoring, in which a word's score is that of its first token.
        device: "auto", "cpu", "cuda", "mps".
        dtype: "bfloat16", "float16", "float32", "int8" (float32 with products in 8 bits, where the processor and the
            language model allow it), or "auto": bfloat16 on a GPU and with matrix tiles, else the fastest on this CPU.

    The language model is loaded when it is first needed.

    """

    def __init__(
        self,
        lm: str = EMBEDDED,
        *,
        prompt: Prompt | Sequence[Prompt] = Prompt(),
        max_tokens: int = 160,
        cut: str = "head",
        branches: int = 0,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        if max_tokens < 1:
            raise InputError(f"max_tokens is {max_tokens}; give at least 1")
        if branches < 0:
            raise InputError(f"branches is {branches}; give at least 0")
        check_cut(cut)
        self.branches = branches
        self.lm = lm
        self.prompts = (prompt,) if isinstance(prompt, Prompt) else tuple(prompt)
        if not self.prompts:
            raise InputError("no prompt is given; give at least one")
        self.max_tokens = max_tokens
        self.cut = cut
        self._last_scorer: tuple[str, Scorer] | None = None
        self._last_calibrations: tuple[str, list[Calibration]] | None = None
        self.device = pick_device(device)
        self.dtype = pick_teacher_dtype(dtype, self.device)

    @cached_property
    def fingerprint(self) -> str:
        """What the features depend on beside the texts and the vocabulary; known without loading the model."""
        return self._fingerprint_on(self.device.type, self.dtype)

    def made(self, fingerprint: str) -> bool:
        """Whether features of that fingerprint are of this teacher: read on any device, in any number format."""
        return any(self._fingerprint_on(*where) == fingerprint for where in product(BUDGET, TEACHER_DTYPES.values()))

    def _fingerprint_on(self, device: str, dtype: torch.dtype) -> str:
        return fingerprint_strings([
            language_model_fingerprint(self.lm), *(prompt.fingerprint for prompt in self.prompts),
            str(self.max_tokens), str(dtype), device, f"version {VERSION}",
            *(["sums of two"] if dtype is torch.int8 else []),
            *([f"branches {self.branches}"] if self.branches else []),
            *([self.cut.replace("windows", "mixed windows")] if self.cut != "head" else []),
            *(["mixed prompts"] if len(self.prompts) > 1 else []),
        ])  # fmt: skip

    @property
    def description(self) -> dict[str, Any]:
        """The teacher as plain values, for manifests and model folders."""
        return {
            "lm": self.lm,
            "prompts": [prompt.description for prompt in self.prompts],
            "max_tokens": self.max_tokens,
            "cut": self.cut,
            "branches": self.branches,
            "dtype": str(self.dtype).removeprefix("torch."),
        }

    @classmethod
    def described(cls, description: dict[str, Any], *, device: str = "auto") -> "Teacher":
        """The teacher of a description."""
        settings = {name: value for name, value in description.items() if name != "prompts"}
        prompts = [Prompt.described(prompt) for prompt in description["prompts"]]
        return cls(prompt=prompts, device=device, **settings)

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
        """Features of the texts, in their order; `progress` hears how many documents each batch was worth.

        A result depends on its text alone, not on the others: bit for bit where the hardware's matrix products allow.
        """
        told = progress or (lambda _: None)
        return self._ask(texts, vocabulary, told).output(self._storage, self._calibrations(vocabulary))

    def _ask(self, texts: Sequence[str], vocabulary: Vocabulary, told: Callable[[int], object]) -> Pool:
        """All answers about the texts; `told` hears how many documents each batch was worth."""
        scorer = self._scorer(vocabulary)
        parts = self._document_pieces(texts)
        read = [piece for part in parts for piece in part]
        owners = np.array([place for place, part in enumerate(parts) for _ in part], dtype=np.int64)
        pool = Pool(owners, (len(self.prompts), len(vocabulary), self._width))
        first = done = 0
        for asking in self._askings:
            lengths = [len(piece) + len(asking.opening) for piece in read]
            for batch in _parts(asking.reader.batches(lengths, BUDGET[self.device.type]), scorer.documents):
                for place, answer in enumerate(asking([read[piece] for piece in batch], scorer.room), first):
                    scores = scorer(asking.reader, answer).cpu().numpy()
                    pool.add(place, batch, scores, answer.states.cpu().numpy())
                # Documents are counted by the share that is read of all pieces, by all prompts.
                before, done = done, done + len(batch)
                whole = len(read) * len(self._askings)
                told(len(texts) * done // whole - len(texts) * before // whole)
            first += len(asking.questions)
        return pool

    def _calibrations(self, vocabulary: Vocabulary) -> list[Calibration]:
        """What each prompt makes likely after documents that say nothing; the last vocabulary's are kept.

        None for a single prompt, which is compared with no other.
        """
        if len(self.prompts) == 1:
            return []
        if self._last_calibrations is None or self._last_calibrations[0] != vocabulary.fingerprint:
            asked = self._ask(CONTENT_FREE, vocabulary, lambda _: None)
            self._last_calibrations = (vocabulary.fingerprint, asked.calibrations)
        return self._last_calibrations[1]

    def asking(self, *prompts: Prompt) -> "Teacher":
        """The same teacher with other prompts; a language model that is loaded is shared."""
        described = [prompt.description for prompt in prompts]
        other = Teacher.described(self.description | {"prompts": described}, device=str(self.device))
        shared = ("_language_model", "_reader")
        vars(other).update({name: made for name, made in vars(self).items() if name in shared})
        return other

    def quick(self, max_tokens: int) -> "Teacher":
        """A teacher of first tokens that reads the heads of documents alone."""
        changed = {"branches": 0, "max_tokens": max_tokens, "cut": "head"}
        return Teacher.described(self.description | changed, device=str(self.device))

    def open(self) -> None:
        """Load the language model now; `read` does so by itself."""
        _ = self._probe

    def close(self) -> None:
        """Let the language model go; the next `read` loads it again."""
        for loaded in _LOADED:
            vars(self).pop(loaded, None)
        self._last_scorer = None
        give_back()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made of: the language model is loaded anew, its weights as they are laid out know no copy."""
        kept = {name: value for name, value in vars(self).items() if name not in _LOADED}
        return kept | {"_last_scorer": None}

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """All token ids read of each document, and of what is read together with it."""
        return [
            [token for asking in self._askings for piece in part for token in [*piece, *asking.opening]]
            for part in self._document_pieces(texts)
        ]

    def _document_pieces(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """What is read of each document, as tokens."""
        # Tokenizers keep a hundred bytes for each character of what they are given at once.
        groups = (texts[start : start + _TOKENISED] for start in range(0, len(texts), _TOKENISED))
        return [
            pieces(tokens, self.max_tokens, self.cut, self._gap)
            for group in groups
            for tokens in self._document_tokens(group)
        ]

    @cached_property
    def _gap(self) -> list[int]:
        return continuation_tokens(self._language_model.tokenizer, [" ..."])[0]

    def _document_tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Documents of megabytes are not tokenised to their end: a share of the characters is enough nearly always."""
        tokenizer, texts = self._language_model.tokenizer, [_clean(text) for text in texts]
        room = 16 * self.max_tokens
        if self.cut != "head":
            return continuation_tokens(tokenizer, [f" {stretches(text, room, self.cut)}" for text in texts])
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
        question = self._askings[0].questions[0]
        # Without a document and without a note: what the first prompt alone makes likely.
        ending = continuation_tokens(lm.tokenizer, [self.prompts[0].suffix])[0]
        blank = self._reader.at([*question.prefix, *ending])
        return WholeWords(tree, self.branches, blank, BUDGET[self.device.type])

    @cached_property
    def _language_model(self) -> LanguageModel:
        log.info("loading language model %s (%s on %s)", self.lm, str(self.dtype).removeprefix("torch."), self.device)
        return load_language_model(self.lm, self.device, storage_dtype(self.dtype))

    @cached_property
    def _askings(self) -> list[Asking]:
        """The prompts, those with the same beginning together."""
        lm = self._language_model
        size = lm.model.get_output_embeddings().weight.shape[0]
        groups: dict[tuple[int, ...], list[Question]] = {}
        for prompt in self.prompts:
            question = Question.of(prompt, lm.tokenizer)
            self._check_room(question)
            groups.setdefault(tuple(question.prefix), []).append(question)
        noted = any(prompt.reasoning for prompt in self.prompts)
        stops = torch.tensor(note_stops(lm.tokenizer, size) if noted else [], dtype=torch.long, device=self.device)
        return [Asking(self._reader.at(prefix), group, stops) for prefix, group in groups.items()]

    @cached_property
    def _reader(self) -> Reader:
        """Without a prefix: every prompt's own is read after it."""
        lm = self._language_model
        size = lm.model.get_output_embeddings().weight.shape[0]
        typical = continuation_tokens(lm.tokenizer, [TEXT])[0] if self.dtype is torch.int8 else ()
        return open_reader(lm, (), word_ends(lm.tokenizer, size) if self.branches else (), typical)

    def fits(self, prompt: Prompt, max_tokens: int) -> bool:
        """Whether a prompt and so many tokens of a document are no more than the language model reads."""
        question = Question.of(prompt, self._language_model.tokenizer)
        return self._context is None or self._needed(question, max_tokens) <= self._context

    @property
    def _context(self) -> int | None:
        return getattr(self._language_model.model.config.get_text_config(), "max_position_embeddings", None)

    def _needed(self, question: Question, max_tokens: int) -> int:
        return len(question.prefix) + max_tokens + question.length + levels_followed(self.branches)

    def _check_room(self, question: Question) -> None:
        whole = self._needed(question, self.max_tokens)
        if self._context is not None and whole > self._context:
            raise LanguageModelError(
                f"the prompt and {self.max_tokens} tokens of a document are {whole} tokens, more than the "
                f"{self._context} {self.lm} reads; give a smaller max_tokens or a shorter prompt"
            )

    @cached_property
    def _probe(self) -> torch.Tensor:
        """The states of one short document: their width and range stand for all."""
        asking = self._askings[0]
        with torch.inference_mode():
            return next(asking(self._document_tokens(["a short text"]), 0)).states

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
