"""Guided topics: which documents stand for each, and where its group starts."""

import logging

import numpy as np
from jaxtyping import Float
from sklearn.preprocessing import normalize

from softtopic.data.guides import word_places, word_shares
from softtopic.graph.anchors import Anchors, seed_documents
from softtopic.graph.config import GuidesConfig
from softtopic.lm.vectors import embed
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.represent import Representation
from softtopic.pipeline.sources import Source
from softtopic.pipeline.targets import Targets
from softtopic.wording import counted

log = logging.getLogger(__name__)

Points = Float[np.ndarray, "docs width"]


def anchors_of(
    plan: FitPlan, source: Source, representation: Representation, targets: Targets, points: Points
) -> Anchors | None:
    """Mean of the documents that stand for each guide; None where there are no guides."""
    if not plan.guides or plan.recipe.groups is None:
        return None
    scores = guide_scores(plan, source, representation, targets, plan.recipe.groups.guides)
    seeds = seed_documents(scores, plan.chosen_n_topics, plan.recipe.groups.guides)
    for guide, rows in zip(plan.guides, seeds, strict=True):
        log.info("guide %r: %s", guide.name, counted(len(rows), "representative document"))
    return np.stack([points[rows].mean(axis=0) for rows in seeds])


def guide_scores(
    plan: FitPlan, source: Source, representation: Representation, targets: Targets, config: GuidesConfig
) -> Float[np.ndarray, "docs guides"]:
    """How well each document trained on fits each guide: by its words, its soft label and its sentence vector."""
    texts = source.corpus.distinct.texts
    texts = [texts[place] for place in plan.train.tolist()]
    scores = word_shares(plan.guides, texts, plan.vocabulary)
    for column, guide in enumerate(plan.guides):
        words = word_places(plan.vocabulary, guide.words)
        if targets.soft is not None and words:
            scores[:, column] += targets.soft[:, words].sum(axis=1, dtype=np.float32)
    scores *= np.float32(config.words_weight)
    vectors = representation.embedding
    if vectors is not None and plan.embedder is not None:
        scores += np.asarray(normalize(vectors.astype(np.float32))) @ _guide_vectors(plan).T
    return scores


def _guide_vectors(plan: FitPlan) -> Float[np.ndarray, "guides width"]:
    """A vector for each guide: the mean over its examples, and its name with its words."""
    texts: list[str] = []
    owners: list[int] = []
    for place, guide in enumerate(plan.guides):
        words = guide.words if guide.by_name_alone else (guide.name, *guide.words) if guide.words else ()
        for text in (*guide.examples, *([", ".join(words)] if words else [])):
            texts.append(text)
            owners.append(place)
    vectors = np.asarray(embed(texts, plan.embedder, device=str(plan.device)), dtype=np.float32)
    means = np.zeros((len(plan.guides), vectors.shape[1]), dtype=np.float32)
    np.add.at(means, owners, np.asarray(normalize(vectors)))
    return np.asarray(normalize(means))
