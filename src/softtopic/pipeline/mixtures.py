"""Topic mixtures of documents that do not fit in memory, as a folder of Parquet parts."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from softtopic.data.document_stream import DocumentBatch, DocumentStream
from softtopic.data.writers import kept_columns
from softtopic.errors import PartFolderError
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.predict import Predictor
from softtopic.pipeline.stream import batch_mixtures
from softtopic.selection import candidate_numbers
from softtopic.storage.parts import PartFolder
from softtopic.storage.progress import Progress, RunClock, Step, noting_what_is_kept
from softtopic.types import DocTopic

log = logging.getLogger(__name__)

# Documents whose inputs are in memory at the same time.
_BATCH_SIZE = 4096

_THETA = "theta_"

# Seconds in which a document is read and may be drawn; those of its mixture without a sentence encoder or language
# model; bytes of its id and topic in a file.
_READING_SECONDS = 1e-5
_DOCUMENT_SECONDS = 1.5e-4
_ROW_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """What `write_mixtures` writes.

    Attributes
    ----------
    novelty : bool
        Whether there is a column with the novelty of each document.
    overwrite : bool
        Whether parts of another model are replaced.
    progress : bool or RunClock
        Whether there is a progress bar on standard error, with the time left of the run that it is a part of.
    """

    novelty: bool = False
    overwrite: bool = False
    progress: bool | RunClock = False


def write_mixtures(
    predictor: Predictor,
    stream: DocumentStream,
    path: str | Path,
    *,
    options: WriteOptions = WriteOptions(),
    embedder: Any = None,
) -> PartFolder:
    """Write the mixtures of all documents of a stream; parts of a run that was killed are kept.

    A part is kept if it is whole, of the same model, and of the same documents: it has the SHA-256 of their texts, ids
    and columns.

    Parameters
    ----------
    predictor : Predictor
    stream : DocumentStream
    path : str or Path
        A new or empty folder, or one begun with the same arguments. Columns are `id`, `label` and `time` where they are
        known, all columns where the stream keeps them, `topic`, `novelty` where it is asked for, and a column
        `theta_TOPIC` for each topic.
    options : WriteOptions, default=WriteOptions()
    embedder : object or None, default=None
        Sentence encoder; None for that of the model.

    Returns
    -------
    PartFolder

    Raises
    ------
    InputError
        If a line holds no document, or another process writes the folder.
    PartFolderError
        If the folder holds something else.
    """
    batches = stream.batches()
    # Nothing is written where nothing can be read.
    batches = chain([next(batches)], batches)
    folder = PartFolder.create(path, made_of(predictor, stream, options), overwrite=options.overwrite)
    n_kept = n_replaced = 0
    index = -1
    note = f"complete parts are in {path}; the same command resumes"
    with (
        noting_what_is_kept(lambda: note),
        folder.claim(),
        Progress(Step.MIXTURES, 100, "%", show=options.progress) as bar,
    ):
        known = folder.parts()
        for index, batch in enumerate(batches):
            source, part = batch.fingerprint, known.get(index)
            if folder.is_current(part, source):
                n_kept += 1
            else:
                if part is not None and (damage := folder.damage(part)) is not None:
                    log.warning("%s is damaged (%s) and is written again", folder.files.at(part.file), damage)
                elif part is not None:
                    n_replaced += 1
                table = _table(predictor, batch, stream, embedder, novelty=options.novelty)
                folder.record(folder.write(index, table, source=source))
            bar.advance_to(round(100 * batch.done))
        folder.finish(index + 1)
    if n_kept:
        log.info("%s of %s parts were complete", f"{n_kept:,}", f"{index + 1:,}")
    if n_replaced:
        log.warning("%s held other documents: parts that were replaced: %d of %d", path, n_replaced, index + 1)
    return folder


def made_of(predictor: Predictor, stream: DocumentStream, options: WriteOptions) -> dict[str, object]:
    """Whatever changes the rows, beside the documents."""
    ids = stream.columns.id
    return made_of_model(predictor, novelty=options.novelty, keep_columns=stream.keep_columns, ids=ids)


def made_of_model(predictor: Predictor, **options: bool | str | None) -> dict[str, object]:
    """Whatever changes the rows, beside the documents; `topic_sizes` knows the model by it."""
    return {
        "model": _digest(predictor.state.theta),
        "edited model": _digest(predictor.view.theta),
        "topics": list(predictor.view.topic_ids),
        "options": options,
    }


def mixture_columns(
    topics: Sequence[int], theta: DocTopic, novelty: Float[np.ndarray, " docs"] | None
) -> dict[str, np.ndarray]:  # fmt: skip
    """Columns of a part: `topic`, `novelty` where it is known, and a column `theta_TOPIC` for each topic."""
    more = {} if novelty is None else {"novelty": novelty}
    shares = {f"{_THETA}{topic}": np.ascontiguousarray(theta[:, place]) for place, topic in enumerate(topics)}
    return {"topic": np.array(topics)[theta.argmax(axis=1)], **more, **shares}


def topic_sizes(predictor: Predictor, path: str | Path) -> Int[np.ndarray, " topics"]:
    """Number of documents of a folder in which each topic has the largest share; blank documents are in none.

    Parameters
    ----------
    predictor : Predictor
        The model that has computed the mixtures. Topics that were merged, dropped or named since are counted as they
        are now.
    path : str or Path
        Written by `write_mixtures`.

    Raises
    ------
    PartFolderError
        If the folder is damaged, not complete, or of another model.
    """
    folder, sizes = PartFolder.open(path), np.zeros(predictor.view.n_topics, dtype=np.int64)
    edited, state = predictor.edited, predictor.state
    of_now = folder.made_of["edited model"] == _digest(predictor.view.theta)
    of_fit = folder.made_of["edited model"] == folder.made_of["model"]
    if folder.made_of["model"] != _digest(state.theta) or not (of_now or (of_fit and not edited.needs_vectors)):
        raise PartFolderError(f"{path} is of another model, or of other edits; run `softtopic transform` again")
    names = [f"{_THETA}{topic}" for topic in folder.made_of["topics"]]  # type: ignore[attr-defined]
    mean = predictor.view.mean_theta if of_now else state.mean_theta
    for table in folder.tables(names):
        theta = np.column_stack([column.to_numpy() for column in table.columns])
        theta = theta[(theta != mean).any(axis=1)]  # blank documents have the mean mixture
        now = theta if of_now else edited.mixtures(theta)
        sizes += np.bincount(now.argmax(axis=1), minlength=len(sizes))
    return sizes


@dataclass(frozen=True, slots=True)
class CostOfAll:
    """What the mixtures of all documents are expected to take, beside the fit on a sample.

    Attributes
    ----------
    seconds : float
    bytes : int
        On disk.
    """

    seconds: float
    bytes: int


def expected_cost_of_all(plan: FitPlan, n_sample: int, n_documents: int) -> CostOfAll:
    """What `write_mixtures` will take after a fit on a sample, within a factor of about two."""
    per_document = _DOCUMENT_SECONDS
    if "embedding" in plan.inputs:
        per_document += plan.cost.steps[Step.ENCODE] / n_sample
    if "hidden" in plan.inputs:
        per_document += plan.cost.steps[Step.READ] / max(1, plan.n_read)
    n_topics = plan.n_topics or candidate_numbers(plan.n_train, plan.selection_config)[-1]
    return CostOfAll(n_documents * per_document, n_documents * (_ROW_BYTES + 4 * n_topics))


def expected_steps(plan: FitPlan, n_sample: int, n_documents: int) -> dict[str, float]:
    """Seconds of each `Step` of a fit on a sample of so many documents, drawing it and mixtures of all included."""
    mixtures = expected_cost_of_all(plan, n_sample, n_documents).seconds
    return {Step.SAMPLE: n_documents * _READING_SECONDS, **plan.cost.steps, Step.MIXTURES: mixtures}


def _table(
    predictor: Predictor, batch: DocumentBatch, stream: DocumentStream, embedder: Any, *, novelty: bool
) -> pa.Table:
    """Rows of a part."""
    corpus, kept = batch.corpus, batch.columns
    theta, novelties = _mixtures(predictor, corpus.texts, embedder, novelty=novelty)
    columns = mixture_columns(predictor.view.topic_ids, theta, novelties)
    if kept:
        kept = kept_columns(kept, columns, stream.name)
    else:
        kept = {
            name: values for name, values in (("label", corpus.labels), ("time", corpus.times)) if values is not None
        }
    if not batch.columns or (stream.columns.id is None and "id" not in kept):
        kept = {"id": corpus.ids, **kept}
    return pa.table({name: pa.array(values) for name, values in {**kept, **columns}.items()})


def _mixtures(
    predictor: Predictor, texts: Sequence[str], embedder: Any, *, novelty: bool
) -> tuple[DocTopic, Float[np.ndarray, " docs"] | None]:
    """Mixtures of a batch, and its novelty where it is asked for."""
    found = [
        batch_mixtures(predictor, list(texts[start : start + _BATCH_SIZE]), embedder, novelty=novelty)
        for start in range(0, len(texts), _BATCH_SIZE)
    ]
    theta, novelties = zip(*found, strict=True)
    return np.concatenate(theta), np.concatenate(novelties) if novelty else None


def _digest(theta: DocTopic) -> str:
    """SHA-256 of mixtures; those of two fits are never the same."""
    return hashlib.sha256(
        f"{theta.dtype.str} {theta.shape}".encode() + np.ascontiguousarray(theta).tobytes()
    ).hexdigest()
