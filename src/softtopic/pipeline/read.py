"""First step of a fit: the language model reads documents."""

import logging
from pathlib import Path

import numpy as np

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.features.extraction import extract, extract_into
from softtopic.features.store import Features, FeatureStore
from softtopic.inputs.language_axes import Axes
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.represent import sentence_vectors
from softtopic.pipeline.sources import Source
from softtopic.storage.progress import RunClock, Step, clock_of
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.demonstrations import with_demonstrations
from softtopic.teacher.encoder import EncoderTeacher
from softtopic.teacher.opening import require_local
from softtopic.types import DocHidden
from softtopic.wording import counted

log = logging.getLogger(__name__)


def corpus_to_read(plan: FitPlan, corpus: Corpus) -> Corpus:
    """The documents the language model reads: the whole corpus, or one document for each distinct text of a part."""
    return corpus if plan.reads_all else corpus.at(corpus.distinct.first[plan.read_rows])


def prompted_teacher(plan: FitPlan, corpus: Corpus, *, progress: bool | RunClock = False) -> BaseTeacher | None:
    """The plan's language model, with a prompt of examples from the corpus where the plan says so."""
    config = plan.recipe.read.demonstrations
    if not plan.choose_demonstrations or plan.teacher is None or config is None:
        return plan.teacher
    teacher = require_local(plan.teacher, "demonstrations='auto'")
    return with_demonstrations(teacher, corpus, plan.vocabulary, config, progress=progress)


def read_into(
    path: str | Path, plan: FitPlan, corpus: Corpus, *, top_k: int | None = None, progress: bool = False
) -> FeatureStore:
    """Read what a fit would read into a feature folder, which also keeps the documents.

    Fitting the folder gives the same model as fitting the corpus.

    Parameters
    ----------
    path : str or Path
        Feature folder, new or begun earlier.
    plan : FitPlan
        Documents are encoded first where their sentence vectors decide which are read.
    corpus : Corpus
        The documents the plan was resolved for.
    top_k : int or None, default=None
        Words kept of each soft label; None for all.
    progress : bool, default=False
    """
    reading = (Step.ENCODE, Step.OPEN_TEACHER, Step.READ)
    show = clock_of(progress, {step: plan.cost.steps[step] for step in reading})
    if plan.read is None:
        plan = plan.choose_documents(sentence_vectors(plan, Source(corpus=corpus), progress=show))
    teacher = prompted_teacher(plan, corpus, progress=show)
    if teacher is None:
        raise InputError("the recipe needs no language model; there is nothing to read")
    part = corpus_to_read(plan, corpus)
    store = extract_into(path, part, plan.vocabulary, teacher, top_k=top_k, progress=show)
    store.write_documents(corpus, read=plan.read_rows)
    return store


def read_documents(
    plan: FitPlan,
    source: Source,
    *,
    vectors: DocHidden | None = None,
    axes: Axes | None = None,
    progress: bool | RunClock = False,
) -> tuple[BaseTeacher | None, Features | None]:
    """Soft labels and hidden states of the documents the plan names, and the language model that made them.

    Parameters
    ----------
    plan : FitPlan
    source : Source
    vectors : ndarray of shape (n_documents, width) or None, default=None
        Sentence vectors of the plan's documents, from which a teacher that is their encoder need not make them again.
    axes : ndarray of shape (n_axes, width) or None, default=None
        What was removed from them.
    progress : bool or RunClock, default=False

    Returns
    -------
    teacher : BaseTeacher or None
        None where no language model is known.
    features : Features or None
        A row for each of `plan.read_rows`; None where no language model is needed.
    """
    if source.features is not None:
        return plan.teacher, source.features if plan.n_read else None
    if not plan.n_read or plan.teacher is None:
        return None, None
    if isinstance(plan.teacher, EncoderTeacher) and vectors is not None and plan.is_encoded_by(plan.teacher):
        rows = plan.read_rows if plan.encoded is None else np.searchsorted(plan.encoded, plan.read_rows)
        return plan.teacher, plan.teacher.features(vectors[rows], plan.vocabulary, axes)
    teacher = prompted_teacher(plan, source.corpus, progress=progress)
    if teacher is None:
        return None, None
    part = corpus_to_read(plan, source.corpus)
    features = extract(part, plan.vocabulary, teacher, features=plan.features, progress=progress)
    log.info("read %s", counted(len(features), "document"))
    return teacher, features
