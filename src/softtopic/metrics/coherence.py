"""Topic coherence: how often the words of a topic occur together in a reference corpus.

Formulas follow Röder, Both & Hinneburg (2015), "Exploring the Space of Topic Coherence Measures". P(a) is the share of
windows of the reference that hold word a, P(a, b) of those that hold both. A value means nothing without its reference,
so every result names it.

A word that does not occur in the reference is taken as independent of all others: its pairs have PMI, NPMI and cosine
0. In UMass P(a | b) is P(a) where b does not occur, and the smallest value there is where a does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from softtopic.errors import InputError
from softtopic.metrics.cooccurrence import Counts, Windows
from softtopic.metrics.measure import Measure
from softtopic.metrics.reference import Reference


def npmi(counts: Counts, epsilon: float) -> float:
    """Mean normalised pointwise mutual information of all pairs of words, in [-1, 1] (Bouma, 2009; Lau et al., 2014).

    NPMI(a, b) = log((P(a, b) + epsilon) / (P(a) P(b))) / -log(P(a, b) + epsilon).
    """
    return _mean_of_pairs(_npmi(counts, epsilon))


def uci(counts: Counts, epsilon: float) -> float:
    """Mean pointwise mutual information of all pairs of words, in nats (Newman et al., 2010).

    PMI(a, b) = log((P(a, b) + epsilon) / (P(a) P(b))).
    """
    return _mean_of_pairs(_pmi(counts, epsilon))


def umass(counts: Counts, epsilon: float) -> float:
    """Mean log((P(a, b) + epsilon) / P(b)) of all pairs, b the word of higher rank, in nats (Mimno et al., 2011).

    At most about 0. Smoothed on the joint probability as the other measures are; Mimno et al. add 1 to the number of
    documents instead.
    """
    joint = counts.joint / counts.n_windows
    single = np.diag(joint)
    known = np.broadcast_to(single > 0, joint.shape)
    conditional = np.where(known, joint + epsilon, single[:, None] + epsilon) / np.where(known, single, 1.0)
    return _mean_of_pairs(np.log(conditional))


def c_v(counts: Counts, epsilon: float) -> float:
    """Mean cosine of each word's vector of NPMI values with the sum of all vectors, in [-1, 1] (Röder et al., 2015)."""
    vectors = _npmi(counts, epsilon)
    total = vectors.sum(axis=0)
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(total)
    return float(np.mean(np.divide(vectors @ total, norms, out=np.zeros_like(norms), where=norms > 0)))


_FORMULAS: dict[str, Callable[[Counts, float], float]] = {"c_v": c_v, "npmi": npmi, "uci": uci, "umass": umass}
COHERENCE_MEASURES = tuple(_FORMULAS)


