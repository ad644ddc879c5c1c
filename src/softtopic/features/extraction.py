"""Extraction of features: the documents of a corpus are read shard by shard, and what is kept is not read again."""

import logging
from pathlib import Path

from softtopic.data.corpus import Corpus, fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, StoreMismatchError
from softtopic.features.manifest import FILE, Manifest
from softtopic.features.shards import Shard
from softtopic.features.sparse import SparseLabels, WordMeans
from softtopic.features.store import FeatureStore
from softtopic.storage.cache import cache_dir
from softtopic.storage.memory import release_memory
from softtopic.storage.progress import Progress, RunClock, Step, noting_what_is_kept
from softtopic.teacher.base import BaseTeacher, Features
from softtopic.teacher.calibration import mean_log_probs
from softtopic.wording import counted

# Documents whose mean soft label decides which words are kept of truncated ones; they are read twice.
MEAN_DOCUMENTS = 256

log = logging.getLogger(__name__)


def build_manifest(
    corpus: Corpus,
    vocabulary: Vocabulary,
    teacher: BaseTeacher,
    *,
    top_k: int | None = None,
    shard_rows: int | None = None,
) -> Manifest:
    """What the features of a corpus depend on; the language model is not loaded.

    Parameters
    ----------
    corpus, vocabulary, teacher, top_k
        As in `extract_into`.
    shard_rows : int, optional
        Documents in a shard. Default: as many as the teacher reads in a few seconds, by the lengths of the texts.

    Raises
    ------
    InputError
        If `top_k` is below 1.
    """
    if top_k is not None and top_k < 1:
        raise InputError(f"top_k is {top_k}; give at least 1, or nothing to keep all words")
    texts = corpus.distinct.texts
    return Manifest(
        corpus=corpus.fingerprint,
        vocabulary=vocabulary.fingerprint,
        teacher=teacher.fingerprint,
        rows=len(texts),
        words=vocabulary.words,
        teacher_description=teacher.description,
        # A vocabulary of no more words is kept whole.
        top_k=None if top_k is None or top_k >= len(vocabulary) else top_k,
        shard_rows=shard_rows or teacher.documents_per_shard(texts),
    )


def extract_into(
    path: str | Path,
    corpus: Corpus,
    vocabulary: Vocabulary,
    teacher: BaseTeacher,
    *,
    top_k: int | None = None,
    progress: bool | RunClock = False,
) -> FeatureStore:
    """Bring a feature store up to the whole corpus.

    Shards that are there are not read again. The process may be killed at any moment: the next call continues, and the
    result is the same. Several processes may extract into one store at once; each reads the shards that no other is
    reading, and all return when the store is complete. A store begun earlier keeps its shard size.

    Parameters
    ----------
    path : str or Path
        Folder of the store; created where it is missing.
    corpus : Corpus
        The documents to read.
    vocabulary : Vocabulary
        The words to score.
    teacher : BaseTeacher
        Who reads.
    top_k : int, optional
        Words kept of each soft label, see `SparseLabels`; the probabilities of all others are estimates. None: all.
    progress : bool or RunClock, default False
        Show a progress bar.

    Returns
    -------
    FeatureStore
        Complete.

    Raises
    ------
    InputError
        If every document is empty, or `top_k` is below 1.
    StoreMismatchError
        If the folder is not a feature store, or holds other features.
    DiskError
        If a shard cannot be written.
    """
    if not corpus.distinct.texts:
        raise InputError("every document is empty; give at least one with text")
    store = FeatureStore.create(path, build_manifest(corpus, vocabulary, teacher, top_k=top_k))
    missing = store.missing()
    if not missing:
        return store
    rows = store.manifest.rows
    done = rows - sum(map(len, missing))
    with Progress(Step.OPEN_TEACHER, 1, "model", show=progress) as bar:
        teacher.open()
        bar.advance(1)
    if damaged := [shard.file for shard in missing if (store.path / shard.file).exists()]:
        log.warning("%s: damaged or of another run, read again: %s", store.path, ", ".join(damaged))
    log.info("reading %s into %s (%s done before)", counted(rows - done, "document"), store.path, f"{done:,}")
    kept = noting_what_is_kept(
        lambda: f"{rows - sum(map(len, store.missing())):,} of {rows:,} documents read are kept"
    )  # fmt: skip
    with Progress(Step.READ, rows, "doc", done=done, show=progress) as bar, kept:
        if store.manifest.top_k is not None:
            with store.lock_means():
                if not store.has_means:
                    store.write_means(word_means(corpus, vocabulary, teacher))
        _extract_shards(store, missing, corpus, teacher, bar)
    return store


