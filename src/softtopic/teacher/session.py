"""An open language model with the prompts and settings of one teacher."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float, Int

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import LanguageModelError
from softtopic.lm.parallel import n_workers, parallel_map
from softtopic.lm.tokens import continuation_tokens, leading_tokens
from softtopic.teacher.base import Features, ProgressCallback, vector_dtype
from softtopic.teacher.calibration import Calibration
from softtopic.teacher.chunking import shorten_text, split_tokens
from softtopic.teacher.config import TeacherConfig
from softtopic.teacher.pooling import Pool
from softtopic.teacher.prompt_groups import PromptGroup, TokenizedPrompt, rationale_stop_tokens
from softtopic.teacher.scoring import FirstTokenScorer, Scorer, WholeWordScorer, beam_depth, likely_forms
from softtopic.teacher.shared_model import TOKENS_PER_BATCH, OpenModel
from softtopic.teacher.trie import WordTrie, spell
from softtopic.types import DocHidden, DocVocab
from softtopic.wording import counted

log = logging.getLogger(__name__)

# Documents tokenised together: tokenizers take a hundred bytes for each character.
_TOKENIZER_BATCH = 64

# Tokens of a batch below which products are inefficient.
_MIN_BATCH_TOKENS = 512

# Characters that are tokenised for each token to be read.
_CHARACTERS_PER_TOKEN = 16


def max_prompt_tokens(config: TeacherConfig, prompt: TokenizedPrompt) -> int:
    """Maximum number of tokens of a prompt with its document and the tokens followed after it."""
    return len(prompt.prefix) + config.max_tokens + prompt.tokens_after_document + beam_depth(config.beam_width)


@final
class Session:
    """Reads documents. What depends on the prompts alone is read once, when the session begins."""

    def __init__(self, lm: str, model: OpenModel, config: TeacherConfig) -> None:
        self.model = model
        self._config = config
        self._lm = lm
        self._gap = continuation_tokens(model.tokenizer, [" ..."])[0]
        self.groups = self._prompt_groups()
        # The states of one short document tell the width and the range of all.
        probe = next(self.groups[0].read(self.tokenize(["a short text"]), 0)).states
        self._width = probe.shape[1]
        self._dtype = vector_dtype(probe.abs().max().item())
        # Of the last vocabulary, by its fingerprint.
        self._scorers: dict[str, Scorer] = {}
        self._calibrations: dict[str, list[Calibration]] = {}

    def read(self, texts: Sequence[str], vocabulary: Vocabulary, progress: ProgressCallback) -> Features:
        """Read documents; see `Teacher.read`."""
        return self._pool(texts, vocabulary, progress).output(self._dtype, self.calibrations(vocabulary))

    def _pool(self, texts: Sequence[str], vocabulary: Vocabulary, progress: ProgressCallback) -> Pool:
        scorer = self.scorer(vocabulary)
        chunks_of = self.chunks(texts)
        chunks = [chunk for own in chunks_of for chunk in own]
        owners = np.array([document for document, own in enumerate(chunks_of) for _ in own], dtype=np.int64)
        pool = Pool(owners, (len(self._config.prompts), len(vocabulary), self._width))
        device, done = self.model.reader.device, 0
        first_prompts = accumulate((len(group.prompts) for group in self.groups), initial=0)
        tasks = [
            (group, first, batch)
            for group, first in zip(self.groups, first_prompts, strict=False)
            for batch in self._batches(group, chunks, scorer)
        ]

        def read(task: tuple[PromptGroup, int, list[int]]) -> list[PromptOutput]:
            group, _, batch = task
            return _read_batch(group, [chunks[chunk] for chunk in batch], scorer)

        for (_, first, batch), outputs in zip(tasks, parallel_map(read, tasks, device), strict=True):
            for prompt, output in enumerate(outputs, first):
                pool.add(prompt, batch, *output)
            # In documents: the share of all chunks that has been read, for all prompts.
            before, done = done, done + len(batch)
            total = len(chunks) * len(self.groups)
            progress(len(texts) * done // total - len(texts) * before // total)
        return pool

    def _batches(self, group: PromptGroup, chunks: Sequence[Sequence[int]], scorer: Scorer) -> list[list[int]]:
        """Chunks read together: as many as are worth it, and enough batches that all workers end about together."""
        lengths, device = [len(chunk) + len(group.suffix) for chunk in chunks], self.model.reader.device
        workers = n_workers(device)
        share = -(-sum(lengths) // workers)
        budget = min(TOKENS_PER_BATCH[device.type], max(_MIN_BATCH_TOKENS, share))
        return list(_split_batches(group.reader.batches(lengths, budget), scorer.max_documents))

    def calibrations(self, vocabulary: Vocabulary) -> list[Calibration]:
        """The prior of each prompt over words; none for a single prompt, which is mixed with no other."""
        if len(self._config.prompts) == 1:
            return []
        if vocabulary.fingerprint not in self._calibrations:
            pool = self._pool(self._config.content_free, vocabulary, lambda _: None)
            self._calibrations = {vocabulary.fingerprint: pool.calibrations}
        return self._calibrations[vocabulary.fingerprint]

    def scorer(self, vocabulary: Vocabulary) -> Scorer:
        """Scores the words of a vocabulary."""
        if vocabulary.fingerprint not in self._scorers:
            self._scorers = {vocabulary.fingerprint: self._new_scorer(vocabulary)}
        return self._scorers[vocabulary.fingerprint]

    def _new_scorer(self, vocabulary: Vocabulary) -> Scorer:
        tokenizer, reader = self.model.tokenizer, self.model.reader
        if not self._config.beam_width:
            return FirstTokenScorer(tokenizer, vocabulary.words, reader.device)
        empty = self._without_document()
        states = torch.cat([reader.with_prefix(tokens[:-1]).states([tokens[-1:]]) for tokens in empty])

        def logits(tokens: Int[torch.Tensor, " tokens"]) -> Float[torch.Tensor, "prompts tokens"]:
            return reader.head.logits(states, tokens.to(reader.device))

        trie = WordTrie.build(likely_forms(spell(tokenizer, vocabulary.words), logits))
        log.info("scoring %s of %s", counted(int((trie.words >= 0).sum()), "spelling"), counted(trie.n_words, "word"))
        budget = TOKENS_PER_BATCH[reader.device.type]
        return WholeWordScorer(trie, self._config.beam_width, reader.with_prefix(empty[0]), budget)

    def _without_document(self) -> list[list[int]]:
        """The tokens of each prompt without a document and without a rationale."""
        suffixes = continuation_tokens(self.model.tokenizer, [prompt.suffix for prompt in self._config.prompts])
        prefixes = (leading_tokens(self.model.tokenizer, prompt.prefix) for prompt in self._config.prompts)
        return [[*prefix, *suffix] for prefix, suffix in zip(prefixes, suffixes, strict=True)]

    def chunks(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """The chunks that are read of each document, as tokens."""
        config = self._config
        return [
            split_tokens(tokens, config.max_tokens, config.truncation, self._gap, config.max_windows)
            for start in range(0, len(texts), _TOKENIZER_BATCH)
            for tokens in self.tokenize(texts[start : start + _TOKENIZER_BATCH])
        ]

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """All tokens read for each document: its chunks and what follows them, for every prompt."""
        return [
            [token for group in self.groups for chunk in own for token in [*chunk, *group.suffix]]
            for own in self.chunks(texts)
        ]

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of documents; of very long ones only of as much text as can be read."""
        config, tokenizer, texts = self._config, self.model.tokenizer, [_clean(text) for text in texts]
        length = _CHARACTERS_PER_TOKEN * config.max_tokens
        if config.truncation != "head":
            shortened = (shorten_text(text, length, config.truncation, config.max_windows) for text in texts)
            return continuation_tokens(tokenizer, [f" {text}" for text in shortened])
        rows = continuation_tokens(tokenizer, [f" {text[:length]}" for text in texts])
        for place, text in enumerate(texts):
            reach = length
            # The last token of a shortened text may be another one in the whole text.
            while len(rows[place]) <= config.max_tokens and reach < len(text):
                reach *= 8
                rows[place] = continuation_tokens(tokenizer, [f" {text[:reach]}"])[0]
        return [tokens[: config.max_tokens] for tokens in rows]

    def _prompt_groups(self) -> list[PromptGroup]:
        """The prompts, grouped by their prefix."""
        model = self.model
        groups: dict[tuple[int, ...], list[TokenizedPrompt]] = {}
        for prompt in self._config.prompts:
            tokenized = TokenizedPrompt.encode(prompt, model.tokenizer)
            self._check_context(tokenized)
            groups.setdefault(tuple(tokenized.prefix), []).append(tokenized)
        generates = any(prompt.rationale for prompt in self._config.prompts)
        stops = rationale_stop_tokens(model.tokenizer, model.output_size) if generates else []
        stop_tokens = torch.tensor(stops, dtype=torch.long, device=model.reader.device)
        return [
            PromptGroup(model.reader.with_prefix(prefix), prompts, stop_tokens) for prefix, prompts in groups.items()
        ]

    def _check_context(self, prompt: TokenizedPrompt) -> None:
        needed, context = max_prompt_tokens(self._config, prompt), self.model.context_length
        if context is not None and needed > context:
            raise LanguageModelError(
                f"the prompt and {self._config.max_tokens} tokens of a document are {needed} tokens, more than the "
                f"{context} {self._lm} reads; give a smaller max_tokens or a shorter prompt"
            )


class PromptOutput(NamedTuple):
    """What a batch of documents gives after one prompt."""

    log_probs: DocVocab
    states: DocHidden


def _read_batch(group: PromptGroup, documents: Sequence[Sequence[int]], scorer: Scorer) -> list[PromptOutput]:
    """The output of each prompt of a group; safe to call from several threads."""
    reader = group.reader.fork()
    return [
        PromptOutput(scorer(reader, end).cpu().numpy(), end.states.cpu().numpy())
        for end in replace(group, reader=reader).read(documents, scorer.n_followed)
    ]


def _split_batches(batches: list[list[int]], most: int | None) -> Iterator[list[int]]:
    """Batches of at most so many documents."""
    for batch in batches:
        for start in range(0, len(batch), most or len(batch)):
            yield batch[start : start + most] if most else batch


def _clean(text: str) -> str:
    """Without surrounding white space and without lone surrogates, which tokenizers cannot take."""
    return text.encode("utf-8", errors="replace").decode("utf-8").strip()
