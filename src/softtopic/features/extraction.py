"""From a corpus to its features: cut into shards, read what is missing, keep what is there."""

import logging
from pathlib import Path

from softtopic.data.corpus import Corpus, fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.features.sparse import SparseLabels, WordMeans
from softtopic.features.store import SHARD_ROWS, Features, FeatureStore, Manifest, Shard
from softtopic.storage.cache import cache_dir
from softtopic.storage.memory import release_memory
from softtopic.storage.progress import Progress
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.calibration import mean_log_probs

# Documents read twice where labels are cut: their mean must be known before the first is.
FOR_MEANS = 256

log = logging.getLogger(__name__)


def manifest_of(
    corpus: Corpus,
    vocabulary: Vocabulary,
    teacher: BaseTeacher,
    *,
    top_k: int | None = None,
    shard_rows: int = SHARD_ROWS,
) -> Manifest:
    """What the features of this corpus will depend on; the language model is not loaded."""
    if top_k is not None and top_k < 1:
        raise InputError(f"top_k is {top_k}; give at least 1, or nothing to keep all words")
    return Manifest(
        corpus=corpus.fingerprint,
        vocabulary=vocabulary.fingerprint,
        teacher=teacher.fingerprint,
        rows=len(corpus.distinct.texts),
        words=vocabulary.words,
        described=teacher.description,
        # A vocabulary of no more words is kept whole.
        top_k=None if top_k is None or top_k >= len(vocabulary) else top_k,
        shard_rows=shard_rows,
    )


def extract_into(
    path: str | Path,
    corpus: Corpus,
    vocabulary: Vocabulary,
    teacher: BaseTeacher,
    *,
    top_k: int | None = None,
    progress: bool = False,
) -> FeatureStore:
    """Bring the store at `path` up to the whole corpus. Shards that are there already are not read again.

    With `top_k` only so many words of each soft label are kept; see `SparseLabels`. May be
    killed at any moment; the next call goes on with the next shard, and the result is the same. A store begun earlier
    keeps the shard size it began with.
    """
    if not corpus.distinct.texts:
        raise InputError("every document is empty; give at least one with text")
    store = FeatureStore.create(path, manifest_of(corpus, vocabulary, teacher, top_k=top_k))
    with store.lock():
        missing = store.missing()
        done = store.manifest.rows - sum(shard.stop - shard.start for shard in missing)
        if missing:
            # Before the bar: opening a language model takes its own time.
            teacher.open()
            log.info("reading %d documents into %s (%d done before)", store.manifest.rows - done, store.path, done)
        with Progress(
            "reading documents", store.manifest.rows, "doc", done=done, show=progress and bool(missing)
        ) as bar:
            if missing and store.manifest.top_k is not None and not store.has_means:
                store.write_means(word_means(corpus, vocabulary, teacher))
            for shard in missing:
                run_shard(store, shard, corpus, teacher, bar)
    return store


def word_means(corpus: Corpus, vocabulary: Vocabulary, teacher: BaseTeacher) -> WordMeans:
    """Mean log probability of each word over some documents at equal distances: what cut labels are measured by."""
    texts = corpus.distinct.texts
    read = teacher.read(texts[:: max(1, len(texts) // FOR_MEANS)][:FOR_MEANS], vocabulary)
    return mean_log_probs(read.log_probs)


def run_shard(store: FeatureStore, shard: Shard, corpus: Corpus, teacher: BaseTeacher, bar: Progress) -> None:
    """Read one shard's documents and publish their features."""
    texts = corpus.distinct.texts[shard.start : shard.stop]
    output = teacher.read(texts, store.vocabulary, bar.advance)
    ids = [fingerprint_strings([text])[:16] for text in texts]
    store.write(shard, ids, Features(output.log_probs, output.hidden))
    # What batches of many shapes leave behind in holes grows with the corpus: half a gigabyte in ten shards.
    release_memory(collect=False)


def extract(
    corpus: Corpus,
    vocabulary: Vocabulary,
    teacher: BaseTeacher,
    *,
    features: str | Path | None = "auto",
    top_k: int | None = None,
    progress: bool = False,
) -> Features:
    """Features of the distinct documents of a corpus.

    `features` says where they are kept: "auto" is a folder of the cache named by what they depend on, None keeps
    nothing, any other path is a feature folder. With `top_k` all but so many words of each soft label are estimates.
    """
    if features is None:
        with Progress("reading documents", len(corpus.distinct.texts), "doc", show=progress) as bar:
            output = teacher.read(corpus.distinct.texts, vocabulary, bar.advance)
        kept = manifest_of(corpus, vocabulary, teacher, top_k=top_k).top_k
        if kept is None:
            return Features(output.log_probs, output.hidden)
        means = word_means(corpus, vocabulary, teacher)
        return Features(SparseLabels.of(output.log_probs, kept, means).dense(), output.hidden)
    path = automatic_path(corpus, vocabulary, teacher, top_k) if features == "auto" else features
    return extract_into(path, corpus, vocabulary, teacher, top_k=top_k, progress=progress).read()


def automatic_path(corpus: Corpus, vocabulary: Vocabulary, teacher: BaseTeacher, top_k: int | None = None) -> Path:
    """The folder in the cache where the features of this corpus are kept."""
    cut = [] if top_k is None else [f"top_k {top_k}"]
    key = fingerprint_strings([corpus.fingerprint, vocabulary.fingerprint, teacher.fingerprint, *cut])
    return cache_dir() / "features" / key[:32]


def is_kept(corpus: Corpus, vocabulary: Vocabulary, teacher: BaseTeacher) -> bool:
    """Whether the cache holds all features of this corpus."""
    path = automatic_path(corpus, vocabulary, teacher)
    return (path / "manifest.json").exists() and not FeatureStore.open(path).missing()
