"""Topic coherence: how often the words of a topic stand together in a reference corpus.

Formulas follow Röder, Both & Hinneburg (2015), "Exploring the Space of Topic Coherence Measures". A figure says
nothing without its reference, so every result names it.

A word that the reference never holds is taken as independent of all others: nothing speaks for it, and
nothing against but in UMass, where P(word | a better one) is then as small as it can be.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from softtopic.errors import InputError
from softtopic.metrics.cooccurrence import Counts, Windows
from softtopic.metrics.reference import Reference


def npmi(counts: Counts, epsilon: float) -> float:
    """Mean normalised pointwise mutual information of all pairs, in [-1, 1] (Bouma, 2009; Lau et al., 2014)."""
    return _mean_of_pairs(_npmi(counts, epsilon))


def uci(counts: Counts, epsilon: float) -> float:
    """Mean pointwise mutual information of all pairs, in nats (Newman et al., 2010)."""
    return _mean_of_pairs(_pmi(counts, epsilon))


def umass(counts: Counts, epsilon: float) -> float:
    """Mean log P(word | a word of better rank) over all pairs, in nats, at most about 0 (Mimno et al., 2011).

    Smoothed on the joint probability as the others are; Mimno et al. add 1 to the number of documents instead.
    """
    joint = counts.joint / counts.n_windows
    single = np.diag(joint)
    known = np.broadcast_to(single > 0, joint.shape)
    conditional = np.where(known, joint + epsilon, single[:, None] + epsilon) / np.where(known, single, 1.0)
    return _mean_of_pairs(np.log(conditional))


def c_v(counts: Counts, epsilon: float) -> float:
    """Mean cosine of each word's vector of NPMI with the sum of all vectors, in [-1, 1] (Röder et al., 2015)."""
    vectors = _npmi(counts, epsilon)
    whole = vectors.sum(axis=0)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(whole)
    return float(np.mean(np.divide(vectors @ whole, lengths, out=np.zeros_like(lengths), where=lengths > 0)))


_FORMULAS: dict[str, Callable[[Counts, float], float]] = {"c_v": c_v, "npmi": npmi, "uci": uci, "umass": umass}
MEASURES = tuple(_FORMULAS)


@dataclass(frozen=True, kw_only=True)
class CoherenceConfig:
    """What is counted.

    Args:
        top_n: so many first words of each topic.
        window: size of the sliding window, in words; None: whole documents. UMass always counts documents.
        epsilon: added to joint probabilities, so that words never seen together have a finite value.

    """

    top_n: int = 10
    window: int | None = 110
    epsilon: float = 1e-12

    def __post_init__(self) -> None:
        if self.top_n < 2:
            raise InputError(f"top_n is {self.top_n}; coherence is that of pairs, so give at least 2 words")
        if not 0 < self.epsilon < 1:
            raise InputError(f"epsilon is {self.epsilon}; give a small number above 0")


@dataclass(frozen=True, slots=True)
class Coherence:
    """One measure of all topics against one reference."""

    measure: str
    mean: float
    std: float  # over topics
    per_topic: tuple[float, ...]
    n_missing: tuple[int, ...]  # words of each topic that the reference never holds
    reference: str
    n_documents: int  # of the reference
    n_tokens: int  # of the reference
    top_n: int
    window: int | None  # words; None: whole documents
    epsilon: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        counted = "whole documents" if self.window is None else f"windows of {self.window} words"
        return (
            f"{self.measure} {self.mean:.3f} ± {self.std:.3f} over {len(self.per_topic)} topics, "
            f"top {self.top_n} words, {counted} in {self.reference} ({self.n_documents:,} documents, "
            f"{self.n_tokens:,} words; {sum(self.n_missing)} topic words are not in it)"
        )


def coherence(
    topics: Sequence[Sequence[str]],
    reference: Reference,
    measure: str = "npmi",
    config: CoherenceConfig = CoherenceConfig(),
) -> Coherence:
    """How coherent topics are: each a list of words, the most important first.

    `measure` is one of `MEASURES`. A word given twice counts once. Raises InputError for an unknown measure, a topic
    of fewer than two words, and topics of which the reference holds no word at all.
    """
    return coherences(topics, reference, (measure,), config)[0]


def coherences(
    topics: Sequence[Sequence[str]],
    reference: Reference,
    measures: Sequence[str] = MEASURES,
    config: CoherenceConfig = CoherenceConfig(),
) -> list[Coherence]:
    """`coherence` by several measures; what they share is counted once."""
    for measure in measures:
        if measure not in _FORMULAS:
            raise InputError(f"coherence measure {measure!r} is not known; choose of {', '.join(MEASURES)}")
    words = [_top_words(topic, number, config.top_n) for number, topic in enumerate(topics)]
    sizes = {measure: None if measure == "umass" else config.window for measure in measures}
    counted = {size: _count(words, Windows.over(reference, size)) for size in dict.fromkeys(sizes.values())}
    return [_measured(measure, counted[sizes[measure]], reference, config) for measure in measures]


def _top_words(topic: Sequence[str], number: int, top_n: int) -> list[str]:
    if isinstance(topic, str):
        raise InputError(f"topic {number} is one string; give a list of words for each topic")
    spelled: dict[str, str] = {}
    for word in topic[:top_n]:
        # As it is given: tokens of a reference may have capitals.
        spelled.setdefault(word.lower(), word)
    words = list(spelled.values())
    if len(words) < 2:
        raise InputError(
            f"topic {number} has {len(words)} distinct words; coherence is that of pairs: give two or more"
        )
    return words


def _count(topics: Sequence[Sequence[str]], windows: Windows) -> list[Counts]:
    counts = [windows.count(words) for words in topics]
    if not any(count.joint.any() for count in counts):
        name = windows.reference.name
        raise InputError(f"{name} holds none of the topics' words; give a reference in the language of the topics")
    return counts


def _measured(measure: str, counts: Sequence[Counts], reference: Reference, config: CoherenceConfig) -> Coherence:
    values = tuple(_FORMULAS[measure](count, config.epsilon) for count in counts)
    return Coherence(
        measure=measure,
        mean=float(np.mean(values)),
        std=float(np.std(values)),
        per_topic=values,
        n_missing=tuple(int(np.sum(np.diag(count.joint) == 0)) for count in counts),
        reference=reference.name,
        n_documents=reference.n_documents,
        n_tokens=reference.n_tokens,
        top_n=config.top_n,
        window=None if measure == "umass" else config.window,
        epsilon=config.epsilon,
    )


def _pmi(counts: Counts, epsilon: float) -> Float[np.ndarray, "words words"]:
    joint = counts.joint / counts.n_windows
    expected = np.outer(np.diag(joint), np.diag(joint))
    known = expected > 0
    return np.log(np.where(known, joint + epsilon, 1.0) / np.where(known, expected, 1.0))


def _npmi(counts: Counts, epsilon: float) -> Float[np.ndarray, "words words"]:
    joint = counts.joint / counts.n_windows
    # Words that stand in every window go together as well as words can; the quotient would be 0 / 0.
    always = joint == 1
    return np.where(always, 1.0, _pmi(counts, epsilon) / np.where(always, 1.0, -np.log(joint + epsilon)))


def _mean_of_pairs(values: Float[np.ndarray, "words words"]) -> float:
    """Over the entries below the diagonal: there the row's word is the one of lower rank."""
    return float(np.mean(values[np.tril_indices(len(values), k=-1)]))
