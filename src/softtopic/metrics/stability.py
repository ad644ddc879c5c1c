"""Measures without labels: stability over seeds, reconstruction of words, share of documents with a dominant topic."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix

from softtopic.errors import InputError
from softtopic.metrics.measure import Measure
from softtopic.types import DocTopic, DocVocab, TopicVocab

# Documents that are measured together; bounds the memory.
_CHUNK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Matching:
    """One-to-one matching of the topics of two runs.

    Attributes
    ----------
    partner : ndarray of shape (n_topics,)
        For each topic of one run its topic in the other; -1 where none is left.
    similarity : ndarray of shape (n_topics,)
        Of each pair, in [0, 1]; 0 without a partner.
    """

    partner: Int[np.ndarray, " topics"]
    similarity: Float[np.ndarray, " topics"]

    @property
    def mean(self) -> float:
        """Mean similarity of all topics."""
        return float(self.similarity.mean())


@dataclass(frozen=True, slots=True)
class Stability:
    """Agreement of runs with different seeds; means and standard deviations over all pairs of runs.

    Attributes
    ----------
    topic_similarity, topic_similarity_std : float
        Mean similarity of matched topics, in [0, 1].
    assignment_ari, assignment_ari_std : float or None
        Adjusted Rand index of the assignments, in [-0.5, 1]; None without assignments.
    n_runs, n_topics : int
        Runs, and topics of each.
    """

    topic_similarity: float
    topic_similarity_std: float
    assignment_ari: float | None
    assignment_ari_std: float | None
    n_runs: int
    n_topics: int


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How well word distributions predict the words of documents.

    Attributes
    ----------
    cross_entropy : float
        In nats per word.
    perplexity : float
        Its exponential.
    n_documents : int
        Documents with words.
    n_empty : int
        Documents without, which are not measured.
    """

    cross_entropy: float
    perplexity: float
    n_documents: int
    n_empty: int


def match_topics(one: TopicVocab, other: Float[np.ndarray, "others words"]) -> Matching:
    """Match the topics of two runs by their word distributions, with the largest total similarity (Kuhn, 1955).

    Similarity is 1 − Jensen-Shannon divergence (base 2): 1 for equal distributions, 0 for ones without a common word.

    Parameters
    ----------
    one, other : ndarray of shape (n_topics, n_words)
        Topic-word distributions over one vocabulary; rows sum to 1. Numbers of topics may differ.

    Raises
    ------
    InputError
        If the numbers of words differ.

    References
    ----------
    Kuhn, H. W. (1955). The Hungarian method for the assignment problem. Naval Research Logistics Quarterly 2.
    """
    if one.shape[1] != other.shape[1]:
        raise InputError(f"topics over {one.shape[1]} and over {other.shape[1]} words; give runs of one vocabulary")
    similarity = np.stack([_js_similarity(row, other) for row in one.astype(np.float64)])
    return _matching(similarity)