def _extract_shards(
    store: FeatureStore, missing: list[Shard], corpus: Corpus, teacher: BaseTeacher, bar: Progress
) -> None:
    """Read the missing shards that no other process reads, then wait for the others."""
    wait = False
    while missing:
        left: list[Shard] = []
        for shard in missing:
            with store.claim(shard, wait=wait) as claimed:
                if not claimed:
                    left.append(shard)
                elif store.has(shard):
                    bar.advance(len(shard))  # another process has read it meanwhile
                else:
                    extract_shard(store, shard, corpus, teacher, bar)
            wait = False
        # Where others read all that is left: their next shard, unless they are killed over it.
        missing, wait = left, len(left) == len(missing)


def word_means(corpus: Corpus, vocabulary: Vocabulary, teacher: BaseTeacher) -> WordMeans:
    """Mean log probability of each word over equidistant documents; truncated labels are measured by it."""
    texts = corpus.distinct.texts
    output = teacher.read(texts[:: max(1, len(texts) // MEAN_DOCUMENTS)][:MEAN_DOCUMENTS], vocabulary)
    return mean_log_probs(output.log_probs)


def extract_shard(store: FeatureStore, shard: Shard, corpus: Corpus, teacher: BaseTeacher, bar: Progress) -> None:
    """Read the documents of one shard and publish their features."""
    texts = corpus.distinct.texts[shard.start : shard.stop]
    output = teacher.read(texts, store.vocabulary, bar.advance)
    ids = [fingerprint_strings([text])[:16] for text in texts]
    store.write(shard, ids, output)
    # Batches of many shapes fragment memory: half a gigabyte over ten thousand documents.
    release_memory(collect=False)


def extract(
    corpus: Corpus,
    vocabulary: Vocabulary,
    teacher: BaseTeacher,
    *,
    features: str | Path | None = "auto",
    top_k: int | None = None,
    progress: bool | RunClock = False,
) -> Features:
    """Features of the distinct documents of a corpus.

    Parameters
    ----------
    corpus, vocabulary, teacher, top_k, progress
        As in `extract_into`.
    features : str, Path or None, default "auto"
        Where features are kept: "auto" is a folder in the cache named by what they depend on, None keeps nothing, any
        other value is the folder of a feature store.

    Returns
    -------
    Features
        One row for each distinct document, in order.
    """
    if features is None:
        with Progress(Step.READ, len(corpus.distinct.texts), "doc", show=progress) as bar:
            output = teacher.read(corpus.distinct.texts, vocabulary, bar.advance)
        if top_k is None or (kept := build_manifest(corpus, vocabulary, teacher, top_k=top_k).top_k) is None:
            return output
        means = word_means(corpus, vocabulary, teacher)
        return Features(SparseLabels.from_dense(output.log_probs, kept, means).to_dense(), output.hidden)
    if features != "auto":
        return extract_into(features, corpus, vocabulary, teacher, top_k=top_k, progress=progress).read()
    path = cache_path(corpus, vocabulary, teacher, top_k)
    try:
        return extract_into(path, corpus, vocabulary, teacher, top_k=top_k, progress=progress).read()
    except (OSError, StoreMismatchError) as error:
        # A cache that is full, read-only or was cleared meanwhile; one that is damaged is the caller's to mend.
        if isinstance(error, StoreMismatchError) and (path / FILE).exists():
            raise
        log.warning("what the language model says is not kept: %s", error)
    return extract(corpus, vocabulary, teacher, features=None, top_k=top_k, progress=progress)


def cache_path(corpus: Corpus, vocabulary: Vocabulary, teacher: BaseTeacher, top_k: int | None = None) -> Path:
    """The folder in the cache for the features of a corpus."""
    settings = [] if top_k is None else [f"top_k {top_k}"]
    key = fingerprint_strings([corpus.fingerprint, vocabulary.fingerprint, teacher.fingerprint, *settings])
    return cache_dir() / "features" / key[:32]


def is_cached(corpus: Corpus, vocabulary: Vocabulary, teacher: BaseTeacher) -> bool:
    """Whether the cache holds all features of a corpus."""
    path = cache_path(corpus, vocabulary, teacher)
    return (path / "manifest.json").exists() and not FeatureStore.open(path).missing()
