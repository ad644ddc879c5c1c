"""What reading a corpus will take, from reading a small part of it."""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.features.extraction import manifest_of
from softtopic.features.store import Features, FeatureStore, Manifest
from softtopic.teacher.calibration import mean_log_probs
from softtopic.teacher.demonstrations import choice_seconds, expected
from softtopic.teacher.local import Teacher
from softtopic.types import DocInt

# Tokens read for the estimate: some seconds on two cores.
SAMPLE = 16_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of `teach`."""

    documents: int
    distinct: int  # documents that will be read: no blank ones, none twice
    tokens: int  # of the distinct documents, cut, with what follows each of them
    seconds: float  # opening the language model, and choosing demonstrations where asked, included
    bytes: int  # on disk


def estimate(
    corpus: Corpus,
    vocabulary: Vocabulary,
    teacher: Teacher,
    sample: int = SAMPLE,
    *,
    top_k: int | None = None,
    choosing: bool = False,
) -> Estimate:
    """Read about `sample` tokens of documents from all over the corpus and write them to temporary folders; scale up.

    With `choosing` the choice of demonstrations is counted too, and until it is made a second prompt beside the given.
    Tokens are counted, not estimated. Raises InputError where every document is empty.
    """
    texts = corpus.distinct.texts
    if not texts:
        raise InputError("every document is empty; give at least one with text")
    start = time.perf_counter()
    teacher.open()
    opening = time.perf_counter() - start
    choice = choice_seconds(teacher, corpus, vocabulary) if choosing else 0.0
    if choosing:
        teacher = expected(teacher, corpus, vocabulary)
    lengths = np.array([len(row) for row in teacher.rows(texts)])
    chosen = _spread(lengths, sample)
    # The first quarter pays for what is done once: compiled products, the vocabulary's spellings.
    first, rest = chosen[::4], np.delete(chosen, np.s_[::4])
    outputs, seconds = [], [opening]
    for part in (first, rest):
        start = time.perf_counter()
        outputs.append(teacher.read([texts[place] for place in part], vocabulary))
        seconds.append(time.perf_counter() - start)
    if len(rest):
        seconds[-1] *= int(lengths.sum() - lengths[first].sum()) / int(lengths[rest].sum())
    size = _size(
        Corpus.from_texts([texts[place] for part in (first, rest) for place in part]),
        Features(*(np.concatenate([getattr(one, name) for one in outputs]) for name in ("log_probs", "hidden"))),
        manifest_of(corpus, vocabulary, teacher, top_k=top_k),
    )
    return Estimate(len(corpus), len(texts), int(lengths.sum()), choice + sum(seconds), size)


def _size(part: Corpus, features: Features, whole: Manifest) -> int:
    """Bytes of the whole store: so much for a file and so much for a row, from two stores of different sizes."""
    counts = (len(part), max(1, len(part) // 2))
    sizes: list[int] = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            store = FeatureStore.create(Path(folder) / "features", replace(whole, rows=count, shard_rows=count))
            if whole.top_k is not None:
                store.write_means(mean_log_probs(features.log_probs))
            store.write(
                store.shards[0], part.ids[:count], Features(features.log_probs[:count], features.hidden[:count])
            )
            store.write_documents(part.take(count))
            files = [*store.path.glob("part-*.parquet"), store.path / "documents.parquet"]
            sizes.append(sum(file.stat().st_size for file in files))
    row = (sizes[0] - sizes[1]) / max(1, counts[0] - counts[1])
    count = -(-whole.rows // whole.shard_rows)
    return round(count * max(0.0, sizes[0] - row * counts[0]) + row * whole.rows)


def _spread(lengths: DocInt, sample: int) -> Int[np.ndarray, " chosen"]:
    """Places of documents at equal distances in the order of their lengths, about `sample` tokens of them."""
    count = max(1, min(len(lengths), round(len(lengths) * sample / int(lengths.sum()))))
    places = ((np.arange(count) + 0.5) * len(lengths) / count).astype(int)
    return np.sort(np.argsort(lengths, kind="stable")[places])
