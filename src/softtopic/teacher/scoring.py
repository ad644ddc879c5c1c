"""From the states of a language model to log probabilities of the vocabulary's words.

`FirstTokens` is the published way: a word's score is that of its first token. `WholeWords` gives the probability that
the word itself comes next and ends there, in any of its spellings.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from softtopic.lm.engine import Reader
from softtopic.lm.tokens import first_tokens
from softtopic.teacher.questions import Answer
from softtopic.teacher.trie import WordTree

# Bytes that the scores of one batch may take, float64, all nodes and words of all its documents.
_ROOM = 1 << 29

# Documents and pairs of state and token for which what is left of that is worked out at a time.
_DOCUMENTS = 256
_PAIRS = 1 << 14

# The least probability of a word, so that its logarithm can be stored in float16.
_LEAST = 1e-300


def levels_followed(branches: int) -> int:
    """How many tokens deep a spelling is followed: a quarter as many nodes at each level, while any are left."""
    return (branches.bit_length() + 1) // 2


class Scorer(ABC):
    """Scores the vocabulary after each document of a batch."""

    room: int = 0  # how many tokens it follows after each document

    @property
    def documents(self) -> int | None:
        """How many documents a batch may hold; None: as many as are read together."""
        return None

    @abstractmethod
    def __call__(self, reader: Reader, answer: Answer) -> Float[Tensor, "docs vocab"]:
        """Log probabilities, normalised over the vocabulary; the reader has just given this answer."""


@final
class FirstTokens(Scorer):
    """log softmax over the words of the logits of their first tokens."""

    def __init__(self, tokenizer: Any, words: Sequence[str], device: torch.device) -> None:
        tokens, places = np.unique(first_tokens(tokenizer, words), return_inverse=True)
        self._tokens = torch.from_numpy(tokens).to(device)
        self._places = torch.from_numpy(places).to(device)

    def __call__(self, reader: Reader, answer: Answer) -> Float[Tensor, "docs vocab"]:
        logits = reader.head.some(answer.states, self._tokens)
        return torch.log_softmax(logits[:, self._places], dim=1)


@final
class WholeWords(Scorer):
    """The chain of a word's tokens and of an end after them, summed over its spellings.

    After each document the `branches` likeliest first tokens are followed, a quarter as many of their continuations,
    and so on: there the numbers are the language model's own. What a node not followed has in probability goes to the
    words below it in the shares they have after a prompt without a document.
    """

    def __init__(self, tree: WordTree, branches: int, blank: Reader, budget: int) -> None:
        """`blank` is a reader whose prefix is a whole prompt without a document."""
        self._tree = tree
        self._device = blank.device
        self._tokens, self._parents, self._words, self._children = (
            torch.from_numpy(part).to(self._device) for part in (tree.tokens, tree.parents, tree.words, tree.children)
        )
        # How many nodes of each level are followed: most of what can be told apart is told by the first.
        levels = tree.levels[: levels_followed(branches)]
        self._counts = [min(branches >> 2 * depth, level.stop - level.start) for depth, level in enumerate(levels)]
        self.room = sum(self._counts)
        self._shares = self._learn(blank, budget)

    @property
    def documents(self) -> int:
        """The masses of all nodes, three copies of the roots' and five of the words' scores fit into `_ROOM`."""
        numbers = len(self._tree) + 3 * self._tree.levels[0].stop + 5 * self._tree.n_words
        return max(1, _ROOM // (8 * numbers))

    def _learn(self, blank: Reader, budget: int) -> "_Shares":
        paths = self._tree.paths
        ending = torch.empty(len(paths), dtype=torch.float64, device=self._device)
        whole = torch.empty_like(ending)
        steps = torch.zeros_like(ending)
        for batch in blank.batches([len(path) for path in paths], budget):
            states = blank.states([paths[node] for node in batch])
            totals = blank.head.totals(states)
            whole[batch], ending[batch] = totals.whole.double(), totals.ending.double()
            pair, below = self._below(torch.tensor(batch, device=self._device))
            steps[below] = self._steps(blank, states, totals.whole, pair, below)
        return _Shares.of(self._parents, self._words, steps.exp(), (ending - whole).exp())

    def _below(self, nodes: Int[Tensor, " nodes"]) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
        """Every child of some nodes: whose child it is, by its place among them, and which node it is."""
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
        parts = zip(pair.split(_PAIRS), below.split(_PAIRS), strict=True)
        logits = torch.cat([reader.head.own(states[some], self._tokens[nodes]) for some, nodes in parts])
        return (logits - whole[pair]).double()

    def __call__(self, reader: Reader, answer: Answer) -> Float[Tensor, "docs vocab"]:
        tree, states = self._tree, answer.states
        roots = tree.levels[0].stop
        logits = reader.head.some(states, self._tokens[:roots]).double()
        # Probability of arriving at a node, up to a factor for each document; 0 once it is spent on what follows.
        mass = torch.zeros(len(states), len(tree), dtype=torch.float64, device=self._device)
        mass[:, :roots] = (logits - logits.amax(dim=1, keepdim=True)).exp_()
        found = torch.zeros(len(states), tree.n_words, dtype=torch.float64, device=self._device)
        before: Int[Tensor, "docs branches"] | None = None
        last = answer.last[:, None]
        for level, count in zip(tree.levels, self._counts, strict=False):
            here = mass[:, level]
            if not here.any():
                break
            chosen = here.topk(count, dim=1).indices + level.start
            place = last.expand(-1, count)
            if before is not None:
                same = self._parents[chosen][:, :, None] == before[:, None, :]
                known = reader.followed - before.shape[1] + same.int().argmax(dim=2)
                place = torch.where(same.any(dim=2), known, place)
            after = reader.follow(self._tokens[chosen], place)
            self._spend(mass, found, chosen, after, reader)
            before = chosen
        found += self._shares.spread(mass, tree.n_words)
        # A word may share all its spellings with another.
        found.clamp_min_(_LEAST)
        return (found.log() - found.sum(dim=1, keepdim=True).log()).float()

    def _spend(self, mass: Tensor, found: Tensor, chosen: Tensor, after: Tensor, reader: Reader) -> None:
        """Move the mass of nodes followed to the words that end there and to the nodes below."""
        own = mass.gather(1, chosen).flatten()
        mass.scatter_(1, chosen, 0.0)
        states = after.flatten(0, 1)
        totals = reader.head.totals(states)
        nodes = chosen.flatten()
        documents = torch.arange(len(chosen), device=self._device).repeat_interleave(chosen.shape[1])
        ends = own * (totals.ending - totals.whole).double().exp() * (self._words[nodes] >= 0)
        found.index_put_((documents, self._words[nodes].clamp_min(0)), ends, accumulate=True)
        pair, below = self._below(nodes)
        steps = self._steps(reader, states, totals.whole, pair, below).exp()
        mass.index_put_((documents[pair], below), own[pair] * steps, accumulate=True)


class _Shares(NamedTuple):
    """How the probability of arriving at a node is divided among the words at and below it."""

    nodes: Int[Tensor, " entries"]
    words: Int[Tensor, " entries"]
    shares: Float64[Tensor, " entries"]

    @classmethod
    def of(
        cls,
        parents: Int[Tensor, " nodes"],
        words: Int[Tensor, " nodes"],
        step: Float64[Tensor, " nodes"],
        end: Float64[Tensor, " nodes"],
    ) -> "_Shares":
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

    def spread(self, mass: Float64[Tensor, "docs nodes"], n_words: int) -> Float64[Tensor, "docs vocab"]:
        """The mass left at nodes as probabilities of words."""
        found = torch.zeros(n_words, len(mass), dtype=mass.dtype, device=mass.device)
        for own, part in zip(found.split(_DOCUMENTS, dim=1), mass.split(_DOCUMENTS), strict=True):
            own.index_add_(0, self.words, part.T[self.nodes] * self.shares[:, None])
        return found.T
