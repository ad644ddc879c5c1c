"""The number of topics, chosen without labels.

Groups of documents are formed for a range of numbers, as a fit forms its initial groups, on a sample. The number is
chosen whose groups agree best with clusters of the language model's hidden states: too few groups merge what the
language model tells apart, too many divide what it does not. Nothing is read or encoded again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from softtopic.errors import InputError
from softtopic.graph.clustering import kmeans

AUTO = "auto"

Points = Float[np.ndarray, "docs _"]

# Fewer distinct documents hold too few groups to compare.
MIN_DOCUMENTS = 20


@dataclass(frozen=True, kw_only=True)
class SelectionConfig:
    """How the number of topics is chosen.

    Parameters
    ----------
    max_documents : int, default=2000
        Size of the sample.
    min_topics : int, default=4
        Smallest number.
    min_group_size : int, default=15
        Mean number of documents of the sample in the smallest groups that are tried.
    ratio : float, default=1.3
        Each number is about so many times the one before.
    n_runs : int, default=3
        Runs of k-means over which agreement is averaged, and splits over which stability is.
    n_components : int, default=100
        Number of dimensions to which hidden states are reduced.
    """

    max_documents: int = 2000
    min_topics: int = 4
    min_group_size: int = 15
    ratio: float = 1.3
    n_runs: int = 3
    n_components: int = 100


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A number of topics.

    Attributes
    ----------
    n_topics : int
    agreement : float
        Adjusted mutual information, at most 1, of the groups and of k-means on the language model's hidden states.
    stability : float
        Adjusted Rand index, at most 1, of the groups that k-means forms on two random halves of the documents and
        predicts for all. It says how far such groups can be trusted; the choice does not depend on it.
    """

    n_topics: int
    agreement: float
    stability: float


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The number of topics that was chosen, and those it was compared with.

    Attributes
    ----------
    n_topics : int
    candidates : tuple of Candidate
        In ascending order.
    """

    n_topics: int
    candidates: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        if self.n_topics not in [one.n_topics for one in self.candidates]:
            raise InputError(f"{self.n_topics} topics are none of the candidates; expected one of them")

    @property
    def table(self) -> pd.DataFrame:
        """A row for each number: Topics, Agreement, Smoothed (the mean with its neighbours), Stability, Chosen."""
        return pd.DataFrame({
            "Topics": [one.n_topics for one in self.candidates],
            "Agreement": [one.agreement for one in self.candidates],
            "Smoothed": _smooth([one.agreement for one in self.candidates]),
            "Stability": [one.stability for one in self.candidates],
            "Chosen": [one.n_topics == self.n_topics for one in self.candidates],
        })  # fmt: skip

    def __str__(self) -> str:
        chosen = next(one for one in self.candidates if one.n_topics == self.n_topics)
        first, last = self.candidates[0].n_topics, self.candidates[-1].n_topics
        return (
            f"number of topics: {self.n_topics}, whose groups agree best with the vectors of the documents "
            f"({chosen.agreement:.2f}) among {len(self.candidates)} numbers from {first} to {last}; "
            f"stability {chosen.stability:.2f}"
        )


def candidate_numbers(n_documents: int, config: SelectionConfig = SelectionConfig()) -> list[int]:
    """Numbers of topics to compare for so many documents, ascending.

    Examples
    --------
    >>> candidate_numbers(300)
    [4, 5, 7, 9, 11, 15, 20]
    """
    size = min(n_documents, config.max_documents)
    high = max(size // config.min_group_size, config.min_topics + 2)
    steps = max(1, round(np.log(high / config.min_topics) / np.log(config.ratio)))
    return np.unique(np.geomspace(config.min_topics, high, steps + 1).round().astype(int)).tolist()


def select_n_topics(
    points: Points, vectors: Points, seed: int, config: SelectionConfig = SelectionConfig()
) -> Selection:
    """Choose the number of topics whose groups agree best with clusters of vectors of the documents.

    Agreements of neighbouring numbers are averaged with weights 1/4, 1/2 and 1/4 before the largest is taken.

    Parameters
    ----------
    points : ndarray of shape (n_documents, n_dimensions)
        Points that k-means divides into groups: propagated labels.
    vectors : ndarray of shape (n_documents, width)
        Hidden states of the language model; sentence vectors or words where there are none.
    seed : int
    config : SelectionConfig

    Returns
    -------
    Selection

    Raises
    ------
    InputError
        If there are too few documents.

    References
    ----------
    Vinh, Epps & Bailey (2010). Information theoretic measures for clusterings comparison. JMLR 11.
    Lange, Roth, Braun & Buhmann (2004). Stability-based validation of clustering solutions. Neural Computation 16.
    """
    if len(points) < MIN_DOCUMENTS:
        raise InputError(
            f"n_topics='auto' needs {MIN_DOCUMENTS} distinct documents, there are {len(points)}; give a number"
        )
    numbers = candidate_numbers(len(points), config)
    reduced = _reduce(vectors, config.n_components, seed)
    rng = np.random.default_rng(seed)
    splits = [np.array_split(rng.permutation(len(points)), 2) for _ in range(config.n_runs)]
    candidates = tuple(
        Candidate(
            n_topics=number,
            agreement=float(np.mean([_agreement(points, reduced, number, seed + run) for run in range(config.n_runs)])),
            stability=float(np.mean([_stability(points, split, number, seed) for split in splits])),
        )
        for number in numbers
    )
    chosen = int(_smooth([one.agreement for one in candidates]).argmax())
    return Selection(n_topics=numbers[chosen], candidates=candidates)


def _reduce(vectors: Points, n_components: int, seed: int) -> Points:
    """L2-normalised vectors in fewer dimensions."""
    unit = np.asarray(normalize(np.asarray(vectors, dtype=np.float32)))
    if min(unit.shape) <= n_components:
        return unit
    left, sizes, _ = randomized_svd(unit, n_components, n_iter=2, random_state=seed)  # type: ignore[arg-type]
    return left * sizes


def _agreement(points: Points, vectors: Points, number: int, seed: int) -> float:
    one, other = (kmeans(part, number, seed, n_init=1).labels_ for part in (points, vectors))
    return float(adjusted_mutual_info_score(one, other))


def _stability(points: Points, split: Sequence[np.ndarray], number: int, seed: int) -> float:
    one, other = (kmeans(points[half], number, seed, n_init=1).predict(points) for half in split)
    return float(adjusted_rand_score(one, other))


def _smooth(values: Sequence[float]) -> Float[np.ndarray, " candidates"]:
    return np.convolve(np.pad(np.asarray(values, dtype=np.float64), 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
