"""Steps of a fit: sentence vectors of the documents, and the inputs of the topic model."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from softtopic.features.store import Features
from softtopic.inputs.language_axes import Axes
from softtopic.inputs.lsa import LSA
from softtopic.inputs.registry import INPUTS, Inputs, Sources, check_vectors, make_inputs, split_inputs
from softtopic.lm.config import Embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.lm.static_encoder import StaticEncoder
from softtopic.lm.vectors import embed
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.sources import Source
from softtopic.storage.memory import release_memory
from softtopic.storage.progress import RunClock
from softtopic.types import DocHidden
from softtopic.wording import counted

log = logging.getLogger(__name__)

# Fewer texts, if they are short, are encoded or read anew: keeping their features on disk would cost more.
MIN_KEPT = 256
_MIN_CHARACTERS = 1 << 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Representation:
    """What is known of each distinct document.

    Attributes
    ----------
    inputs : Inputs
        A row for each distinct document.
    embedding : ndarray of shape (n_documents, width) or None
        Sentence vectors of the documents trained on, where the recipe needs some.
    static : StaticEncoder or None
        Distilled where it is an input.
    lsa : LSA or None
        Fitted where words are an input.
    features : Features or None
        Soft labels and hidden states of the documents read.
    axes : ndarray of shape (n_axes, width) or None
        What was removed from sentence vectors, see `softtopic.inputs.language_axes`; None for nothing.
    """

    inputs: Inputs
    embedding: DocHidden | None
    static: StaticEncoder | None
    lsa: LSA | None
    features: Features | None
    axes: Axes | None = None


def are_kept(texts: Sequence[str]) -> bool:
    """Whether it pays to keep what was computed from the texts."""
    return len(texts) >= MIN_KEPT or sum(map(len, texts)) >= _MIN_CHARACTERS


def encode_with(
    embedder: Embedder | None, *, keep: bool, progress: bool | RunClock, device: str
) -> Callable[[Sequence[str]], DocHidden]:
    """A function from texts to checked sentence vectors."""

    def encode(texts: Sequence[str]) -> DocHidden:
        vectors = embed(texts, embedder, keep=keep and are_kept(texts), progress=progress, device=device)
        return check_vectors("embedding", vectors, len(texts), {})

    return encode


def sentence_vectors(plan: FitPlan, source: Source, *, progress: bool | RunClock = False) -> DocHidden | None:
    """Sentence vectors of the plan's documents, the caller's or the encoder's; None where the plan needs none."""
    rows = slice(None) if plan.encoded is None else plan.encoded
    if source.embeddings is not None:
        return source.embeddings[rows]
    if plan.embedder is None:
        return None
    encode = encode_with(plan.embedder, keep=plan.features is not None, progress=progress, device=str(plan.device))
    texts = source.corpus.distinct.texts
    vectors = encode(texts if plan.encoded is None else [texts[row] for row in plan.encoded.tolist()])
    log.info("encoded %s", counted(len(vectors), "document"))
    release_memory(collect=False)
    return vectors


def represent(
    plan: FitPlan,
    source: Source,
    vectors: DocHidden | None,
    features: Features | None,
    axes: Axes | None = None,
) -> Representation:  # fmt: skip
    """Make the inputs of all distinct documents, from their sentence vectors and what the language model read."""
    static = distilled_encoder(plan, source, vectors)
    sources = Sources(
        texts=source.corpus.distinct.texts,
        vocabulary=plan.vocabulary,
        config=plan.recipe.words,
        hidden=None if features is None or not plan.reads_all else features.hidden,
        encode=None if vectors is None or plan.encoded is not None else lambda _: vectors,
        static=static,
        seed=plan.seed,
    )
    inputs = make_inputs(plan.recipe.inputs, sources)
    log.info("inputs: %s", ", ".join(f"{name} ({width:,} columns)" for name, width in inputs.widths.items()))
    fits_lsa = any(INPUTS[name].fits_lsa for name in split_inputs(plan.recipe.inputs))
    embedding = None
    if vectors is not None and plan.recipe.needs_embeddings:
        embedding = vectors if plan.encoded is not None else vectors[plan.train]
    lsa = sources.lsa if fits_lsa else None
    return Representation(inputs=inputs, embedding=embedding, static=static, lsa=lsa, features=features, axes=axes)


def distilled_encoder(plan: FitPlan, source: Source, vectors: DocHidden | None) -> StaticEncoder | None:
    """The static encoder of the recipe, trained on the documents that were encoded; None where it is no input."""
    if "static" not in plan.inputs or vectors is None:
        return None
    from softtopic.lm.distillation import distill

    config = plan.recipe.encoder
    encoder = plan.embedder
    if not isinstance(encoder, SentenceEncoder):
        # Vectors of the caller's are predicted from tokens of the recipe's encoder.
        encoder = SentenceEncoder(config.name, max_tokens=config.max_tokens, device=str(plan.device))
    rows = np.arange(plan.n_distinct) if plan.encoded is None else plan.encoded
    static = distill(encoder, source.corpus.distinct.texts, rows, vectors, plan.recipe.static, seed=plan.seed)
    log.info(
        "static encoder of %s, trained on %s", counted(len(static.tokens), "token"), counted(len(rows), "document")
    )
    return static


def standardize(vectors: DocHidden) -> DocHidden:
    """Columns of mean 0 and variance 1, constant ones 0; otherwise a few large columns would decide every cosine."""
    vectors = vectors.astype(np.float32)
    deviation = vectors.std(axis=0)
    return (vectors - vectors.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
