"""What can be said of topics without labels: do they come back, do they explain, do documents settle on one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix

from softtopic.errors import InputError
from softtopic.types import DocTopic, DocVocab, TopicVocab

_ROWS = 1024  # documents handled together; bounds the memory


@dataclass(frozen=True, slots=True)
class Matching:
    """The best pairs of topics of two runs."""

    partner: Int[np.ndarray, " topics"]  # for each topic of one run its topic in the other, -1 where none is left
    similarity: Float[np.ndarray, " topics"]  # of each pair, in [0, 1]; 0 without a partner

    @property
    def mean(self) -> float:
        return float(self.similarity.mean())


@dataclass(frozen=True, slots=True)
class Stability:
    """Agreement of runs that differ in their seed; mean and standard deviation over all pairs of runs."""

    topic_similarity: float  # in [0, 1], mean over matched topics
    topic_similarity_std: float
    assignment_ari: float | None  # in [-0.5, 1]; None where no assignments were given
    assignment_ari_std: float | None
    n_runs: int
    n_topics: int


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How well word distributions foretell the words of documents that were held out."""

    cross_entropy: float  # nats a word
    perplexity: float  # exp of it: as unsure as between so many equally likely words
    n_documents: int  # with words
    n_empty: int  # without: not measured


def match_topics(one: TopicVocab, other: Float[np.ndarray, "others words"]) -> Matching:
    """Pair the topics of two runs over one vocabulary so that the pairs are most alike (Kuhn, 1955).

    Likeness is 1 − Jensen-Shannon divergence (base 2) of the word distributions: 1 for equal ones, 0 for ones without
    a word in common.
    """
    if one.shape[1] != other.shape[1]:
        raise InputError(f"topics over {one.shape[1]} and over {other.shape[1]} words; give runs of one vocabulary")
    similarity = np.stack([_likeness(row, other) for row in one.astype(np.float64)])
    return _matching(similarity)


def match_top_words(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> Matching:
    """The same for lists of top words; likeness is the share of distinct words that both have (Jaccard)."""
    a, b = [set(words) for words in one], [set(words) for words in other]
    if not a or not b or not all(a + b):
        raise InputError("a topic without words, or no topic at all; give a list of words for each topic")
    return _matching(np.array([[len(x & y) / len(x | y) for y in b] for x in a]))


def stability(
    runs: Sequence[TopicVocab] | Sequence[Sequence[Sequence[str]]],
    assignments: Sequence[Sequence[int]] | None = None,
) -> Stability:
    """Do the topics of several seeds agree? Topics are matched between every two runs.

    Args:
        runs: for each run its topic-word distributions [topics, vocab], or its lists of top words.
        assignments: for each run the topic of every document; agreement is the adjusted Rand index, which needs no
            matching (Hubert & Arabie, 1985).

    """
    if len(runs) < 2 or (assignments is not None and len(assignments) != len(runs)):
        given = "no" if assignments is None else str(len(assignments))
        raise InputError(
            f"{len(runs)} runs and {given} assignments; give two runs or more, and one assignment for each"
        )
    sizes = sorted({len(run) for run in runs})
    if len(sizes) > 1:
        raise InputError(f"runs of {' and '.join(map(str, sizes))} topics; give runs of one number of topics")
    likeness = [_match(one, other).mean for one, other in combinations(runs, 2)]
    agreement = None if assignments is None else [_agreement(a, b) for a, b in combinations(assignments, 2)]
    return Stability(
        topic_similarity=float(np.mean(likeness)),
        topic_similarity_std=float(np.std(likeness)),
        assignment_ari=None if agreement is None else float(np.mean(agreement)),
        assignment_ari_std=None if agreement is None else float(np.std(agreement)),
        n_runs=len(runs),
        n_topics=len(runs[0]),
    )


def reconstruction(
    word_dist: DocVocab,
    target: Float[np.ndarray, "targets words"] | Int[np.ndarray, "targets words"] | csr_matrix,
) -> Reconstruction:
    """Cross entropy and perplexity of documents under the word distributions a model gives them.

    Raises InputError where a word of the target has probability 0: its cross entropy would be infinite.

    Args:
        word_dist: probabilities [docs, vocab], rows sum to 1, for instance theta @ topic_word.
        target: word counts or soft labels [docs, vocab], dense or sparse. All words weigh the same, so a document of
            counts weighs as much as it is long, and one of a soft label weighs 1.

    """
    if word_dist.shape != target.shape:
        raise InputError(
            f"word distributions are {word_dist.shape}, the target is {target.shape}; expected equal shapes"
        )
    nats = 0.0
    weight = np.zeros(len(word_dist))
    for begin in range(0, len(word_dist), _ROWS):
        rows = slice(begin, begin + _ROWS)
        wanted = np.asarray(
            target[rows].toarray() if isinstance(target, csr_matrix) else target[rows], dtype=np.float64
        )
        given = np.asarray(word_dist[rows], dtype=np.float64)
        _check_rows(given, wanted, begin)
        nats -= float(np.sum(wanted * np.log(np.where(wanted > 0, given, 1.0))))
        weight[rows] = wanted.sum(axis=1)
    if not weight.any():
        raise InputError("the target holds no words; give documents with words of the vocabulary")
    entropy = nats / float(weight.sum())
    n_documents = int(np.count_nonzero(weight))
    return Reconstruction(entropy, float(np.exp(entropy)), n_documents, len(weight) - n_documents)


def dominant_share(theta: DocTopic, *, threshold: float = 0.5) -> float:
    """Share of documents, in [0, 1], whose largest topic takes at least `threshold` of their mixture."""
    if not len(theta):
        raise InputError("no mixtures; give at least one document")
    return float(np.mean(theta.max(axis=1) >= threshold))


def _check_rows(given: np.ndarray, wanted: np.ndarray, begin: int) -> None:
    if wanted.min() < 0 or not np.isfinite(wanted).all():
        raise InputError("the target holds negative or infinite values; give counts, or probabilities (not their logs)")
    wrong = np.abs(given.sum(axis=1) - 1) > 1e-3
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"word distribution {begin + row} sums to {given[row].sum():.3g}, not to 1; give probabilities"
        )
    impossible = (wanted > 0) & (given <= 0)
    if impossible.any():
        row, word = map(int, np.argwhere(impossible)[0])
        raise InputError(
            f"document {begin + row} has word {word}, to which its distribution gives probability 0; "
            "give distributions above 0, e.g. mixed with a little of the corpus' own"
        )


def _match(one: object, other: object) -> Matching:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return match_topics(one, other)
    return match_top_words(one, other)  # type: ignore[arg-type]


def _likeness(row: Float[np.ndarray, " vocab"], others: TopicVocab) -> Float[np.ndarray, " topics"]:
    middle = (row + others) / 2
    divergence = (_entropy_terms(middle) - (_entropy_terms(row) + _entropy_terms(others)) / 2).sum(axis=1)
    return np.clip(1 - divergence, 0, 1)


def _entropy_terms(p: np.ndarray) -> np.ndarray:
    return -p * np.log2(np.where(p > 0, p, 1.0))


def _matching(similarity: Float[np.ndarray, "topics others"]) -> Matching:
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    partner, found = np.full(len(similarity), -1), np.zeros(len(similarity))
    partner[rows], found[rows] = columns, similarity[rows, columns]
    return Matching(partner, found)


def _agreement(one: Sequence[int], other: Sequence[int]) -> float:
    if len(one) != len(other):
        raise InputError(
            f"assignments of {len(one)} and of {len(other)} documents; give the same documents to each run"
        )
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))
