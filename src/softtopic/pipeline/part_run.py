"""Documents of many Parquet files, computed part by part by an engine into a folder of parts.

theta/
  part-00000.parquet            the rows of a part; see `softtopic.storage.parts`
  _rejected/part-00000.jsonl    documents of the part that could not be computed, each with its reason
"""

import hashlib
import json
import logging
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from softtopic.data.corpus import warn_of_missing
from softtopic.data.parquet_files import ParquetFile, RowRange, read_range, require_columns, row_ranges, texts_of
from softtopic.errors import EngineError, InputError, SofttopicError
from softtopic.features.engines.base import Engine
from softtopic.pipeline.part_rows import RowColumns, RowFunction
from softtopic.storage.folders.base import BaseFolder
from softtopic.storage.memory import release_memory
from softtopic.storage.parts import Part, PartFolder, part_name
from softtopic.storage.progress import Progress, noting_what_is_kept
from softtopic.wording import counted

log = logging.getLogger(__name__)

REJECTED = "_rejected"

# Documents whose columns are computed at the same time.
_BLOCK = 4096
# Files that are read at once when a run is resumed.
_READERS = 8
# Failed parts that are named; the others are counted.
_NAMED = 3
# A text that every model can take: where it fails, no document is to blame.
_PROBE = ["text"]


@dataclass(frozen=True, slots=True)
class PartTask:
    """A part to be computed.

    Attributes
    ----------
    index : int
        Its place among the parts.
    rows : RowRange
        Where its documents are.
    source : str
        Fingerprint of them.
    """

    index: int
    rows: RowRange
    source: str


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """What came of a task.

    Attributes
    ----------
    index : int
        Place of the part.
    part : Part or None, default=None
        What was written.
    n_missing_texts : int, default=0
        Number of null texts, which count as empty.
    error : str or None, default=None
        Why nothing was written.
    stops : bool, default=False
        Whether all parts would end with this error.
    """

    index: int
    part: Part | None = None
    n_missing_texts: int = 0
    error: str | None = None
    stops: bool = False


@dataclass(frozen=True, kw_only=True)
class PartJob:
    """What every worker does; plain values that can be sent to another machine.

    Attributes
    ----------
    folder : PartFolder
        On a disk that all workers share, or in an object store.
    function : RowFunction
        What is computed of the texts.
    text : str, default="text"
        Column with the texts.
    id : str or None, default=None
        Column with the ids; None numbers the documents of all files.
    """

    folder: PartFolder
    function: RowFunction
    text: str = "text"
    id: str | None = None

    def open_worker(self) -> "PartWorker":
        """A worker."""
        return PartWorker(self)


@dataclass(frozen=True)
class PartRun:
    """What a run has written.

    Attributes
    ----------
    n_documents, n_rejected : int
        Rows of all parts, and documents that have none.
    n_parts, n_kept : int
        All parts, and those that an earlier run had computed.
    """

    n_documents: int
    n_rejected: int
    n_parts: int
    n_kept: int


