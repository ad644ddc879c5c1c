"""What reading a corpus will take, from reading a small part of it."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from softtopic.corpus import Corpus
from softtopic.errors import InputError
from softtopic.extract.plan import extract_into
from softtopic.teacher.model import Teacher
from softtopic.vocabulary import Vocabulary

# Tokens read for the estimate: some seconds on two cores.
SAMPLE = 16_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of `teach`."""

    documents: int
    distinct: int  # documents that will be read: no blank ones, none twice
    tokens: int  # of the distinct documents, cut, with what follows each of them
    seconds: float  # opening the language model included
    bytes: int  # on disk


def estimate(corpus: Corpus, vocabulary: Vocabulary, teacher: Teacher, sample: int = SAMPLE) -> Estimate:
    """Read about `sample` tokens of documents from all over the corpus into a temporary folder, and scale up.

    Tokens are counted, not estimated. Raises InputError where every document is empty.
    """
    texts = corpus.distinct.texts
    if not texts:
        raise InputError("every document is empty; give at least one with text")
    start = time.perf_counter()
    teacher.open()
    # What is done once: compiling products, and learning the vocabulary's spellings.
    teacher.read(texts[:32], vocabulary)
    opening = time.perf_counter() - start
    lengths = np.array([len(row) for row in teacher.rows(texts)])
    part = _spread(texts, lengths, sample)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        store = extract_into(Path(folder) / "features", part, vocabulary, teacher)
        reading = time.perf_counter() - start
        store.write_documents(part)
        size = sum(file.stat().st_size for file in store.path.glob("*.parquet"))
    share = len(part) / len(texts)
    of_tokens = sum(len(row) for row in teacher.rows(part.texts)) / int(lengths.sum())
    return Estimate(len(corpus), len(texts), int(lengths.sum()), opening + reading / of_tokens, round(size / share))


def _spread(texts: tuple[str, ...], lengths: np.ndarray, sample: int) -> Corpus:
    """Documents at equal distances in the order of their lengths, about `sample` tokens of them."""
    count = max(1, min(len(texts), round(len(texts) * sample / int(lengths.sum()))))
    places = ((np.arange(count) + 0.5) * len(texts) / count).astype(int)
    chosen = np.sort(np.argsort(lengths, kind="stable")[places])
    return Corpus.from_texts([texts[place] for place in chosen])
