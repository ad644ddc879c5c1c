"""Renewal of a fitted model: new documents without a fit, and a refit that continues an earlier model."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from softtopic.data.corpus import Corpus
from softtopic.data.language_names import AUTO
from softtopic.data.vocabulary import VOCABULARY_SIZE, Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.projection import points_of, project_points
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.predict import Prediction, Predictor
from softtopic.pipeline.sources import Source
from softtopic.state import DocumentVectors, FittedState
from softtopic.storage.progress import RunClock
from softtopic.teacher.base import BaseTeacher
from softtopic.topics.documents import excerpt, known_vectors
from softtopic.topics.edits import Edit, apply
from softtopic.topics.renewal import (
    RenewalConfig,
    addition,
    count_known,
    novel_groups,
    widened,
    with_documents,
    with_ids,
    with_vectors,
)
from softtopic.topics.replay import Earlier, changes, replay, with_numbers
from softtopic.types import DocHidden, DocInt
from softtopic.wording import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Renewed:
    """A model after new documents.

    Attributes
    ----------
    state : FittedState
        Before edits.
    edits : tuple of Edit
        Those there were, and one more where there are new topics.
    changes : DataFrame
        See `softtopic.topics.replay.changes`.
    """

    state: FittedState
    edits: tuple[Edit, ...]
    changes: pd.DataFrame


def update(
    predictor: Predictor,
    corpus: Corpus,
    *,
    words: tuple[Any, str | Sequence[str]] = (VOCABULARY_SIZE, AUTO),
    config: RenewalConfig = RenewalConfig(),
    **options: Any,
) -> Renewed:
    """Add documents to a fitted model without forgetting; see `TopicModel.update`.

    Parameters
    ----------
    predictor : Predictor
        Of the model; it is left as it is.
    corpus : Corpus
        See `new_documents`.
    words : tuple
        Parameters `vocabulary` and `language` of the model: words of new topics are chosen as its own were.
    config : RenewalConfig
    **options
        Options of `Predictor.make_inputs`.
    """
    state, view = predictor.state, predictor.view
    known = known_vectors(state)
    made = predictor.make_inputs(corpus, **options)
    found = predictor.predict(*made)
    points, groups = _novel_groups(predictor, corpus, made[1], found, config)
    n_new = int(groups.max()) + 1
    log.info("%s, %s", counted(len(corpus), "new document"), counted(n_new, "new topic"))
    vectors: Any = found.vectors, found.norms
    if n_known := count_known(state, corpus, vectors[0]):
        what = "are already in the model and count twice"
        if not any(state.excerpts):
            what = "have the vectors of documents of the model; where the texts are the same, they count twice"
        warnings.warn(f"{n_known:,} of {counted(len(corpus), 'document')} {what}", stacklevel=3)
    if not any(state.excerpts):
        log.warning("the model was saved without texts, so the texts of the new documents are not kept either")
    if n_new:
        known = widened(known, points, groups)
        vectors = _projected(corpus, points, known)
    line = f"update: {counted(len(corpus), 'more document')}, {counted(n_new, 'new topic')}"
    grown = with_documents(state, corpus, found.fitted_theta, with_vectors(known, *vectors))
    grown = replace(grown, plan=(*state.plan, line))
    before, edits = apply(grown, predictor.edits), predictor.edits
    after = before
    if n_new:
        vocabulary = words_of_new_topics(state, view, corpus, *words)
        groups = np.append(groups, -1)[corpus.distinct.rows]
        edits = (*edits, addition(before.state, corpus, groups, vocabulary, config))
        after = edits[-1].apply(before)
    compared = [(one.state, one.state.columns[one.state.with_text]) for one in (before, after)]
    new = range(view.n_topics, view.n_topics + n_new)
    return Renewed(state=grown, edits=edits, changes=changes(*compared, appeared=new))


def _novel_groups(
    predictor: Predictor, corpus: Corpus, inputs: Any, found: Prediction, config: RenewalConfig
) -> tuple[np.ndarray, DocInt]:
    """Inputs of the distinct documents, L2-normalised, and the group of each."""
    points: Any = points_of(inputs)
    points = np.asarray(points.toarray() if issparse(points) else points)
    novelty = predictor.novelty_scale.novelty(found.projections)[corpus.distinct.first]
    return points, novel_groups(predictor.view, points, novelty, config)


def _projected(corpus: Corpus, points: np.ndarray, known: DocumentVectors) -> tuple[DocHidden, np.ndarray]:
    """Vectors and norms of all documents from points of the distinct ones."""
    vectors, norms = project_points(points, known.components)
    rows = corpus.distinct.rows
    return np.vstack([vectors, np.zeros_like(vectors[:1])])[rows], np.append(norms, np.zeros_like(norms[:1]))[rows]


def new_documents(state: FittedState, X: Any, ids: Any = None, times: Any = None) -> Corpus:
    """The corpus of new documents; raises InputError where none has text, or ids do not go with those of the state.

    Ids that are mere positions were not given, and count on.
    """
    corpus = X if isinstance(X, Corpus) else Corpus.from_texts(X)
    given: dict[str, Any] = {name: tuple(one) for name, one in (("ids", ids), ("times", times)) if one is not None}
    if given:
        corpus = Corpus.from_texts(corpus.texts, **({"ids": corpus.ids, "times": corpus.times} | given))
    if not len(corpus):
        raise InputError("there are no new documents; give one or more")
    if not corpus.distinct.texts:
        raise InputError(f"{len(corpus)} new documents, none with text; give documents with text")
    count_on = ids is None and corpus.ids == tuple(map(str, range(len(corpus))))
    return with_ids(state, corpus, count_on=count_on)


def words_of_new_topics(
    state: FittedState, view: FittedState, corpus: Corpus, vocabulary: Any, language: str | Sequence[str]
) -> Vocabulary:
    """Words of the model, and other words of the new documents where it chose its own; none that were excluded."""
    excluded = set(state.vocabulary.words) - set(view.vocabulary.words)
    words = list(view.vocabulary.words)
    if isinstance(vocabulary, int | np.integer):
        config = state.recipe.vocabulary
        languages = state.languages_of(language)
        found = Vocabulary.from_texts(corpus.distinct.texts, language=languages, min_df=1, max_df=1.0, config=config)
        words += [word for word in found.words if word not in excluded]
    return replace(view.vocabulary, words=tuple(dict.fromkeys(words)))


def refit(
    plan: FitPlan,
    source: Source,
    earlier: Predictor,
    *,
    progress: bool | RunClock = False,
    config: RenewalConfig = RenewalConfig(),
    **options: Any,
) -> tuple[FitPlan, BaseTeacher | None, Renewed]:
    """Carry out a plan so that topics continue those of an earlier model.

    Parameters
    ----------
    plan, source, progress
        As of `softtopic.pipeline.fit.fit`.
    earlier : Predictor
        Of the earlier model.
    config : RenewalConfig
    **options
        Options of `Predictor.make_inputs`: vectors of the documents for the earlier model.

    Returns
    -------
    plan : FitPlan
        With the documents that were read.
    teacher : BaseTeacher or None
        The language model that read the documents.
    renewed : Renewed
        Its edits are those of the earlier model that could be repeated.
    """
    from softtopic.pipeline import fit as steps  # needs torch, which an update does not

    if new := [guide.name for guide in plan.guides if guide.name not in earlier.state.names]:
        raise InputError(f"guides and like= go together if the earlier model had them, too; {new[0]!r} is new")
    corpus = source.corpus
    made = earlier.make_inputs(corpus if source.has_texts else None, progress=progress, **options)
    found = earlier.predict(*made)
    known = Earlier(state=earlier.state, edits=earlier.edits, theta=found.fitted_theta, vectors=found.vectors)
    theta = found.fitted_theta[corpus.distinct.first]
    weights = config.like_weight * _are_bound(earlier, corpus, found, config)[corpus.distinct.first]
    topics = steps.EarlierTopics(theta, weights, config.like_margin)
    plan, state, teacher = steps.fit(plan, source, progress=progress, earlier=topics)
    state = with_numbers(state, known, config.min_overlap)
    edits, skipped = replay(state, known)
    if skipped:
        log.warning("edits that could not be repeated: %s", "; ".join(skipped))
    rows, view = state.with_text, apply(state, edits).state
    compared = changes((earlier.view, found.theta[rows].argmax(axis=1)), (view, view.columns[rows]))
    return plan, teacher, Renewed(state=state, edits=edits, changes=compared)


def _are_bound(earlier: Predictor, corpus: Corpus, found: Prediction, config: RenewalConfig) -> np.ndarray:
    """Whether each document is one of the earlier model, or fits its topics; the others may make new topics."""
    if found.vectors is None:
        return np.ones(len(corpus))
    texts = {text for text in earlier.state.excerpts if text}
    known = [excerpt(text) in texts for text in corpus.texts]
    return (np.array(known) | (earlier.novelty_scale.novelty(found.projections) < config.min_novelty)).astype(float)
