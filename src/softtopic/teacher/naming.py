"""Candidate names of topics: phrases that a language model expects after a topic's documents, and not after others.

A phrase is decoded by beam search from the mean log probability over several documents of the topic (an ensemble) minus
a share of the mean over documents of other topics (contrastive decoding, Li et al., 2023). Each document is read once:
all hypotheses continue it, those of its own topic and those of one other topic, for which it is the contrast.

The mean is a logarithmic opinion pool: mean log probabilities, normalised again. Logits are linear in the last hidden
state, so that the pool is the distribution after the mean of the states, and the output layer, half of the cost
otherwise, is computed for one state instead of one for each document.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from softtopic.data.language_names import ENGLISH
from softtopic.data.segmentation import UNSPACED
from softtopic.data.tokenizer import COMBINING_MARKS
from softtopic.lm.engine import Reader
from softtopic.lm.parallel import parallel_map
from softtopic.lm.tokens import continuation_tokens
from softtopic.teacher.calibration import CONTENT_FREE
from softtopic.teacher.config import NamingConfig
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompt_texts import TEXTS
from softtopic.teacher.prompts import Prompt

# Tokens of documents in a batch, whose topics are the contrast of each other.
_BATCH_TOKENS = 2048

_WORD_START = re.compile(rf" [^\W_][\w{COMBINING_MARKS}+#&'/.-]*")
_WORD_PART = re.compile(rf"[\w{COMBINING_MARKS}+#&'/-]+")


class Phrase(NamedTuple):
    """A candidate and its contrastive log probability per token, in nats."""

    text: str
    score: float


def naming_prompt(documents: str = ENGLISH, names: str = ENGLISH) -> Prompt:
    """The prompt that names follow: documents of one language, names in the same or another one.

    Parameters
    ----------
    documents, names : str, default="en"
        Codes of languages; English stands for those without prompts.
    """
    texts, own = TEXTS.get(documents, TEXTS[ENGLISH]), TEXTS.get(names, TEXTS[ENGLISH])
    language = names if names in TEXTS else ENGLISH
    return Prompt(own.naming, tuple(zip(texts.texts, own.names, strict=True)), language=language)


PROMPT = naming_prompt()


def decode_phrases(
    teacher: Teacher, documents: Sequence[Sequence[str]], config: NamingConfig, prompt: Prompt = PROMPT
) -> list[list[Phrase]]:
    """Phrases that name topics, decoded from the topics' documents.

    Parameters
    ----------
    teacher : Teacher
        The language model; its prompts and other settings are not used.
    documents : sequence of sequences of str
        Representative documents of each topic, at least one each.
    config : NamingConfig
    prompt : Prompt
        See `naming_prompt`. Names have as many tokens as the longest of its demonstrations, where that is more than
        `config.phrase_tokens`: other languages than English take more.

    Returns
    -------
    list of list of Phrase
        Distinct candidates of each topic, best first; none where the language model ends at once.

    References
    ----------
    Li et al. (2023), "Contrastive Decoding: Open-ended Text Generation as Optimization".
    """
    reading = teacher.with_settings(prompt=prompt, max_tokens=config.max_tokens, truncation="head", beam_width=0)
    with reading.session() as session:
        group = session.groups[0]
        tokenizer = session.model.tokenizer
        has_spaces = prompt.language not in UNSPACED
        spelling = Spelling.of(tokenizer, session.model.output_size, group.reader.device, has_spaces=has_spaces)
        if prompt.language != ENGLISH:
            shown = continuation_tokens(tokenizer, [f" {name}" for _, name in prompt.demonstrations])
            config = replace(config, phrase_tokens=max(config.phrase_tokens, *map(len, shown)))

        def rows(texts: Sequence[str]) -> list[list[int]]:
            return [[*tokens, *group.suffix] for tokens in session.tokenize(texts)]

        tokens = [rows(texts) for texts in documents]
        contrast = rows(CONTENT_FREE) if len(tokens) == 1 else []

        def decode(topics: Sequence[int]) -> list[list[Phrase]]:
            search = BeamSearch(group.reader.fork(), spelling, config, [tokens[topic] for topic in topics], contrast)
            return search.run()

        batches = topic_batches([sum(map(len, own)) for own in tokens])
        phrases: list[list[Phrase]] = [[] for _ in tokens]
        for topics, found in zip(batches, parallel_map(decode, batches, group.reader.device), strict=True):
            for topic, own in zip(topics, found, strict=True):
                phrases[topic] = own
        return phrases


def topic_batches(sizes: Sequence[int]) -> list[list[int]]:
    """Topics decoded together, at equal distances; more than one in each, as they are each other's contrast.

    Examples
    --------
    >>> topic_batches([1000] * 5)
    [[0, 2, 4], [1, 3]]
    """
    count = max(1, min(round(sum(sizes) / _BATCH_TOKENS), len(sizes) // 2))
    return [list(range(start, len(sizes), count)) for start in range(count)]


class Spelling(NamedTuple):
    """What each token may be within a phrase, after a colon."""

    tokenizer: Any
    begins: Bool[Tensor, " tokens"]  # begins a phrase
    starts: Bool[Tensor, " tokens"]  # begins a word
    continues: Bool[Tensor, " tokens"]  # continues one
    ends: Bool[Tensor, " tokens"]  # neither: the phrase is over

    @classmethod
    def of(
        cls, tokenizer: Any, output_size: int, device: torch.device, *, has_spaces: bool = True
    ) -> "Spelling":  # fmt: skip
        """Of all tokens of a tokenizer; a phrase without spaces may begin without one."""
        known, special = min(output_size, len(tokenizer)), set(tokenizer.all_special_ids)
        anchor = tokenizer(":", add_special_tokens=False)["input_ids"][-1]
        pairs = [[anchor, token] for token in range(known)]
        begin = tokenizer.decode([anchor])
        texts = [
            "" if token in special else text.removeprefix(begin)
            for token, text in enumerate(tokenizer.batch_decode(pairs, clean_up_tokenization_spaces=False))
        ]

        def mask(pattern: re.Pattern[str]) -> Bool[Tensor, " tokens"]:
            # An incomplete character counts as a letter.
            fits = [pattern.fullmatch(text.replace("\ufffd", "a")) is not None for text in texts]
            return torch.tensor([*fits, *[False] * (output_size - known)], device=device)

        starts, continues = mask(_WORD_START), mask(_WORD_PART)
        begins = starts if has_spaces else starts | continues
        return cls(tokenizer, begins, starts, continues, ~(starts | continues))

    def text(self, tokens: Sequence[int]) -> str:
        """The phrase of these tokens."""
        return " ".join(self.tokenizer.decode(tokens, clean_up_tokenization_spaces=False).split())


class _Beam(NamedTuple):
    """Hypotheses of one topic, best first; a score of -inf is none."""

    tokens: list[list[int]]
    words: Int[Tensor, " beam"]
    scores: Float[Tensor, " beam"]
    parents: list[int]  # hypotheses of the step before, which each one continues


@final
class BeamSearch:
    """Phrases for the topics of one batch of documents.

    Every document is in the ensemble of its topic and in the contrast of another one, in turn, so that the documents of
    a topic are spread over the contrasts of all others. A single topic has the contrast of inputs without content.
    """

    def __init__(
        self,
        reader: Reader,
        spelling: Spelling,
        config: NamingConfig,
        rows: Sequence[Sequence[list[int]]],
        contrast: Sequence[list[int]],
    ) -> None:
        self._reader, self._spelling, self._config = reader, spelling, config
        self._n_topics = len(rows)
        others = max(1, len(rows) - 1)
        places = [
            (row, topic, (topic + 1 + number % others) % len(rows) if len(rows) > 1 else -1)
            for topic, own in enumerate(rows)
            for number, row in enumerate(own)
        ]
        places += [(row, -1, 0) for row in contrast]
        # Readers take rows in ascending length.
        places.sort(key=lambda place: (len(place[0]), place))
        self._rows = [row for row, _, _ in places]
        self._ensembles = self._members([own for _, own, _ in places])
        self._contrasts = self._members([other for _, _, other in places])
        self._owners = torch.tensor([[own, other] for _, own, other in places], device=reader.device)

    def run(self) -> list[list[Phrase]]:
        """Distinct phrases of each topic, best first."""
        config = self._config
        found: list[dict[str, Phrase]] = [{} for _ in range(self._n_topics)]
        states = self._reader.states(self._rows, max_new_tokens=2 * config.beam_width * config.phrase_tokens)
        beams = [self._first(*log_probs) for log_probs in zip(*self._first_log_probs(states), strict=True)]
        for length in range(1, config.phrase_tokens + 1):
            after = self._log_probs(self._follow(beams))
            for topic, (beam, own, other) in enumerate(zip(beams, *after, strict=True)):
                for phrase in self._ended(beam, own, other):
                    best = found[topic].get(phrase.text.casefold())
                    if best is None or best.score < phrase.score:
                        found[topic][phrase.text.casefold()] = phrase
                if length < config.phrase_tokens:
                    beams[topic] = self._next(beam, own, other)
        return [sorted(one.values(), key=lambda phrase: (-phrase.score, phrase.text)) for one in found]

    def _members(self, topics: Sequence[int]) -> list[Int[Tensor, " members"]]:
        of = torch.tensor(topics, device=self._reader.device)
        return [(of == topic).nonzero()[:, 0] for topic in range(self._n_topics)]

    def _first_log_probs(self, states: Float[Tensor, "docs width"]) -> Float[Tensor, "2 topics vocab"]:
        """Log probabilities of the first token: of the topic's documents, and of all others."""
        total = states.sum(dim=0)
        sums = torch.stack([states[members].sum(dim=0) for members in self._ensembles])
        counts = torch.tensor([[len(members)] for members in self._ensembles], device=states.device)
        pooled = torch.stack([sums / counts, (total - sums) / (len(states) - counts)])
        return self._reader.head.log_probs(pooled.flatten(0, 1)).unflatten(0, pooled.shape[:2])

    def _first(self, own: Float[Tensor, " vocab"], other: Float[Tensor, " vocab"]) -> _Beam:
        values = self._values(own[None], other[None])[0]
        best = values.masked_fill(~self._spelling.begins, -torch.inf).topk(self._config.beam_width)
        tokens = [[token] for token in best.indices.tolist()]
        return _Beam(tokens, torch.ones_like(best.indices), best.values, [-1] * len(tokens))

    def _next(self, beam: _Beam, own: Float[Tensor, "beam vocab"], other: Float[Tensor, "beam vocab"]) -> _Beam:
        spelling, config = self._spelling, self._config
        full = beam.words >= config.max_words
        allowed = spelling.continues | (spelling.starts & ~full[:, None])
        values = self._values(own, other).masked_fill(~allowed, -torch.inf) + beam.scores[:, None]
        best = values.flatten().topk(config.beam_width)
        parents, tokens = best.indices // values.shape[1], best.indices % values.shape[1]
        words = beam.words[parents] + spelling.starts[tokens]
        rows = [[*beam.tokens[parent], token] for parent, token in zip(parents.tolist(), tokens.tolist(), strict=True)]
        return _Beam(rows, words, best.values, parents.tolist())

    def _values(self, own: Float[Tensor, "beam vocab"], other: Float[Tensor, "beam vocab"]) -> Float[Tensor, "b v"]:
        """Contrastive scores of the next token; -inf for tokens that the ensemble finds implausible."""
        floor = own.amax(dim=1, keepdim=True) + self._config.plausibility_log_ratio
        return (own - self._config.contrast * other).masked_fill(own < floor, -torch.inf)

    def _ended(self, beam: _Beam, own: Float[Tensor, "beam vocab"], other: Float[Tensor, "b v"]) -> Iterator[Phrase]:
        """The hypotheses as phrases, with the score of an end after each, per token.

        An end that the ensemble finds implausible is none: with the contrast, which finds it implausible as well, half
        a phrase would score as high as a whole one.
        """
        ends = self._spelling.ends
        end = own[:, ends].logsumexp(dim=1)
        stop = end - self._config.contrast * other[:, ends].logsumexp(dim=1)
        stop = stop.masked_fill(end < self._config.end_log_probability, -torch.inf)
        for tokens, score in zip(beam.tokens, (beam.scores + stop).tolist(), strict=True):
            if score > -np.inf:
                yield Phrase(self._spelling.text(tokens), score / (len(tokens) + 1))

    def _follow(self, beams: Sequence[_Beam]) -> Float[Tensor, "docs both width"]:
        """States after the last tokens of all hypotheses: after each document its own topic's, then the other's."""
        device, width = self._reader.device, self._config.beam_width
        # The last row belongs to no topic: documents without one follow any tokens.
        tokens = torch.tensor([[row[-1] for row in beam.tokens] for beam in beams], device=device)
        parents = torch.tensor([beam.parents for beam in beams], device=device)
        begin = self._reader.n_appended - 2 * width
        places = torch.stack([parents, parents + width])
        places = torch.where(parents < 0, -1, places + begin)
        own, other = self._owners.T
        follow = torch.cat([tokens[own], tokens[other]], dim=1)
        return self._reader.branch(follow, torch.cat([places[0][own], places[1][other]], dim=1))

    def _log_probs(self, after: Float[Tensor, "docs both width"]) -> Float[Tensor, "2 topics beam vocab"]:
        """Log probabilities of the next token after each hypothesis: of the ensemble, and of the contrast."""
        width = self._config.beam_width
        pooled = torch.stack([
            torch.stack([after[members, part].mean(dim=0) for members in groups])
            for groups, part in ((self._ensembles, slice(0, width)), (self._contrasts, slice(width, None)))
        ])  # fmt: skip
        return self._reader.head.log_probs(pooled.flatten(0, 2)).unflatten(0, pooled.shape[:3])