def match_top_words(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> Matching:
    """Match the topics of two runs by their top words; similarity is the Jaccard index.

    Parameters
    ----------
    one, other : sequence of sequence of str
        Top words of each topic.

    Raises
    ------
    InputError
        If there are no topics, or one has no words.
    """
    a, b = [set(words) for words in one], [set(words) for words in other]
    if not a or not b or not all(a + b):
        raise InputError("a topic without words, or no topic at all; give a list of words for each topic")
    return _matching(np.array([[len(x & y) / len(x | y) for y in b] for x in a]))


def stability(
    runs: Sequence[TopicVocab] | Sequence[Sequence[Sequence[str]]],
    assignments: Sequence[Sequence[int]] | None = None,
) -> Stability:
    """Agreement of the topics of several seeds, which are matched for every pair of runs.

    Parameters
    ----------
    runs : sequence of ndarray of shape (n_topics, n_words), or of lists of top words
        Topic-word distributions, or the top words of each topic, of each run.
    assignments : sequence of sequence of int or None, default=None
        Topic of every document in each run. Their agreement is the adjusted Rand index, which needs no matching (Hubert
        & Arabie, 1985).

    Returns
    -------
    Stability
        Means and standard deviations over all pairs of runs.

    Raises
    ------
    InputError
        If there are fewer than two runs, or they differ in their numbers of topics or documents.
    """
    if len(runs) < 2 or (assignments is not None and len(assignments) != len(runs)):
        n_assignments = "no" if assignments is None else str(len(assignments))
        raise InputError(
            f"{len(runs)} runs and {n_assignments} assignments; give two runs or more, and one assignment for each"
        )
    sizes = sorted({len(run) for run in runs})
    if len(sizes) > 1:
        raise InputError(f"runs of {' and '.join(map(str, sizes))} topics; give runs of one number of topics")
    similarity = [_match(one, other).mean for one, other in combinations(runs, 2)]
    agreement = None if assignments is None else [_agreement(a, b) for a, b in combinations(assignments, 2)]
    return Stability(
        topic_similarity=float(np.mean(similarity)),
        topic_similarity_std=float(np.std(similarity)),
        assignment_ari=None if agreement is None else float(np.mean(agreement)),
        assignment_ari_std=None if agreement is None else float(np.std(agreement)),
        n_runs=len(runs),
        n_topics=len(runs[0]),
    )


def reconstruction(
    word_dist: DocVocab,
    target: Float[np.ndarray, "targets words"] | Int[np.ndarray, "targets words"] | csr_matrix,
) -> Reconstruction:
    """Cross-entropy and perplexity of documents under the word distributions of a model.

    Parameters
    ----------
    word_dist : ndarray of shape (n_documents, n_words)
        Probabilities of words, e.g. theta @ topic_word; rows sum to 1.
    target : ndarray or csr_matrix of shape (n_documents, n_words)
        Word counts, or soft labels. All words have the same weight: a document of counts weighs as much as it is long,
        a soft label weighs 1.

    Returns
    -------
    Reconstruction
        Cross-entropy in nats per word, and perplexity.

    Raises
    ------
    InputError
        If the shapes differ, the target is empty, a row of `word_dist` does not sum to 1, or a word of the target has
        probability 0, whose cross-entropy would be infinite.
    """
    if word_dist.shape != target.shape:
        raise InputError(
            f"word distributions are {word_dist.shape}, the target is {target.shape}; expected equal shapes"
        )
    nats = 0.0
    weight = np.zeros(len(word_dist))
    for begin in range(0, len(word_dist), _CHUNK_ROWS):
        rows = slice(begin, begin + _CHUNK_ROWS)
        counts = np.asarray(
            target[rows].toarray() if isinstance(target, csr_matrix) else target[rows], dtype=np.float64
        )
        probabilities = np.asarray(word_dist[rows], dtype=np.float64)
        _check_rows(probabilities, counts, begin)
        nats -= float(np.sum(counts * np.log(np.where(counts > 0, probabilities, 1.0))))
        weight[rows] = counts.sum(axis=1)
    if not weight.any():
        raise InputError("the target holds no words; give documents with words of the vocabulary")
    entropy = nats / float(weight.sum())
    n_documents = int(np.count_nonzero(weight))
    return Reconstruction(entropy, float(np.exp(entropy)), n_documents, len(weight) - n_documents)


def dominant_share(theta: DocTopic, *, threshold: float = 0.5) -> float:
    """Share of documents, in [0, 1], whose largest topic has a share of at least `threshold` of their mixture.

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures; rows sum to 1.
    threshold : float, default=0.5
        Smallest share of a dominant topic.

    Raises
    ------
    InputError
        If there are no documents.
    """
    if not len(theta):
        raise InputError("no mixtures; give at least one document")
    return float(np.mean(theta.max(axis=1) >= threshold))


def _check_rows(probabilities: np.ndarray, counts: np.ndarray, begin: int) -> None:
    if counts.min() < 0 or not np.isfinite(counts).all():
        raise InputError("the target holds negative or infinite values; give counts, or probabilities (not their logs)")
    wrong = np.abs(probabilities.sum(axis=1) - 1) > 1e-3
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"word distribution {begin + row} sums to {probabilities[row].sum():.3g}, not to 1; give probabilities"
        )
    impossible = (counts > 0) & (probabilities <= 0)
    if impossible.any():
        row, word = map(int, np.argwhere(impossible)[0])
        raise InputError(
            f"document {begin + row} has word {word}, to which its distribution gives probability 0; "
            "give distributions above 0, e.g. smoothed with that of the corpus"
        )


def _match(one: object, other: object) -> Matching:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return match_topics(one, other)
    return match_top_words(one, other)  # type: ignore[arg-type]


def _js_similarity(row: Float[np.ndarray, " vocab"], others: TopicVocab) -> Float[np.ndarray, " topics"]:
    middle = (row + others) / 2
    divergence = (_entropy_terms(middle) - (_entropy_terms(row) + _entropy_terms(others)) / 2).sum(axis=1)
    return np.clip(1 - divergence, 0, 1)


def _entropy_terms(p: np.ndarray) -> np.ndarray:
    return -p * np.log2(np.where(p > 0, p, 1.0))


def _matching(similarity: Float[np.ndarray, "topics others"]) -> Matching:
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    partner, matched = np.full(len(similarity), -1), np.zeros(len(similarity))
    partner[rows], matched[rows] = columns, similarity[rows, columns]
    return Matching(partner, matched)


def _agreement(one: Sequence[int], other: Sequence[int]) -> float:
    if len(one) != len(other):
        raise InputError(
            f"assignments of {len(one)} and of {len(other)} documents; give the same documents to each run"
        )
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


MEASURES = (
    Measure(
        name="dominant_share",
        title="dominant",
        needs=("theta",),
        function=dominant_share,
        higher_is_better=None,
    ),
)
