"""Steps of a fit: sentence vectors of the documents, and the inputs of the topic model."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from softtopic.features.store import Features
from softtopic.inputs.lsa import LSA
from softtopic.inputs.registry import INPUTS, Inputs, Sources, check_vectors, make_inputs, split_inputs
from softtopic.lm.encoder import Embedder, embed
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.sources import Source
from softtopic.storage.progress import RunClock
from softtopic.types import DocHidden

log = logging.getLogger(__name__)

# Fewer texts are encoded or read anew: keeping their features on disk would cost more.
MIN_KEPT = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Representation:
    """What is known of each distinct document.

    Attributes
    ----------
    inputs : Inputs
        A row for each distinct document.
    lsa : LSA or None
        Fitted where words are an input.
    features : Features or None
        Soft labels and hidden states of the documents read.
    """

    inputs: Inputs
    lsa: LSA | None
    features: Features | None


def encode_with(
    embedder: Embedder | None, *, keep: bool, progress: bool | RunClock, device: str
) -> Callable[[Sequence[str]], DocHidden]:
    """A function from texts to checked sentence vectors."""

    def encode(texts: Sequence[str]) -> DocHidden:
        kept = keep and len(texts) >= MIN_KEPT
        vectors = embed(texts, embedder, keep=kept, progress=progress, device=device)
        return check_vectors("embedding", vectors, len(texts), {})

    return encode


def sentence_vectors(plan: FitPlan, source: Source, *, progress: bool | RunClock = False) -> DocHidden | None:
    """Sentence vectors of the distinct documents, the caller's or the encoder's; None where the plan needs none."""
    if source.embeddings is not None or plan.embedder is None:
        return source.embeddings
    encode = encode_with(plan.embedder, keep=plan.features is not None, progress=progress, device=str(plan.device))
    vectors = encode(source.corpus.distinct.texts)
    log.info("encoded %d documents", len(vectors))
    return vectors


def represent(
    plan: FitPlan, source: Source, vectors: DocHidden | None, features: Features | None
) -> Representation:  # fmt: skip
    """Make the inputs of all distinct documents, from their sentence vectors and what the language model read."""
    sources = Sources(
        texts=source.corpus.distinct.texts,
        vocabulary=plan.vocabulary,
        config=plan.recipe.words,
        hidden=None if features is None or not plan.reads_all else features.hidden,
        encode=None if vectors is None else lambda _: vectors,
        seed=plan.seed,
    )
    inputs = make_inputs(plan.recipe.inputs, sources)
    log.info("inputs: %s", ", ".join(f"{name} ({width:,} columns)" for name, width in inputs.widths.items()))
    fits_lsa = any(INPUTS[name].fits_lsa for name in split_inputs(plan.recipe.inputs))
    return Representation(inputs=inputs, lsa=sources.lsa if fits_lsa else None, features=features)


def standardize(vectors: DocHidden) -> DocHidden:
    """Columns of mean 0 and variance 1, constant ones 0; otherwise a few large columns would decide every cosine."""
    vectors = vectors.astype(np.float32)
    deviation = vectors.std(axis=0)
    return (vectors - vectors.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
