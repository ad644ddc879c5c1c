"""A random sample of the distinct texts of a stream, in one pass and in bounded memory.

Each text has a hash. The texts with the n smallest ones (bottom-k sampling) are a random sample without replacement
that depends on neither the order of the texts nor how often they occur. The n-th smallest hash also estimates how many
distinct texts there are (Bar-Yossef et al., 2002).
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError, check_whole

_HASH_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample of distinct texts.

    Attributes
    ----------
    corpus : Corpus
        The texts, ascending by their hashes; each with the id, label and time of the first document that has it.
    n_documents : int
        Number of documents of the stream.
    n_blank : int
        Number of blank ones, which are in no sample.
    n_distinct : int
        Number of distinct texts; an estimate where there are more than in the sample, see `is_whole`.
    """

    corpus: Corpus
    n_documents: int
    n_blank: int
    n_distinct: int

    @property
    def is_whole(self) -> bool:
        """Whether all distinct texts are in the sample."""
        return len(self.corpus) == self.n_distinct


@dataclass
class _Smallest:
    """The n distinct texts with the smallest hashes so far."""

    n: int
    key: bytes
    # Negative hashes: `heapq` has the smallest item first.
    heap: list[int] = field(default_factory=list)
    found: dict[int, tuple[str | int, ...]] = field(default_factory=dict)

    def add(self, text: str, about: list[str | int]) -> None:
        data = text.encode("utf-8", "surrogatepass")
        number = int.from_bytes(blake2b(data, digest_size=_HASH_BYTES, key=self.key).digest(), "big")
        full = len(self.heap) == self.n
        if (full and number > -self.heap[0]) or number in self.found:
            return
        self.found[number] = (text, *about)
        if full:
            del self.found[-heapq.heappushpop(self.heap, -number)]
        else:
            heapq.heappush(self.heap, -number)

    @property
    def n_distinct(self) -> int:
        if len(self.heap) < self.n:
            return len(self.heap)
        return max(self.n, round((self.n - 1) * 2 ** (8 * _HASH_BYTES) / -self.heap[0]))


def draw_sample(batches: Iterable[Corpus], n: int, *, seed: int = 0) -> Sample:
    """Draw a sample of the distinct texts of a stream.

    Parameters
    ----------
    batches : iterable of Corpus
        The documents; those of all batches have labels and times, or those of none.
    n : int
        Number of texts, at least 2; all where there are no more.
    seed : int, default=0
        Another one gives another sample.

    Returns
    -------
    Sample

    References
    ----------
    Z. Bar-Yossef, T. S. Jayram, R. Kumar, D. Sivakumar, L. Trevisan: Counting distinct elements in a data stream.
    RANDOM 2002.

    Examples
    --------
    >>> sample = draw_sample([Corpus.from_texts(["to be", "or not", "to be"])], 2)
    >>> sorted(sample.corpus.texts), sample.n_documents, sample.n_distinct
    (['or not', 'to be'], 3, 2)
    """
    check_whole("sample size", n, 2)
    smallest = _Smallest(n, seed.to_bytes(8, "little"))
    n_documents = n_blank = 0
    labelled = timed = False
    for batch in batches:
        n_documents += len(batch)
        labelled, timed = labelled or batch.labels is not None, timed or batch.times is not None
        empty = ("",) * len(batch)
        for text, *about in zip(batch.texts, batch.ids, batch.labels or empty, batch.times or empty, strict=True):
            if text.strip():
                smallest.add(text, about)
            else:
                n_blank += 1
    if not smallest.found:
        raise InputError(f"{n_documents} documents, all of them blank; choose the column of texts")
    texts, ids, labels, times = zip(*(smallest.found[one] for one in sorted(smallest.found)), strict=True)
    corpus = Corpus.from_texts(texts, ids=ids, labels=labels if labelled else None, times=times if timed else None)
    n_distinct = min(smallest.n_distinct, n_documents - n_blank)
    return Sample(corpus=corpus, n_documents=n_documents, n_blank=n_blank, n_distinct=n_distinct)
