"""The cost of reading a corpus, estimated by reading a small part of it."""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.features.extraction import build_manifest
from softtopic.features.manifest import Manifest
from softtopic.features.store import FeatureStore
from softtopic.teacher.base import Features
from softtopic.teacher.calibration import mean_log_probs
from softtopic.teacher.demonstrations import expected_teacher, selection_seconds
from softtopic.teacher.local import Teacher
from softtopic.types import DocInt

# Tokens read for the estimate: some seconds on two cores.
SAMPLE_TOKENS = 16_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of reading a corpus.

    Parameters
    ----------
    documents, distinct : int
        Number of documents, and of those that will be read: none that are blank, none twice.
    tokens : int
        Number of tokens read, the part of the prompt that follows a document included.
    seconds : float
        Time, with opening the language model, and the choice of demonstrations where there is one.
    bytes : int
        Size on disk.
    """

    documents: int
    distinct: int
    tokens: int
    seconds: float
    bytes: int


def estimate(
    corpus: Corpus,
    vocabulary: Vocabulary,
    teacher: Teacher,
    sample: int = SAMPLE_TOKENS,
    *,
    top_k: int | None = None,
    demonstrations: bool = False,
) -> Estimate:
    """Read a sample of a corpus into temporary folders, and extrapolate.

    Parameters
    ----------
    corpus, vocabulary, teacher, top_k
        As in `extract_into`.
    sample : int, default 16000
        About how many tokens of documents to read.
    demonstrations : bool, default False
        Whether demonstrations will be chosen. Until they are, a prompt of usual length is counted in their place.

    Returns
    -------
    Estimate
        The tokens are counted; time and size are extrapolated.

    Raises
    ------
    InputError
        If every document is empty.
    """
    texts = corpus.distinct.texts
    if not texts:
        raise InputError("every document is empty; give at least one with text")
    start = time.perf_counter()
    teacher.open()
    opening = time.perf_counter() - start
    selection = selection_seconds(teacher, corpus, vocabulary) if demonstrations else 0.0
    if demonstrations:
        teacher = expected_teacher(teacher, corpus, vocabulary)
    lengths = np.array([len(row) for row in teacher.token_ids(texts)])
    chosen = _stratified(lengths, sample)
    # The first quarter also pays for what is done once: compiled products, the vocabulary's spellings.
    first, rest = chosen[::4], np.delete(chosen, np.s_[::4])
    outputs, seconds = [], [opening]
    for part in (first, rest):
        start = time.perf_counter()
        outputs.append(teacher.read([texts[place] for place in part], vocabulary))
        seconds.append(time.perf_counter() - start)
    if len(rest):
        seconds[-1] *= int(lengths.sum() - lengths[first].sum()) / int(lengths[rest].sum())
    size = _stored_bytes(
        Corpus.from_texts([texts[place] for part in (first, rest) for place in part]),
        Features(*(np.concatenate([getattr(one, name) for one in outputs]) for name in ("log_probs", "hidden"))),
        build_manifest(corpus, vocabulary, teacher, top_k=top_k),
    )
    return Estimate(len(corpus), len(texts), int(lengths.sum()), selection + sum(seconds), size)


def _stored_bytes(part: Corpus, features: Features, whole: Manifest) -> int:
    """Size of the whole store, from the cost of a file and of a row in two stores of different sizes."""
    counts = (len(part), max(1, len(part) // 2))
    sizes: list[int] = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            documents = part.take(count)
            manifest = replace(whole, corpus=documents.fingerprint, rows=count, shard_rows=count)
            store = FeatureStore.create(Path(folder) / "features", manifest)
            if whole.top_k is not None:
                store.write_means(mean_log_probs(features.log_probs))
            store.write(
                store.shards[0], part.ids[:count], Features(features.log_probs[:count], features.hidden[:count])
            )
            store.write_documents(documents)
            files = [*store.path.glob("part-*.parquet"), store.path / "documents.parquet"]
            sizes.append(sum(file.stat().st_size for file in files))
    row = (sizes[0] - sizes[1]) / max(1, counts[0] - counts[1])
    count = -(-whole.rows // whole.shard_rows)
    return round(count * max(0.0, sizes[0] - row * counts[0]) + row * whole.rows)


def _stratified(lengths: DocInt, sample: int) -> Int[np.ndarray, " chosen"]:
    """Equidistant documents in the order of their lengths, about `sample` tokens in all."""
    count = max(1, min(len(lengths), round(len(lengths) * sample / int(lengths.sum()))))
    places = ((np.arange(count) + 0.5) * len(lengths) / count).astype(int)
    return np.sort(np.argsort(lengths, kind="stable")[places])
