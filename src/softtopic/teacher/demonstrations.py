"""Demonstrations chosen without labels: a good prompt gives similar documents similar soft labels.

Candidates are predefined prompts and prompts with demonstrations from the corpus: documents near the centres of
clusters, each with the word the language model expects of the whole cluster. All candidates read one sample of
documents and their nearest neighbours in latent semantic space. The score of a candidate is the probability that a
document's soft label is more similar to that of a neighbour than to that of a random document. The chosen prompt is
used besides the given ones, and their soft labels are mixed.
"""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
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
from softtopic.storage.progress import Progress, RunClock, Step
from softtopic.teacher.base import Features
from softtopic.teacher.calibration import Calibration
from softtopic.teacher.config import DemonstrationConfig
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import Prompt, predefined_prompts
from softtopic.types import DocVocab

log = logging.getLogger(__name__)

# Raise it when the same corpus would be given another prompt.
VERSION = 2

# Words less probable than this count as equally improbable when a document is chosen for a word.
_MIN_PROBABILITY = 1e-6

# Documents read to measure the speed, after as many half have warmed the language model up.
_TIMED_DOCUMENTS = 128


@dataclass(frozen=True)
class Candidate:
    """A prompt and its score."""

    name: str
    prompt: Prompt
    agreement: float  # in [0, 1]; 0.5 is chance, see `agreement`


class _Sample(NamedTuple):
    """Documents on which candidates are compared."""

    texts: list[str]
    pairs: Int[np.ndarray, "pairs 2"]  # a document and one of its neighbours
    others: Int[np.ndarray, "pairs random"]  # random documents


def with_demonstrations(
    teacher: Teacher,
    corpus: Corpus,
    vocabulary: Vocabulary,
    config: DemonstrationConfig = DemonstrationConfig(),
    *,
    progress: bool | RunClock = False,
) -> Teacher:
    """The teacher with the prompt that suits a corpus best besides its own.

    The choice is kept in the cache folder: it is made once for a corpus, a vocabulary, a teacher and a configuration.

    Parameters
    ----------
    teacher : Teacher
        Its own prompts stay; where no candidate is better they stay alone.
    corpus : Corpus
        Its distinct documents, in any order.
    vocabulary : Vocabulary
        Topic words; demonstrations are answered with them.
    config : DemonstrationConfig
        Settings of the choice.
    progress : bool or RunClock, default False
        Show a progress bar.

    Returns
    -------
    Teacher
        Each document is read once for each prompt; soft labels are mixed, hidden states averaged.
    """
    path = _cache_path(teacher, corpus, vocabulary, config)
    if (cached := _read_cached(path)) is not None:
        return _with_prompt(teacher, cached)
    ranked = rank_prompts(corpus.distinct.texts, vocabulary, teacher, config, progress=progress)
    best = ranked[0]
    log.info("prompt: %s", "the given one" if best.prompt in teacher.prompts else best.name)
    for text, word in best.prompt.demonstrations:
        log.info("  %s → %s", text, word)
    scores = [{"name": one.name, "agreement": one.agreement, "prompt": one.prompt.description} for one in ranked]
    record = json.dumps({"prompt": best.prompt.description, "candidates": scores}, ensure_ascii=False, indent=1)
    try:
        with staged_file(path) as staging:
            staging.write_text(record, encoding="utf-8")
    except DiskError as error:
        log.warning("the choice of demonstrations is not kept: %s", error)
    return _with_prompt(teacher, best.prompt)


def expected_teacher(
    teacher: Teacher, corpus: Corpus, vocabulary: Vocabulary, config: DemonstrationConfig = DemonstrationConfig()
) -> Teacher:
    """A teacher that costs what that of `with_demonstrations` will: the same, or one with a prompt of usual length."""
    usual = Prompt("Name each document's topic with a lowercase word.", _four_shot(teacher).demonstrations)
    return _with_prompt(teacher, _read_cached(_cache_path(teacher, corpus, vocabulary, config)) or usual)


