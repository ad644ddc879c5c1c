"""Demonstrations chosen without labels: a prompt is as good as what it says alike of documents that are alike.

Candidates are ready-made prompts and examples from the corpus itself: documents near the middle of a group, with the
word the language model expects of the whole group. All are read on one sample of documents and their neighbours by
shared words. A prompt's score is how often it labels a document more like its neighbour than like a random document.
The chosen prompt is asked beside the given ones: what one of them makes flat the other tells apart.
"""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

from softtopic.data.corpus import Corpus, fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import DiskError
from softtopic.storage.atomic import staged_file
from softtopic.storage.cache import cache_dir
from softtopic.storage.progress import Progress
from softtopic.teacher.base import TeacherOutput
from softtopic.teacher.calibration import Calibration
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import PROMPTS, Prompt
from softtopic.types import DocVocab

log = logging.getLogger(__name__)

# Raise it when the same corpus would be given another prompt.
VERSION = 2

# Words of an example: long ones cost reading for every document.
EXAMPLE_WORDS = 30
# Examples in a prompt, and how many drawings of each size are tried in two rounds.
SIZES = (4, 8)
DRAWINGS = (3, 2)  # with the words the given prompt finds, then with those of the best so far
CANDIDATES = 2 + sum(DRAWINGS) * len(SIZES)
# Tokens of documents read for each candidate: all together half of what the corpus will take, within these bounds.
TOKENS = (4_000, 16_000)
SHARE = 0.5
# Tokens of each document that are read.
LENGTH = 96
# Another prompt than the given ones must be better by this much: smaller gains came to nothing, or worse.
MARGIN = 0.03

_POOL = 20_000  # documents among which neighbours are looked for
_NEIGHBOURS = 3
_CIRCLE = 0.005  # share of the pool they are drawn from
_ALIKE = 0.95  # nearer documents are the same text in another guise
_RANDOM = 50
_LEAST = 20  # pairs below which nothing can be told

# Of the usual length, and no prompt that was given.
_ONE_MORE = Prompt("Name each document's topic with a lowercase word.", PROMPTS["four-shot"].demonstrations)


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


def with_demonstrations(teacher: Teacher, corpus: Corpus, vocabulary: Vocabulary, *, progress: bool = False) -> Teacher:
    """The teacher with the prompt that suits the corpus best beside its own, which stay alone where none is better.

    Labels and states are the means over all prompts; each document is read once for each. The choice is kept in the
    cache folder: it is made once for a corpus, a vocabulary and a teacher.
    """
    path = _path(teacher, corpus, vocabulary)
    if (kept := _kept(path)) is not None:
        return _beside(teacher, kept)
    ranked = choose_prompt(corpus.distinct.texts, vocabulary, teacher, progress=progress)
    chosen = ranked[0]
    log.info("prompt: %s", "as given" if chosen.prompt in teacher.prompts else chosen.name)
    for text, word in chosen.prompt.demonstrations:
        log.info("  %s → %s", text, word)
    tried = [{"name": one.name, "agreement": one.agreement, "prompt": one.prompt.description} for one in ranked]
    record = json.dumps({"prompt": chosen.prompt.description, "tried": tried}, ensure_ascii=False, indent=1)
    try:
        with staged_file(path) as staging:
            staging.write_text(record, encoding="utf-8")
    except DiskError as error:
        log.warning("the choice of examples is not kept: %s", error)
    return _beside(teacher, chosen.prompt)


def expected(teacher: Teacher, corpus: Corpus, vocabulary: Vocabulary) -> Teacher:
    """A teacher that costs about what that of `with_demonstrations` will: until the choice is made, a prompt more."""
    return _beside(teacher, _kept(_path(teacher, corpus, vocabulary)) or _ONE_MORE)


def _beside(teacher: Teacher, prompt: Prompt) -> Teacher:
    return teacher.asking(*dict.fromkeys((*teacher.prompts, prompt)))