@dataclass(frozen=True, kw_only=True)
class CoherenceConfig:
    """Which words are counted, and where.

    Parameters
    ----------
    top_n : int, default=10
        Words of each topic, at least 2.
    window : int or None, default=110
        Words of the sliding window. None: whole documents. UMass always counts documents.
    epsilon : float in (0, 1), default=1e-12
        Added to joint probabilities, so that words that never occur together have a finite value.
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
    """One measure of all topics against one reference.

    Attributes
    ----------
    measure : str
        Its name.
    mean, std : float
        Over topics.
    per_topic : tuple of float
        Value of each topic.
    n_missing : tuple of int
        Words of each topic that do not occur in the reference.
    reference : str
        Name of the reference.
    n_documents, n_tokens : int
        Size of the reference.
    top_n, window, epsilon
        As in `CoherenceConfig`.
    """

    measure: str
    mean: float
    std: float
    per_topic: tuple[float, ...]
    n_missing: tuple[int, ...]
    reference: str
    n_documents: int
    n_tokens: int
    top_n: int
    window: int | None
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
    """Coherence of topics by one measure.

    Parameters
    ----------
    topics : sequence of sequence of str
        Words of each topic, the most important first; a repeated word counts once.
    reference : Reference
        Corpus in which words are counted.
    measure : {"c_v", "npmi", "uci", "umass"}, default="npmi"
        Which measure.
    config : CoherenceConfig
        Which words are counted, and where.

    Returns
    -------
    Coherence
        Value of each topic, mean and standard deviation.

    Raises
    ------
    InputError
        If the measure is unknown, a topic has fewer than two words, or the reference holds no word of any topic.

    References
    ----------
    Röder, M., Both, A., Hinneburg, A. (2015). Exploring the space of topic coherence measures. WSDM.
    """
    return coherences(topics, reference, (measure,), config)[0]


def coherences(
    topics: Sequence[Sequence[str]],
    reference: Reference,
    measures: Sequence[str] = COHERENCE_MEASURES,
    config: CoherenceConfig = CoherenceConfig(),
) -> list[Coherence]:
    """`coherence` by several measures; words are counted once for all that use the same windows."""
    for measure in measures:
        if measure not in _FORMULAS:
            raise InputError(f"coherence measure {measure!r} is not known; choose of {', '.join(COHERENCE_MEASURES)}")
    sizes = {measure: None if measure == "umass" else config.window for measure in measures}
    counts = {size: _count(topics, reference, config.top_n, size) for size in dict.fromkeys(sizes.values())}
    return [_coherence(measure, counts[sizes[measure]], reference, config) for measure in measures]


def _count(topics: Sequence[Sequence[str]], reference: Reference, top_n: int, window: int | None) -> list[Counts]:
    """Windows that hold the top words of each topic, and pairs of them."""
    words = [_top_words(topic, number, top_n) for number, topic in enumerate(topics)]
    windows = Windows.over(reference, window)
    counts = [windows.count(topic) for topic in words]
    if not any(count.joint.any() for count in counts):
        name = reference.name
        raise InputError(f"{name} holds none of the topics' words; give a reference in the language of the topics")
    return counts


def _top_words(topic: Sequence[str], number: int, top_n: int) -> list[str]:
    if isinstance(topic, str):
        raise InputError(f"topic {number} is one string; give a list of words for each topic")
    spelled: dict[str, str] = {}
    for word in topic[:top_n]:
        # The spelling is kept: tokens of a reference may have capitals.
        spelled.setdefault(word.lower(), word)
    words = list(spelled.values())
    if len(words) < 2:
        raise InputError(
            f"topic {number} has {len(words)} distinct words; coherence is that of pairs: give two or more"
        )
    return words


def _coherence(measure: str, counts: Sequence[Counts], reference: Reference, config: CoherenceConfig) -> Coherence:
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
    # Two words of which every window holds both: the limit is 1, the quotient would be 0 / 0.
    always = joint == 1
    return np.where(always, 1.0, _pmi(counts, epsilon) / np.where(always, 1.0, -np.log(joint + epsilon)))


def _mean_of_pairs(values: Float[np.ndarray, "words words"]) -> float:
    """Over the entries below the diagonal, where the row's word has the lower rank."""
    return float(np.mean(values[np.tril_indices(len(values), k=-1)]))


def _windows(topics: Sequence[Sequence[str]], reference: Reference, top_n: int) -> list[Counts]:
    return _count(topics, reference, top_n, CoherenceConfig().window)


def _documents(topics: Sequence[Sequence[str]], reference: Reference, top_n: int) -> list[Counts]:
    return _count(topics, reference, top_n, None)


def _measure(name: str, title: str, low: float, high: float, *, default: bool = False) -> Measure:
    formula, epsilon = _FORMULAS[name], CoherenceConfig().epsilon
    return Measure(
        name=name,
        title=title,
        needs=("topics", "reference"),
        function=_documents if name == "umass" else _windows,
        select=lambda counts: float(np.mean([formula(count, epsilon) for count in counts])),
        low=low,
        high=high,
        default=default,
    )


MEASURES = (
    _measure("c_v", "C_V", -1.0, 1.0, default=True),
    _measure("npmi", "NPMI", -1.0, 1.0, default=True),
    _measure("uci", "UCI", float("-inf"), float("inf")),
    _measure("umass", "UMass", float("-inf"), 0.0),
)
