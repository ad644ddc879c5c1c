"""From hidden states to log probabilities of the vocabulary's words.

`FirstTokenScorer` is the published way: a word's score is that of its first token. `WholeWordScorer` gives the
probability that the word itself comes next and ends there, in any of its spellings.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from softtopic.lm.engine import Reader
from softtopic.lm.parallel import parallel_map
from softtopic.lm.tokens import first_tokens
from softtopic.teacher.prompt_groups import PromptEnd
from softtopic.teacher.trie import Spelling, WordTrie

# Memory for the scores of one batch in bytes: float64, all nodes and words of all its documents.
_MAX_BYTES = 1 << 29

# Documents, and pairs of a state and a token, computed at a time.
_DOCUMENT_BLOCK = 256
_PAIR_BLOCK = 1 << 14

# Forms of spelling, such as words without a space before them, are scored from this share of the most probable form.
_MIN_FORM_SHARE = 0.01

# Lower bound of a word's probability: its logarithm must fit into float16.
_MIN_PROBABILITY = 1e-300


def beam_depth(beam_width: int) -> int:
    """Number of tokens to which spellings are followed: the beam is a quarter as wide at each level, down to 1."""
    return (beam_width.bit_length() + 1) // 2


def likely_forms(
    forms: Sequence[Sequence[Spelling]], logits: Callable[[Int[Tensor, " tokens"]], Float[Tensor, "prompts tokens"]]
) -> list[Sequence[Spelling]]:
    """The forms of spelling that are likely after at least one prompt, by the first tokens of all their words.

    Parameters
    ----------
    forms : sequence of sequence of tuple of int
        See `softtopic.teacher.trie.spell`.
    logits : callable
        Logits of tokens after each prompt without a document.
    """
    first = [torch.tensor(sorted({path[0] for path in form})) for form in forms]
    mass = torch.stack([logits(tokens).double().logsumexp(dim=1) for tokens in first])
    likely = (mass >= mass.amax(dim=0) + math.log(_MIN_FORM_SHARE)).any(dim=1)
    return [form for form, kept in zip(forms, likely.tolist(), strict=True) if kept]


class Scorer(ABC):
    """Scores the words of a vocabulary after each document of a batch."""

    n_followed: int = 0  # tokens it follows after each document

    @property
    def max_documents(self) -> int | None:
        """Maximum number of documents in a batch; None for no limit."""
        return None

    @abstractmethod
    def __call__(self, reader: Reader, end: PromptEnd) -> Float[Tensor, "docs vocab"]:
        """Log probabilities, normalised over the vocabulary; `end` is the last that the reader has read."""


@final
class FirstTokenScorer(Scorer):
    """Log softmax over the words, of the logits of their first tokens."""

    def __init__(self, tokenizer: Any, words: Sequence[str], device: torch.device) -> None:
        tokens, word_tokens = np.unique(first_tokens(tokenizer, words), return_inverse=True)
        self._tokens = torch.from_numpy(tokens).to(device)
        self._word_tokens = torch.from_numpy(word_tokens).to(device)

    def __call__(self, reader: Reader, end: PromptEnd) -> Float[Tensor, "docs vocab"]:
        logits = reader.head.logits(end.states, self._tokens)
        return torch.log_softmax(logits[:, self._word_tokens], dim=1)


@final
class WholeWordScorer(Scorer):
    """Probability of a word's tokens and of an end after them, summed over its spellings.

    After each document, the `beam_width` most probable first tokens are followed, a quarter as many of their
    continuations, and so on: there, probabilities are the language model's own. The probability of a node that is not
    followed is divided among the words at and below it in the proportions they have after a prompt without a document.

    Parameters
    ----------
    trie : WordTrie
        The spellings of the vocabulary.
    beam_width : int
        Number of first tokens followed.
    empty : Reader
        Its prefix is a whole prompt without a document.
    budget : int
        Number of tokens read together.
    """

    def __init__(self, trie: WordTrie, beam_width: int, empty: Reader, budget: int) -> None:
        self._trie = trie
        self._device = empty.device
        self._tokens, self._parents, self._words, self._children = (
            torch.from_numpy(part).to(self._device) for part in (trie.tokens, trie.parents, trie.words, trie.children)
        )
        # Most words are told apart by their first token: the beam narrows quickly.
        levels = trie.levels[: beam_depth(beam_width)]
        self._beam = [min(beam_width >> 2 * depth, level.stop - level.start) for depth, level in enumerate(levels)]
        self.n_followed = sum(self._beam)
        self._shares = self._fit_shares(empty, budget)

    @property
    def max_documents(self) -> int:
        """So many that all nodes, three copies of the roots and five of the words fit into the memory allowed."""
        numbers = len(self._trie) + 3 * self._trie.levels[0].stop + 5 * self._trie.n_words
        return max(1, _MAX_BYTES // (8 * numbers))

    def _fit_shares(self, empty: Reader, budget: int) -> "_WordShares":
        paths = self._trie.paths
        ending = torch.empty(len(paths), dtype=torch.float64, device=self._device)
        whole = torch.empty_like(ending)
        steps = torch.zeros_like(ending)

        def read(batch: list[int]) -> None:
            reader = empty.fork()
            states = reader.states([paths[node] for node in batch])
            totals = reader.head.log_partition(states)
            whole[batch], ending[batch] = totals.total.double(), totals.ending.double()
            pair, below = self._below(torch.tensor(batch, device=self._device))
            steps[below] = self._steps(reader, states, totals.total, pair, below)

        # Each batch writes to rows of its own.
        for _ in parallel_map(read, empty.batches([len(path) for path in paths], budget), self._device):
            pass
        return _WordShares.fit(self._parents, self._words, steps.exp(), (ending - whole).exp())

    def _below(self, nodes: Int[Tensor, " nodes"]) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
        """All children of some nodes: the position of the parent among these, and the child."""
        first, count = self._children[nodes].unbind(dim=1)
        pair = torch.arange(len(nodes), device=self._device).repeat_interleave(count)
        before = count.cumsum(0) - count
        return pair, first[pair] + torch.arange(len(pair), device=self._device) - before[pair]

    def _steps(
        self,
        reader: Reader,
        states: Float[Tensor, "states width"],
        whole: Float[Tensor, " states"],
        pair: Int[Tensor, " pairs"],
        below: Int[Tensor, " pairs"],
    ) -> Float64[Tensor, " pairs"]:
        """Log P(node | state) for pairs of a state and a node."""
        parts = zip(pair.split(_PAIR_BLOCK), below.split(_PAIR_BLOCK), strict=True)
        logits = torch.cat([reader.head.paired_logits(states[some], self._tokens[nodes]) for some, nodes in parts])
        return (logits - whole[pair]).double()

    def __call__(self, reader: Reader, end: PromptEnd) -> Float[Tensor, "docs vocab"]:
        trie, states = self._trie, end.states
        roots = trie.levels[0].stop
        logits = reader.head.logits(states, self._tokens[:roots]).double()
        # Probability of reaching a node, up to a factor for each document; 0 once it has been passed on.
        mass = torch.zeros(len(states), len(trie), dtype=torch.float64, device=self._device)
        mass[:, :roots] = (logits - logits.amax(dim=1, keepdim=True)).exp_()
        scores = torch.zeros(len(states), trie.n_words, dtype=torch.float64, device=self._device)
        before: Int[Tensor, "docs beam"] | None = None
        document = end.positions[:, None]
        for level, count in zip(trie.levels, self._beam, strict=False):
            here = mass[:, level]
            if not here.any():
                break
            chosen = here.topk(count, dim=1).indices + level.start
            parents = document.expand(-1, count)
            if before is not None:
                same = self._parents[chosen][:, :, None] == before[:, None, :]
                known = reader.n_appended - before.shape[1] + same.int().argmax(dim=2)
                parents = torch.where(same.any(dim=2), known, parents)
            after = reader.branch(self._tokens[chosen], parents)
            self._pass_on(mass, scores, chosen, after, reader)
            before = chosen
        scores += self._shares.distribute(mass, trie.n_words)
        # A word may share all its spellings with another.
        scores.clamp_min_(_MIN_PROBABILITY)
        return (scores.log() - scores.sum(dim=1, keepdim=True).log()).float()

    def _pass_on(self, mass: Tensor, scores: Tensor, chosen: Tensor, after: Tensor, reader: Reader) -> None:
        """Move the probability of nodes that were followed to the words that end there and to their children."""
        own = mass.gather(1, chosen).flatten()
        mass.scatter_(1, chosen, 0.0)
        states = after.flatten(0, 1)
        totals = reader.head.log_partition(states)
        nodes = chosen.flatten()
        documents = torch.arange(len(chosen), device=self._device).repeat_interleave(chosen.shape[1])
        ends = own * (totals.ending - totals.total).double().exp() * (self._words[nodes] >= 0)
        scores.index_put_((documents, self._words[nodes].clamp_min(0)), ends, accumulate=True)
        pair, below = self._below(nodes)
        steps = self._steps(reader, states, totals.total, pair, below).exp()
        mass.index_put_((documents[pair], below), own[pair] * steps, accumulate=True)


class _WordShares(NamedTuple):
    """How the probability of a node is divided among the words at and below it."""

    nodes: Int[Tensor, " entries"]
    words: Int[Tensor, " entries"]
    shares: Float64[Tensor, " entries"]

    @classmethod
    def fit(
        cls,
        parents: Int[Tensor, " nodes"],
        words: Int[Tensor, " nodes"],
        step: Float64[Tensor, " nodes"],
        end: Float64[Tensor, " nodes"],
    ) -> "_WordShares":
        """From the probability of each node after its parent, and of an end after each node."""
        at = (words >= 0).nonzero()[:, 0]
        word, share = words[at], end[at].clamp_min(1e-12)
        parts = []
        while len(at):
            parts.append((at, word, share))
            share, up = share * step[at], parents[at]
            inner = up >= 0
            at, word, share = up[inner], word[inner], share[inner]
        return cls(*(torch.cat(side) for side in zip(*parts, strict=True)))

    def distribute(self, mass: Float64[Tensor, "docs nodes"], n_words: int) -> Float64[Tensor, "docs vocab"]:
        """Probabilities of words from those of nodes."""
        scores = torch.zeros(n_words, len(mass), dtype=mass.dtype, device=mass.device)
        for own, part in zip(scores.split(_DOCUMENT_BLOCK, dim=1), mass.split(_DOCUMENT_BLOCK), strict=True):
            own.index_add_(0, self.words, part.T[self.nodes] * self.shares[:, None])
        return scores.T