def choice_seconds(teacher: Teacher, corpus: Corpus, vocabulary: Vocabulary) -> float:
    """What `with_demonstrations` will take, from reading a few documents; 0 where the choice is kept."""
    if _kept(_path(teacher, corpus, vocabulary)) is not None:
        return 0.0
    texts = corpus.distinct.texts
    quick = teacher.quick(max_tokens=min(teacher.max_tokens, LENGTH)).asking(PROMPTS["four-shot"])
    quick.read(texts[:: max(1, len(texts) // 64)], vocabulary)
    part = texts[:: max(1, len(texts) // 128)]
    start = time.perf_counter()
    quick.read(part, vocabulary)
    rate = (time.perf_counter() - start) / sum(len(row) for row in quick.rows(part))
    return rate * CANDIDATES * tokens_read(texts, quick)


def _path(teacher: Teacher, corpus: Corpus, vocabulary: Vocabulary) -> Path:
    key = fingerprint_strings([corpus.fingerprint, vocabulary.fingerprint, teacher.fingerprint, f"version {VERSION}"])
    return cache_dir() / "prompts" / f"{key[:32]}.json"


def _kept(path: Path) -> Prompt | None:
    try:
        return Prompt.described(json.loads(path.read_text(encoding="utf-8"))["prompt"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def choose_prompt(
    texts: Sequence[str], vocabulary: Vocabulary, teacher: Teacher, *, progress: bool = False
) -> list[Tried]:
    """All prompts tried, the chosen one first.

    Args:
        texts: distinct documents.
        vocabulary: the topic words; examples are answered with them.
        teacher: the best of its own prompts is the one to beat.
        progress: show a bar.

    """
    quick = teacher.quick(max_tokens=min(teacher.max_tokens, LENGTH))
    quick.open()
    sample = _draw(texts, quick, np.random.default_rng(0))
    if sample is None:
        log.info("too few documents share words to choose a prompt by; the given one stays")
        return [Tried("given", teacher.prompts[0], 0.5)]
    with Progress("choosing a prompt", CANDIDATES - 1 + len(teacher.prompts), "prompt", show=progress) as bar:
        search = _Search(quick, vocabulary, sample, bar, max_tokens=teacher.max_tokens + teacher.branches)
        for prompt in teacher.prompts:
            search.attempt("given", prompt)
        first = search.best
        search.attempt("four-shot", PROMPTS["four-shot"])
        # The first examples are answered by the best given prompt, the next by the best so far.
        for generation, drawings in enumerate(DRAWINGS):
            seen = search.known[(search.best if generation else first).prompt][1]
            for size in (size for size in SIZES if size <= min(len(sample.texts), len(vocabulary))):
                for seed in range(drawings):
                    shown = examples(sample.texts, seen, vocabulary, size, seed=10 * generation + seed)
                    search.attempt(f"{size} of its own", Prompt(PROMPTS["four-shot"].instruction, shown))
    ranked = sorted((tried for tried, _ in search.known.values()), key=lambda tried: -tried.agreement)
    if ranked[0].agreement < first.agreement + MARGIN:
        ranked.remove(first)
        ranked.insert(0, first)
    return ranked


@dataclass
class _Search:
    teacher: Teacher
    vocabulary: Vocabulary
    sample: _Sample
    bar: Progress
    max_tokens: int  # that must fit after a prompt
    known: dict[Prompt, tuple[Tried, TeacherOutput]] = field(default_factory=dict)

    def attempt(self, name: str, prompt: Prompt) -> None:
        if prompt not in self.known and (not self.known or self.teacher.fits(prompt, self.max_tokens)):
            output = self.teacher.asking(prompt).read(self.sample.texts, self.vocabulary)
            self.known[prompt] = Tried(name, prompt, agreement(output.log_probs, self.sample)), output
        self.bar.advance(1)

    @property
    def best(self) -> Tried:
        return max((tried for tried, _ in self.known.values()), key=lambda tried: tried.agreement)


def examples(
    texts: Sequence[str], output: TeacherOutput, vocabulary: Vocabulary, size: int, seed: int
) -> tuple[tuple[str, str], ...]:
    """`size` documents, each from another group of the hidden states, with the word that sets its group apart."""
    states = normalize(StandardScaler().fit_transform(output.hidden.astype(np.float32)))
    groups: Any = KMeans(size, n_init=3, random_state=seed).fit(states)  # type: ignore[arg-type]
    scores = _calibrated(output.log_probs)
    likely = np.maximum(scores, np.log(1e-6))
    found: list[tuple[str, str]] = []
    for group in np.argsort(-np.bincount(groups.labels_, minlength=size), kind="stable"):
        members = np.flatnonzero(groups.labels_ == group)
        order = np.argsort(-scores[members].mean(axis=0), kind="stable")
        used = {word for _, word in found}
        word = next(word for word in order if vocabulary.words[word] not in used)
        near = states[members] @ groups.cluster_centers_[group]
        says = likely[members, word]
        chosen = members[np.argmax(near / (near.std() + 1e-9) + says / (says.std() + 1e-9))]
        found.append((" ".join(texts[int(chosen)].split()[:EXAMPLE_WORDS]), vocabulary.words[word]))
    return tuple(found)


def agreement(log_probs: DocVocab, sample: _Sample) -> float:
    """How often a document's label is more like its neighbour's than like a random document's (area under the curve).

    Labels are calibrated, at temperature 1; likeness is the Bhattacharyya coefficient.
    """
    roots = np.exp(_calibrated(log_probs) / 2)
    anchors, neighbours = sample.pairs.T
    near = np.einsum("pv,pv->p", roots[anchors], roots[neighbours])
    far = np.stack([np.einsum("pv,pv->p", roots[anchors], roots[column]) for column in sample.others.T], axis=1)
    return float(((near[:, None] > far) + 0.5 * (near[:, None] == far)).mean())


def _calibrated(log_probs: DocVocab) -> Float[np.ndarray, "docs vocab"]:
    return Calibration.fit(log_probs)(log_probs)


def tokens_read(texts: Sequence[str], teacher: Teacher) -> int:
    """About how many tokens of documents `choose_prompt` reads for each candidate."""
    return round(_documents_read(texts, teacher) * _mean_length(texts, teacher))


def _documents_read(texts: Sequence[str], teacher: Teacher) -> float:
    mean = _mean_length(texts, teacher)
    return float(np.clip(SHARE * len(texts) * mean / CANDIDATES, *TOKENS)) / mean


def _mean_length(texts: Sequence[str], teacher: Teacher) -> float:
    return float(np.mean([len(row) for row in teacher.rows(texts[:: max(1, len(texts) // 200)])]))


def _draw(texts: Sequence[str], teacher: Teacher, rng: np.random.Generator) -> _Sample | None:
    """Documents from all over the corpus and their neighbours; None where too few share words."""
    pool = [texts[int(place)] for place in np.sort(rng.permutation(len(texts))[:_POOL])]
    try:
        weights = TfidfVectorizer(sublinear_tf=True, min_df=2, max_df=0.3).fit_transform(pool)
    except ValueError:
        return None
    width = min(100, weights.shape[1] - 1, len(pool) - 1)
    if width < 2:
        return None
    space = normalize(TruncatedSVD(width, random_state=0).fit_transform(weights))
    count = max(32, round(_documents_read(texts, teacher) / (1 + _NEIGHBOURS)))
    anchors = rng.permutation(len(pool))[:count]
    # Of one subject, not of one wording: neighbours are drawn from a wide circle.
    reach = min(len(pool), max(2 * _NEIGHBOURS, round(_CIRCLE * len(pool))))
    near, ids = NearestNeighbors(n_neighbors=reach).fit(space).kneighbors(space[anchors])
    alike = (1 - near**2 / 2 > 0.1) & (1 - near**2 / 2 < _ALIKE) & (ids != anchors[:, None])
    pairs = [
        (anchor, other)
        for anchor, row, fits in zip(anchors, ids, alike, strict=True)
        for other in rng.permutation(row[fits])[:_NEIGHBOURS]
    ]
    if len(pairs) < _LEAST:
        return None
    places, inverse = np.unique(np.array(pairs).ravel(), return_inverse=True)
    others = rng.integers(0, len(places), (len(pairs), _RANDOM))
    return _Sample([pool[place] for place in places.tolist()], inverse.reshape(-1, 2), others)
