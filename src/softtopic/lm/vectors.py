"""Sentence vectors of a collection, kept part by part in the cache folder."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from softtopic.data.corpus import fingerprint_strings
from softtopic.errors import DiskError, InputError
from softtopic.lm.config import Embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.storage.assets import ASSETS
from softtopic.storage.atomic import staged_file
from softtopic.storage.cache import cache_dir
from softtopic.storage.memory import release_memory
from softtopic.storage.progress import Progress, RunClock, Step, noting_what_is_kept
from softtopic.types import DocHidden

log = logging.getLogger(__name__)

# Texts whose vectors share a file in the cache folder, and the characters read of them, of which a slow machine encodes
# so many in some seconds: what a killed process has not written is encoded again.
_FILE_TEXTS = 2048
_FILE_CHARACTERS = 1 << 17
# Those of the first part; each further one may have twice as many, so that few texts are in several parts too.
_FIRST_TEXTS, _FIRST_CHARACTERS = 256, 1 << 14
# English text has about four characters to a token.
_CHARACTERS_PER_TOKEN = 4


def embed(
    texts: Sequence[str],
    embedder: str | Embedder | None,
    *,
    keep: bool = False,
    progress: bool | RunClock = False,
    device: str = "auto",
) -> np.ndarray:
    """Encode texts, by the cache folder where their vectors are in it.

    Parameters
    ----------
    texts : sequence of str
    embedder : str, callable or None
        Name of a sentence encoder, or a callable from a list of texts to an array.
    keep : bool, default=False
        Whether to keep the vectors of an embedded encoder in the cache folder, up to 2,048 texts to a file, fewer
        if they are long and in the first files: the same texts are not encoded twice, and a killed process goes on
        where it was.
    progress : bool or RunClock, default=False
        Whether to show a progress bar.
    device : str, default="auto"
        Where an encoder given by name computes.

    Returns
    -------
    ndarray
        Whatever the embedder gives, to be checked by the caller.

    Raises
    ------
    InputError
        If there is no embedder.
    """
    encoder = _open_embedder(embedder, device)
    if not isinstance(encoder, SentenceEncoder):
        return np.asarray(encoder(texts))
    if not keep or encoder.name not in ASSETS or not texts:
        return encoder(texts, progress=progress)
    parts = parts_of(texts, encoder)
    paths = [_cache_path(encoder, part) for part in parts]
    vectors = [_read_vectors(path, len(part)) for path, part in zip(paths, parts, strict=True)]
    missing = [place for place, found in enumerate(vectors) if found is None]
    done = len(texts) - sum(len(parts[place]) for place in missing)
    if missing:
        kept = noting_what_is_kept(lambda: f"{done:,} of {len(texts):,} sentence vectors are kept")
        with Progress(Step.ENCODE, len(texts), "doc", done=done, show=progress) as bar, kept:
            for place in missing:
                vectors[place] = _write_vectors(paths[place], encoder(parts[place]))
                bar.advance(len(parts[place]))
                done += len(parts[place])
    del encoder
    if len(missing) > 1:
        # What was needed for batches of many shapes would be counted on top of all that follows.
        release_memory()
    return np.concatenate([found for found in vectors if found is not None])


def parts_of(texts: Sequence[str], encoder: SentenceEncoder) -> list[Sequence[str]]:
    """Texts divided into parts that are encoded in some seconds each; a part is a file of the cache folder.

    Parts are made from the first text on: the parts of the first of them are the first parts of all.
    """
    most = _CHARACTERS_PER_TOKEN * encoder.max_tokens
    parts, start, characters = [], 0, 0
    for place, text in enumerate(texts):
        characters += min(len(text), most)
        growth = 1 << min(len(parts), 10)
        count, limit = min(_FIRST_TEXTS * growth, _FILE_TEXTS), min(_FIRST_CHARACTERS * growth, _FILE_CHARACTERS)
        if place > start and (place - start == count or characters > limit):
            parts.append(texts[start:place])
            start, characters = place, min(len(text), most)
    return [*parts, texts[start:]]


def _open_embedder(embedder: str | Embedder | None, device: str) -> Embedder:
    if embedder is None:
        raise InputError("the model was fitted with vectors of your own; give embeddings=, or set model.embedder")
    return SentenceEncoder(embedder, device=device) if isinstance(embedder, str) else embedder


def _cache_path(encoder: SentenceEncoder, texts: Sequence[str]) -> Path:
    key = fingerprint_strings([encoder.fingerprint, *texts])
    return cache_dir() / "embeddings" / f"{key[:32]}.npy"


def _read_vectors(path: Path, count: int) -> DocHidden | None:
    """Vectors from the cache folder; None where there is no file, or one that is damaged or of other texts."""
    try:
        with path.open("rb") as file:
            vectors, digest = np.load(file), file.read()  # objects are refused by default
    except (OSError, ValueError, EOFError):
        return None
    fits = vectors.ndim == 2 and len(vectors) == count and vectors.dtype == np.float32
    return vectors if fits and digest == _digest(path, vectors) else None


def _write_vectors(path: Path, vectors: DocHidden) -> DocHidden:
    """The vectors, which are kept where that is possible."""
    try:
        with staged_file(path) as staging, staging.open("wb") as file:
            np.save(file, vectors)
            file.write(_digest(path, vectors))
    except DiskError as error:
        log.warning("sentence vectors are not kept: %s", error)
    return vectors


def _digest(path: Path, vectors: DocHidden) -> bytes:
    """SHA-256 of the vectors and of the name of their file, which is that of the texts."""
    return hashlib.sha256(path.name.encode() + np.ascontiguousarray(vectors).tobytes()).digest()