def selection_seconds(
    teacher: Teacher, corpus: Corpus, vocabulary: Vocabulary, config: DemonstrationConfig = DemonstrationConfig()
) -> float:
    """Expected time of `with_demonstrations` in seconds, from reading some documents; 0 where the choice is kept."""
    if _read_cached(_cache_path(teacher, corpus, vocabulary, config)) is not None:
        return 0.0
    texts = corpus.distinct.texts
    reader = _screening_teacher(teacher, config).with_prompts(_four_shot(teacher))
    reader.read(texts[:: max(1, 2 * len(texts) // _TIMED_DOCUMENTS)], vocabulary)
    part = texts[:: max(1, len(texts) // _TIMED_DOCUMENTS)]
    start = time.perf_counter()
    reader.read(part, vocabulary)
    rate = (time.perf_counter() - start) / sum(len(row) for row in reader.token_ids(part))
    return rate * config.n_candidates * tokens_per_candidate(texts, reader, config)


def rank_prompts(
    texts: Sequence[str],
    vocabulary: Vocabulary,
    teacher: Teacher,
    config: DemonstrationConfig = DemonstrationConfig(),
    *,
    progress: bool | RunClock = False,
) -> list[Candidate]:
    """Score prompts on a corpus.

    Parameters
    ----------
    texts : sequence of str
        Distinct documents. The sample is drawn by position.
    vocabulary, teacher, config, progress
        As in `with_demonstrations`; the prompts of the teacher are the ones to improve on.

    Returns
    -------
    list of Candidate
        The chosen prompt first, the others by their scores.
    """
    reader = _screening_teacher(teacher, config)
    reader.open()
    sample = _draw_sample(texts, reader, config)
    if sample is None:
        log.info("too few documents share words to compare prompts; the given one stays")
        return [Candidate("given", teacher.prompts[0], 0.5)]
    with Progress(Step.CHOOSE_PROMPT, config.n_candidates - 1 + len(teacher.prompts), "prompt", show=progress) as bar:
        search = _Search(teacher, reader, vocabulary, sample, bar)
        for prompt in teacher.prompts:
            search.score("given", prompt)
        given = search.best
        four_shot = _four_shot(teacher)
        search.score("four-shot", four_shot)
        for generation, n_draws in enumerate(config.draws):
            output = search.scored[(search.best if generation else given).prompt][1]
            for size in (size for size in config.sizes if size <= min(len(sample.texts), len(vocabulary))):
                for draw in range(n_draws):
                    seed = 10 * generation + draw
                    examples = select_demonstrations(sample.texts, output, vocabulary, size, seed, config.max_words)
                    prompt = replace(four_shot, demonstrations=examples, from_corpus=True)
                    search.score(f"{size} demonstrations", prompt)
    ranked = sorted((candidate for candidate, _ in search.scored.values()), key=lambda one: -one.agreement)
    if ranked[0].agreement < given.agreement + config.min_gain:
        ranked.remove(given)
        ranked.insert(0, given)
    return ranked


def _four_shot(teacher: Teacher) -> Prompt:
    """The prompt "four-shot" in the language of the teacher's prompts."""
    return predefined_prompts(teacher.prompts[0].language)["four-shot"]


@dataclass
class _Search:
    """Reads the sample with one prompt after another."""

    teacher: Teacher  # the one that will read the corpus
    reader: Teacher  # the one that reads the sample
    vocabulary: Vocabulary
    sample: _Sample
    bar: Progress
    scored: dict[Prompt, tuple[Candidate, Features]] = field(default_factory=dict)

    def score(self, name: str, prompt: Prompt) -> None:
        if prompt not in self.scored and (not self.scored or self.teacher.fits_context(prompt)):
            output = self.reader.with_prompts(prompt).read(self.sample.texts, self.vocabulary)
            self.scored[prompt] = Candidate(name, prompt, agreement(output.log_probs, self.sample)), output
        self.bar.advance(1)

    @property
    def best(self) -> Candidate:
        return max((candidate for candidate, _ in self.scored.values()), key=lambda one: one.agreement)


def select_demonstrations(
    texts: Sequence[str], output: Features, vocabulary: Vocabulary, size: int, seed: int, max_words: int
) -> tuple[tuple[str, str], ...]:
    """Documents as demonstrations, one from each cluster of hidden states.

    Parameters
    ----------
    texts : sequence of str
        Documents.
    output : Features
        What a teacher made of them.
    vocabulary : Vocabulary
        The words scored.
    size : int
        Number of clusters.
    seed : int
        Of k-means.
    max_words : int
        Words of a document that are shown.

    Returns
    -------
    tuple of (str, str)
        The beginning of a document and the word that distinguishes its cluster, largest cluster first.
    """
    states = normalize(StandardScaler().fit_transform(output.hidden.astype(np.float32)))
    clusters: Any = KMeans(size, n_init=3, random_state=seed).fit(states)  # type: ignore[arg-type]
    scores = _calibrated(output.log_probs)
    bounded = np.maximum(scores, np.log(_MIN_PROBABILITY))
    examples: list[tuple[str, str]] = []
    for cluster in np.argsort(-np.bincount(clusters.labels_, minlength=size), kind="stable"):
        members = np.flatnonzero(clusters.labels_ == cluster)
        by_probability = np.argsort(-scores[members].mean(axis=0), kind="stable")
        used = {word for _, word in examples}
        word = next(word for word in by_probability if vocabulary.words[word] not in used)
        similarity = states[members] @ clusters.cluster_centers_[cluster]
        log_prob = bounded[members, word]
        best = members[np.argmax(similarity / (similarity.std() + 1e-9) + log_prob / (log_prob.std() + 1e-9))]
        examples.append((" ".join(texts[int(best)].split()[:max_words]), vocabulary.words[word]))
    return tuple(examples)


def agreement(log_probs: DocVocab, sample: _Sample) -> float:
    """Probability that a label is more similar to a neighbour's than to a random document's (area under the curve).

    Labels are calibrated on the sample, at temperature 1; similarity is the Bhattacharyya coefficient. In [0, 1].
    """
    roots = np.exp(_calibrated(log_probs) / 2)
    documents, neighbors = sample.pairs.T
    near = np.einsum("pv,pv->p", roots[documents], roots[neighbors])
    far = np.stack([np.einsum("pv,pv->p", roots[documents], roots[column]) for column in sample.others.T], axis=1)
    return float(((near[:, None] > far) + 0.5 * (near[:, None] == far)).mean())


def tokens_per_candidate(texts: Sequence[str], teacher: Teacher, config: DemonstrationConfig) -> float:
    """About how many tokens of documents are read for each candidate."""
    tokens = config.reading_share * len(texts) * _mean_length(texts, teacher) / config.n_candidates
    return float(np.clip(tokens, config.min_sample_tokens, config.max_sample_tokens))


def _mean_length(texts: Sequence[str], teacher: Teacher) -> float:
    return float(np.mean([len(row) for row in teacher.token_ids(texts[:: max(1, len(texts) // 200)])]))


def _screening_teacher(teacher: Teacher, config: DemonstrationConfig) -> Teacher:
    """A cheaper teacher that ranks prompts in much the same way."""
    max_tokens = min(teacher.config.max_tokens, config.max_tokens)
    return teacher.with_settings(beam_width=0, max_tokens=max_tokens, truncation="head")


def _draw_sample(texts: Sequence[str], teacher: Teacher, config: DemonstrationConfig) -> _Sample | None:
    """Documents from the whole corpus and their neighbours; None where too few share words."""
    rng = np.random.default_rng(0)
    pool = [texts[int(place)] for place in np.sort(rng.permutation(len(texts))[: config.pool_size])]
    space = _latent_space(pool, config)
    if space is None:
        return None
    size = tokens_per_candidate(texts, teacher, config) / _mean_length(texts, teacher)
    count = max(config.min_documents, round(size / (1 + config.n_neighbors)))
    documents = rng.permutation(len(pool))[:count]
    reach = min(len(pool), max(2 * config.n_neighbors, round(config.neighborhood * len(pool))))
    distances, near = NearestNeighbors(n_neighbors=reach).fit(space).kneighbors(space[documents])
    similarity = 1 - distances**2 / 2
    eligible = (similarity > config.min_similarity) & (similarity < config.max_similarity)
    eligible &= near != documents[:, None]
    pairs = [
        (document, neighbor)
        for document, row, fits in zip(documents, near, eligible, strict=True)
        for neighbor in rng.permutation(row[fits])[: config.n_neighbors]
    ]
    if len(pairs) < config.min_pairs:
        return None
    places, inverse = np.unique(np.array(pairs).ravel(), return_inverse=True)
    others = rng.integers(0, len(places), (len(pairs), config.n_random))
    return _Sample([pool[place] for place in places.tolist()], inverse.reshape(-1, 2), others)


def _latent_space(pool: Sequence[str], config: DemonstrationConfig) -> Float[np.ndarray, "docs width"] | None:
    """L2-normalised vectors of latent semantic analysis."""
    try:
        bounds = {"min_df": config.min_document_count, "max_df": config.max_document_frequency}
        weights = TfidfVectorizer(sublinear_tf=True, **bounds).fit_transform(pool)
    except ValueError:
        return None
    width = min(config.n_components, weights.shape[1] - 1, len(pool) - 1)
    if width < 2:
        return None
    return np.asarray(normalize(TruncatedSVD(width, random_state=0).fit_transform(weights)))


def _calibrated(log_probs: DocVocab) -> Float[np.ndarray, "docs vocab"]:
    return Calibration.fit(log_probs)(log_probs)


def _with_prompt(teacher: Teacher, prompt: Prompt) -> Teacher:
    return teacher.with_prompts(*dict.fromkeys((*teacher.prompts, prompt)))


def _cache_path(teacher: Teacher, corpus: Corpus, vocabulary: Vocabulary, config: DemonstrationConfig) -> Path:
    settings = [] if config == DemonstrationConfig() else [json.dumps(asdict(config))]
    key = [corpus.fingerprint, vocabulary.fingerprint, teacher.fingerprint, f"version {VERSION}", *settings]
    return cache_dir() / "prompts" / f"{fingerprint_strings(key)[:32]}.json"


def _read_cached(path: Path) -> Prompt | None:
    try:
        return Prompt.from_description(json.loads(path.read_text(encoding="utf-8"))["prompt"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
