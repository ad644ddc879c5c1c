"""Demonstrations chosen without labels: a prompt is as good as what it says alike of documents that are alike.

Candidates are ready-made prompts and examples from the corpus itself: documents near the middle of a group, with the
word the language model expects of the whole group. All are read on one sample of documents and their neighbours by
shared words. A prompt's score is how often it labels a document more like its neighbour than like a random document.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

from softtopic.teacher.model import Teacher, TeacherOutput
from softtopic.teacher.prompt import PROMPTS, Prompt
from softtopic.types import DocVocab
from softtopic.vocabulary import Vocabulary

log = logging.getLogger(__name__)

# Words of an example: long ones cost reading for every document.
EXAMPLE_WORDS = 30
# Examples in a prompt, and how many drawings of each size are tried.
SIZES = (4, 8)
DRAWINGS = 3
# Another prompt than the given one must be better by this much: about the spread of a score.
MARGIN = 0.005

_POOL = 20_000  # documents among which neighbours are looked for
_NEIGHBOURS = 3
_ALIKE = 0.95  # nearer documents are the same text in another guise
_RANDOM = 50


@dataclass(frozen=True)
class Tried:
    """A prompt and its score."""

    name: str
    prompt: Prompt
    agreement: float  # share of random documents labelled less alike than a neighbour, in [0, 1]; .5 is chance


class _Sample(NamedTuple):
    texts: list[str]
    pairs: Int[np.ndarray, "pairs 2"]  # places of an anchor and of one neighbour
    others: Int[np.ndarray, "pairs random"]  # places of documents of other anchors


def choose_prompt(
    texts: Sequence[str],
    vocabulary: Vocabulary,
    teacher: Callable[[Prompt], Teacher],
    *,
    given: Prompt = Prompt(),
    tokens: int = 16_000,
) -> list[Tried]:
    """All prompts tried, the chosen one first.

    Args:
        texts: distinct documents.
        vocabulary: the topic words; examples are answered with them.
        teacher: a teacher for a prompt.
        given: what is kept where nothing is better.
        tokens: about how many tokens of documents are read for each candidate.

    """
    rng = np.random.default_rng(0)
    sample = _draw(texts, teacher(given), tokens, rng)
    known: list[tuple[Tried, TeacherOutput]] = []

    def attempt(name: str, prompt: Prompt) -> None:
        if prompt in [tried.prompt for tried, _ in known]:
            return
        output = teacher(prompt).read(sample.texts, vocabulary)
        known.append((Tried(name, prompt, agreement(output.log_probs, sample)), output))
        log.info("%s: %.3f", name, known[-1][0].agreement)

    attempt("given", given)
    attempt("four-shot", PROMPTS["four-shot"])
    for generation in range(2):
        _, output = known[0] if generation == 0 else max(known, key=lambda pair: pair[0].agreement)
        for size in SIZES:
            for drawing in range(DRAWINGS if generation == 0 else 2):
                shown = examples(sample.texts, output, vocabulary, size, seed=10 * generation + drawing)
                attempt(f"{size} of its own, {generation}.{drawing}", Prompt(PROMPTS["four-shot"].instruction, shown))
    ranked = sorted((tried for tried, _ in known), key=lambda tried: -tried.agreement)
    if ranked[0].agreement < known[0][0].agreement + MARGIN:
        ranked.insert(0, ranked.pop(ranked.index(known[0][0])))
    return ranked


def examples(
    texts: Sequence[str], output: TeacherOutput, vocabulary: Vocabulary, size: int, seed: int
) -> tuple[tuple[str, str], ...]:
    """`size` documents, each from another group of the hidden states, with the word that sets its group apart."""
    states = normalize(StandardScaler().fit_transform(output.hidden.astype(np.float32)))
    groups = KMeans(size, n_init=3, random_state=seed).fit(states)
    scores = _calibrated(output.log_probs)
    likely = np.log(softmax(scores, axis=1) + 1e-6)
    found: list[tuple[str, str]] = []
    for group in np.argsort(-np.bincount(groups.labels_, minlength=size), kind="stable"):
        members = np.flatnonzero(groups.labels_ == group)
        order = np.argsort(-scores[members].mean(axis=0), kind="stable")
        used = {word for _, word in found}
        word = next(word for word in order if vocabulary.words[word] not in used)
        near = states[members] @ groups.cluster_centers_[group]
        says = likely[members, word]
        chosen = members[np.argmax(near / (near.std() + 1e-9) + says / (says.std() + 1e-9))]
        found.append((" ".join(texts[chosen].split()[:EXAMPLE_WORDS]), vocabulary.words[word]))
    return tuple(found)


def agreement(log_probs: DocVocab, sample: _Sample) -> float:
    """How often a document's label is more like its neighbour's than like a random document's (area under the curve).

    Labels are calibrated, at temperature 1; likeness is the Bhattacharyya coefficient.
    """
    roots = np.sqrt(softmax(_calibrated(log_probs), axis=1))
    anchors, neighbours = sample.pairs.T
    near = np.einsum("pv,pv->p", roots[anchors], roots[neighbours])
    far = np.stack([np.einsum("pv,pv->p", roots[anchors], roots[column]) for column in sample.others.T], axis=1)
    return float(((near[:, None] > far) + 0.5 * (near[:, None] == far)).mean())


def _calibrated(log_probs: DocVocab) -> Float[np.ndarray, "docs vocab"]:
    scores = log_probs.astype(np.float32)
    return scores - scores.mean(axis=0)


def _draw(texts: Sequence[str], teacher: Teacher, tokens: int, rng: np.random.Generator) -> _Sample:
    """Documents from all over the corpus and their neighbours, about `tokens` tokens."""
    pool = np.sort(rng.permutation(len(texts))[:_POOL])
    weights = TfidfVectorizer(sublinear_tf=True, min_df=2, max_df=0.3).fit_transform([texts[place] for place in pool])
    space = normalize(TruncatedSVD(min(100, weights.shape[1] - 1), random_state=0).fit_transform(weights))
    mean = np.mean([len(row) for row in teacher.rows([texts[place] for place in pool[:200]])])
    anchors = rng.permutation(len(pool))[: max(32, round(tokens / mean / 3))]
    near, ids = NearestNeighbors(n_neighbors=min(len(pool), 3 * _NEIGHBOURS)).fit(space).kneighbors(space[anchors])
    alike = 1 - near**2 / 2
    pairs = [
        (anchor, other)
        for anchor, row, likeness in zip(anchors, ids, alike, strict=True)
        for other in [o for o, a in zip(row, likeness, strict=True) if o != anchor and 0.1 < a < _ALIKE][:_NEIGHBOURS]
    ]
    places, inverse = np.unique(np.array(pairs).ravel(), return_inverse=True)
    others = rng.integers(0, len(places), (len(pairs), _RANDOM))
    return _Sample([texts[pool[place]] for place in places], inverse.reshape(-1, 2), others)