class PartWorker:
    """Computes parts; models are opened for the first one."""

    def __init__(self, job: PartJob) -> None:
        self.job = job
        self._compute: Callable[[list[str]], RowColumns] | None = None

    def __call__(self, task: PartTask) -> PartOutcome:
        """Compute a part and publish its file; errors are part of the outcome."""
        try:
            if self._compute is None:
                compute = self.job.function.open()
                compute(_PROBE)
                self._compute = compute
        except Exception as error:
            message = _message(error)
            return PartOutcome(task.index, error=f"{message} (on {socket.gethostname()})", stops=True)
        try:
            return self._write(task, self._compute)
        except Exception as error:
            stops = isinstance(error, SofttopicError) and not isinstance(error, InputError)
            return PartOutcome(task.index, error=_message(error), stops=stops)

    def _write(self, task: PartTask, compute: Callable[[list[str]], RowColumns]) -> PartOutcome:
        job, where = self.job, task.rows
        read, *ids = read_range(where, [job.text] if job.id is None else [job.text, job.id])
        texts, reasons = texts_of(read, where.file.url)
        if not job.function.takes_blank:
            blank = {row: "it is blank" for row, text in enumerate(texts) if not text.strip()}
            reasons = blank | reasons
        rows = [row for row in range(len(texts)) if row not in reasons]
        columns, failed = _computed(compute, texts, rows)
        reasons |= failed
        rows = [row for row in rows if row not in failed]
        all_ids = ids[0] if ids else pa.array(range(where.first, where.first + len(texts)), pa.int64())
        arrays = {"id": all_ids.take(pa.array(rows, pa.int64()))}
        if job.function.keeps_texts:
            arrays["text"] = pa.array([texts[row] for row in rows], pa.string())
        arrays |= {name: _as_arrow(values) for name, values in columns.items()}
        table = pa.table(arrays).replace_schema_metadata(dict(job.function.metadata))
        _write_rejected(job.folder.files, task, reasons, all_ids)
        part = job.folder.write(task.index, table, source=task.source)
        release_memory(collect=False)
        return PartOutcome(task.index, part, read.null_count)


def compute_parts(
    job: PartJob, files: Sequence[ParquetFile], engine: Engine, *, part_rows: int, progress: bool = False
) -> PartRun:  # fmt: skip
    """Compute the parts that are missing, damaged or of other documents, and record them.

    The process, workers and machines may be killed at any moment: the next call continues, and the result is the same.

    Parameters
    ----------
    job : PartJob
    files : sequence of ParquetFile
        See `softtopic.data.parquet_files.find_parquet`.
    engine : Engine
        Entered where there is something to compute.
    part_rows : int
        Number of documents of a part, at most.
    progress : bool, default=False
        Show a progress bar.

    Returns
    -------
    PartRun

    Raises
    ------
    InputError
        If there are no documents, a column is missing, or another process writes the folder.
    EngineError
        If parts could not be computed; all others are kept.
    """
    require_columns(files, [job.text] if job.id is None else [job.text, job.id])
    tasks = _tasks(job, row_ranges(files, part_rows))
    if not tasks:
        raise InputError(f"{len(files)} files hold no documents; expected at least one")
    folder = job.folder
    sizes = {task.index: task.rows.stop - task.rows.start for task in tasks}
    kept = noting_what_is_kept(lambda: f"{folder.n_rows:,} of {sum(sizes.values()):,} documents are kept")
    with folder.claim(), kept:
        missing = _missing(folder, tasks)
        n_kept = len(tasks) - len(missing)
        if n_kept:
            log.info("%s of %s parts were complete", f"{n_kept:,}", f"{len(tasks):,}")
        total = sum(sizes.values())
        done = total - sum(sizes[task.index] for task in missing)
        errors: dict[int, str] = {task.index: "its worker died again and again" for task in missing}
        n_missing_texts = 0
        # Nothing is started where nothing is missing.
        with engine if missing else nullcontext():
            if missing:
                log.info("%s, %s", counted(total - done, "document"), engine.description)
            with Progress("computing parts", total, "doc", done=done, show=progress) as bar:
                for outcome in engine.run(job.open_worker, missing):
                    _record(folder, outcome, errors)
                    n_missing_texts += outcome.n_missing_texts
                    bar.advance(sizes[outcome.index])
        warn_of_missing(n_missing_texts, total - done)
        if errors:
            raise EngineError(_failures(errors, tasks))
        folder.finish(len(tasks))
    rejected = _count_rejected(folder.files, len(tasks))
    return PartRun(n_documents=folder.n_rows, n_rejected=rejected, n_parts=len(tasks), n_kept=n_kept)


def _tasks(job: PartJob, ranges: Sequence[RowRange]) -> list[PartTask]:
    tasks = []
    for index, one in enumerate(ranges):
        # Documents without ids are numbered on from those before them.
        first = one.first if job.id is None else None
        key = repr((one.file.url, one.file.version, one.start, one.stop, first, job.text, job.id))
        tasks.append(PartTask(index, one, hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()))
    return tasks


