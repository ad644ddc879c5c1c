"""Diversity of the topics of one model."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from softtopic.errors import InputError
from softtopic.metrics.measure import Measure


def topic_diversity(topics: Sequence[Sequence[str]], *, top_n: int = 10) -> float:
    """Share of distinct words among all top words, in (0, 1] (Dieng et al., 2020).

    Parameters
    ----------
    topics : sequence of sequence of str
        Words of each topic, the most important first.
    top_n : int, default=10
        Words of each topic that count.

    Raises
    ------
    InputError
        If there are no topics, or one has no words.

    Examples
    --------
    >>> topic_diversity([["orbit", "moon"], ["bread", "moon"]])
    0.75

    References
    ----------
    Dieng, A. B., Ruiz, F. J. R., Blei, D. M. (2020). Topic modeling in embedding spaces. TACL 8.
    """
    top = _top(topics, top_n)
    return len({word for words in top for word in words}) / sum(map(len, top))


def inverted_rbo(topics: Sequence[Sequence[str]], *, top_n: int = 10, p: float = 0.9) -> float:
    """1 − mean rank-biased overlap of all pairs of topics, in [0, 1] (Bianchi et al., 2021).

    1 means that no two topics share a word. The overlap is the extrapolated one (Webber et al., 2010, eq. 23), to the
    depth of the shortest topic.

    Parameters
    ----------
    topics : sequence of sequence of str
        Words of each topic, the most important first.
    top_n : int, default=10
        Words of each topic that count.
    p : float in (0, 1), default=0.9
        Persistence: the smaller, the more the first words count.

    Raises
    ------
    InputError
        If there are fewer than two topics, or one has no words.

    References
    ----------
    Bianchi, F., Terragni, S., Hovy, D. (2021). Pre-training is a hot topic: contextualized document embeddings improve
    topic coherence. ACL.
    Webber, W., Moffat, A., Zobel, J. (2010). A similarity measure for indefinite rankings. TOIS 28.
    """
    if not 0 < p < 1:
        raise InputError(f"p is {p}; give a number between 0 and 1")
    top = _top(topics, top_n)
    if len(top) < 2:
        raise InputError("one topic has no other to overlap with; give at least two topics")
    depth = min(map(len, top))
    column = {word: place for place, word in enumerate(dict.fromkeys(word for words in top for word in words))}
    ranked = np.array([[column[word] for word in words[:depth]] for words in top])
    overlap, common = np.zeros((len(top), len(top))), np.zeros((len(top), len(top)))
    for d in range(1, depth + 1):
        common = _common(ranked[:, :d], len(column))
        overlap += (1 - p) * p ** (d - 1) * common / d
    overlap += p**depth * common / depth
    return 1 - float(np.mean(overlap[np.triu_indices(len(top), k=1)]))


def _common(ranked: np.ndarray, n_words: int) -> np.ndarray:
    """Number of words that each two topics share, [topics, topics]."""
    n_topics, depth = ranked.shape
    shape = (n_topics, n_words)
    member = csr_matrix((np.ones(ranked.size), ranked.ravel(), np.arange(0, ranked.size + 1, depth)), shape=shape)
    return np.asarray((member @ member.T).todense())


def _top(topics: Sequence[Sequence[str]], top_n: int) -> list[list[str]]:
    """The distinct ones of each topic's first words."""
    if top_n < 1:
        raise InputError(f"top_n is {top_n}; give at least 1 word")
    if not topics or not all(len(topic) for topic in topics):
        raise InputError("a topic without words, or no topic at all; give a list of words for each topic")
    return [list(dict.fromkeys(topic[:top_n])) for topic in topics]


MEASURES = (
    Measure(name="topic_diversity", title="diversity", needs=("topics",), function=topic_diversity),
    Measure(name="inverted_rbo", title="I-RBO", needs=("topics",), function=inverted_rbo),
)