def _missing(folder: PartFolder, tasks: Sequence[PartTask]) -> list[PartTask]:
    """Tasks whose parts are not there as a whole; several are read at once, for object stores take time to answer."""
    known = folder.parts()
    with ThreadPoolExecutor(_READERS) as pool:
        current = list(pool.map(lambda task: folder.is_current(known.get(task.index), task.source), tasks))
    return [task for task, is_current in zip(tasks, current, strict=True) if not is_current]


def _record(folder: PartFolder, outcome: PartOutcome, errors: dict[int, str]) -> None:
    """Record a part, or its error; raises EngineError where all parts would fail."""
    part = outcome.part
    if part is None:
        errors[outcome.index] = outcome.error or ""
        if outcome.stops:
            raise EngineError(outcome.error)
        return
    if folder.files.size(part.file) != part.size:
        path = folder.files.at(part.file)
        shared = "give --out on a disk that all workers share, or in an object store"
        raise EngineError(f"{path} is not what a worker has written; {shared}")
    folder.record(part)
    del errors[outcome.index]


def _failures(errors: dict[int, str], tasks: Sequence[PartTask]) -> str:
    named = []
    for index, reason in sorted(errors.items())[:_NAMED]:
        rows = tasks[index].rows
        named.append(f"rows {rows.start} to {rows.stop - 1} of {rows.file.url}: {reason}")
    more = f" and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
    return (
        f"{len(errors)} of {len(tasks)} parts could not be computed ({'; '.join(named)}{more}); the others are kept, "
        "run the same command again"
    )


def _computed(
    compute: Callable[[list[str]], RowColumns], texts: list[str], rows: list[int]
) -> tuple[RowColumns, dict[int, str]]:
    """Columns of the texts of these rows, and rows that cannot be computed, each with the reason."""
    failed: dict[int, str] = {}
    found = []
    for start in range(0, max(1, len(rows)), _BLOCK):
        found += _computed_or_split(compute, texts, rows[start : start + _BLOCK], failed)
    names = found[0]
    return {name: np.concatenate([columns[name] for columns in found]) for name in names}, failed


def _computed_or_split(
    compute: Callable[[list[str]], RowColumns], texts: list[str], rows: list[int], failed: dict[int, str]
) -> list[RowColumns]:
    """Columns of a batch; if it fails, of its halves, and so on to the documents that fail."""
    try:
        return [compute([texts[row] for row in rows])]
    except Exception as error:
        compute(_PROBE)
        if len(rows) == 1:
            failed[rows[0]] = _message(error)
            return [compute([])]
        middle = len(rows) // 2
        return [
            part for half in (rows[:middle], rows[middle:]) for part in _computed_or_split(compute, texts, half, failed)
        ]


def _write_rejected(files: BaseFolder, task: PartTask, reasons: dict[int, str], ids: pa.Array) -> None:
    """The side file of a part; no file where all documents were computed."""
    name = f"{REJECTED}/{_rejected_name(task.index)}"
    if not reasons:
        files.remove(name)
        return
    where = task.rows
    lines = [
        {"id": ids[row].as_py(), "file": where.file.url, "row": where.start + row, "reason": reason}
        for row, reason in sorted(reasons.items())
    ]
    files.write(name, "".join(json.dumps(line, default=str) + "\n" for line in lines).encode("utf-8"))


def _rejected_name(index: int) -> str:
    return part_name(index).replace(".parquet", ".jsonl")


def _count_rejected(files: BaseFolder, n_parts: int) -> int:
    names = {_rejected_name(index) for index in range(n_parts)} & set(files.names(REJECTED))
    return sum(files.read(f"{REJECTED}/{name}").count(b"\n") for name in names)


def _as_arrow(values: np.ndarray) -> pa.Array:
    if values.ndim == 1:
        return pa.array(np.ascontiguousarray(values))
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), values.shape[1])


def _message(error: BaseException) -> str:
    """One line."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, SofttopicError) else f"{type(error).__name__}: {text}"
