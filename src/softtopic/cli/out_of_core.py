"""Documents that do not fit in memory: `fit --fit-on` and `transform --out FOLDER/`."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from softtopic.cli.building import log_counts, read_documents, with_iso_times
from softtopic.cli.options import DocumentOptions
from softtopic.cli.output import print_json, without_messages
from softtopic.errors import InputError, PartFolderError
from softtopic.storage.addresses import absolute, is_address
from softtopic.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from softtopic.data.corpus import Corpus
    from softtopic.data.document_stream import DocumentBatch, DocumentStream
    from softtopic.data.sample import Sample
    from softtopic.model import TopicModel
    from softtopic.pipeline.plan import FitPlan
    from softtopic.storage.progress import Progress, RunClock

log = logging.getLogger("softtopic")

# Documents from which a fit in memory takes several gigabytes.
_MANY = 300_000


def documents_path(model: Path) -> Path:
    """Where the mixtures of all documents of a model are: beside it, so that saving it again leaves them there."""
    model = absolute(model)
    return model.with_name(f"{model.name}.documents")


def is_parts(out: str | None) -> bool:
    """Whether an output is a folder of parts: its name ends in a slash, it is a folder, or in an object store."""
    return out is not None and (out.endswith(("/", os.sep)) or is_address(out) or Path(out).is_dir())


def open_stream(files: Sequence[str], options: DocumentOptions, **how: bool) -> "DocumentStream":
    """The documents of files, with the columns of the options."""
    from softtopic.data.document_stream import DocumentStream
    from softtopic.data.readers import Columns

    columns = Columns(text=options.text, label=options.label, id=options.id, time=options.time)
    read = {"format": options.format, "delimiter": options.delimiter, "encoding": options.encoding}
    return DocumentStream.from_files(files, columns, **read, **how)  # type: ignore[arg-type]


def open_stream_to_fit(
    files: Sequence[str] | None, options: DocumentOptions, out: Path, *, skip_invalid: bool
) -> "DocumentStream":  # fmt: skip
    """The documents of `fit --fit-on`; raises an error where the mixtures could not be written in the end."""
    from softtopic.storage.parts import check_destination

    if not files:
        raise InputError("--fit-on needs files of documents; give one or several")
    stream = open_stream(files, options, skip_invalid=skip_invalid)
    if stream.once:
        raise InputError("--fit-on reads the documents twice; give files, standard input (-) can be read once")
    check_destination(documents_path(out))
    return stream


def sample_of(
    stream: "DocumentStream | None",
    n: int | None,
    *,
    seed: int,
    progress: bool,
    plan_of: "Callable[[Corpus], FitPlan] | None",
) -> "tuple[Sample | None, bool | RunClock]":
    """The documents of --fit-on, and how progress is shown from here on: with the time left of the whole run.

    `plan_of` gives the plan of the fit, for that time; None where no fit follows.
    """
    from softtopic.data.sample import draw_sample
    from softtopic.storage.progress import Progress, Step

    if stream is None:
        return None, progress
    if n is None or n < 2:
        raise InputError(f"--fit-on is {n}; give a number of documents of at least 2, such as 100000")
    batches = stream.batches()
    first = next(batches)
    run = _clock_of_run(first, n, plan_of) if progress and plan_of is not None else progress
    batches = chain([first], batches)
    del first  # it would stay in memory
    with Progress(Step.SAMPLE, 100, "%", show=run) as bar:
        sample = draw_sample(_watched(batches, bar), n, seed=seed)
    if plan_of is not None:
        log.info("%s", sample_line(sample))
    return sample, run


def _watched(batches: "Iterable[DocumentBatch]", bar: "Progress") -> "Iterator[Corpus]":
    for batch in batches:
        yield batch.corpus
        bar.advance_to(round(100 * batch.done))


def _clock_of_run(first: "DocumentBatch", n: int, plan_of: "Callable[[Corpus], FitPlan]") -> "bool | RunClock":
    """A clock of the whole run, as if all documents were like those of the first batch; True without such a plan."""
    from softtopic.data.corpus import Corpus
    from softtopic.pipeline.mixtures import expected_steps
    from softtopic.storage.progress import RunClock

    n_documents = round(len(first.corpus) / first.done)
    n_sample = min(n, n_documents)
    alike = Corpus.from_rows(list(islice(cycle(first.corpus.distinct.texts), n_sample)))
    try:
        # The plan of the fit says all of it again.
        with without_messages():
            return RunClock(expected_steps(plan_of(alike), n_sample, n_documents))
    except InputError:
        return True


def sample_line(sample: "Sample") -> str:
    """What was drawn, in words."""
    about = "" if sample.is_whole else "about "
    distinct = float(f"{sample.n_distinct:.3g}") if about else sample.n_distinct
    blank = f", {sample.n_blank:,} empty" if sample.n_blank else ""
    return (
        f"{sample.n_documents:,} documents, {about}{distinct:,.0f} distinct{blank}; the fit is on a sample of "
        f"{len(sample.corpus):,}"
    )


def plan_of_all(plan: "FitPlan", sample: "Sample", out: Path) -> list[str]:
    """Lines of the plan about the documents that are not fitted."""
    from softtopic.pipeline.mixtures import expected_cost_of_all
    from softtopic.storage.progress import duration

    cost = expected_cost_of_all(plan, len(sample.corpus), sample.n_documents)
    return [
        sample_line(sample),
        f"mixtures of all documents: about {duration(cost.seconds)} more and {cost.bytes / 1e6:,.0f} MB on disk in "
        f"{documents_path(out).name}",
    ]


def write_mixtures_of_all(model: "TopicModel", stream: "DocumentStream", out: Path) -> "pd.DataFrame":
    """Write the mixtures of all documents beside the model; returns the sizes of its topics."""
    path = documents_path(out)
    model.transform_to(path, stream, overwrite=True)
    return model.get_topic_sizes(path)


def sizes_of_all(model: "TopicModel", path: Path) -> "pd.DataFrame | None":
    """Sizes of the topics among all documents of `fit --fit-on`; None where there are none of this model."""
    from softtopic.storage.parts import PartFolder

    folder = documents_path(path)
    try:
        return model.get_topic_sizes(folder) if PartFolder.is_at(folder) else None
    except (PartFolderError, InputError) as error:
        log.warning("%s; sizes are of the documents of the fit", error)
        return None


def count_all(path: Path) -> int | None:
    """Number of documents of `fit --fit-on`; None for other models, and before all mixtures are written."""
    from softtopic.storage.parts import PartFolder

    folder = documents_path(path)
    known = PartFolder.open(folder) if PartFolder.is_at(folder) else None
    return None if known is None or known.n_parts is None else known.n_rows


def transform_to_parts(
    loaded: "TopicModel", stream: "DocumentStream", out: str, *, novelty: bool, as_json: bool
) -> None:  # fmt: skip
    """Write the mixtures of files to a folder of parts."""
    folder = loaded.transform_to(out, stream, novelty=novelty)
    topics = loaded.topic_ids_.tolist()
    if as_json:
        print_json({"topics": topics, "documents": folder.n_rows, "out": out, "parts": folder.n_parts})
        return
    parts = counted(folder.n_parts or 0, "part")
    print(f"{counted(folder.n_rows, 'mixture')} of {counted(len(topics), 'topic')} are in {out} ({parts}).")


def read_files(files: Sequence[str], options: DocumentOptions) -> "Corpus":
    """The documents of one or several files, in memory."""
    if len(files) == 1 and (files[0] == "-" or not _is_several(files[0])):
        corpus = read_documents(files[0], options)
        if len(corpus) > _MANY:
            log.info("--fit-on 100000 fits so many documents in less memory; see docs/tasks/big-data.md")
        return corpus
    corpus = with_iso_times(open_stream(files, options).corpus(), options.time_format)
    log_counts(corpus)
    return corpus


def _is_several(path: str) -> bool:
    """Whether a path is a folder, or a pattern that names no file."""
    return Path(path).is_dir() or (any(character in path for character in "*?[") and not Path(path).exists())


def one_file(files: Sequence[str]) -> str:
    """The only file; raises InputError where there are several."""
    if len(files) > 1 or _is_several(files[0]):
        raise InputError(
            f"{' '.join(files[:3])}: several files or a folder; give --out FOLDER/ to write their mixtures"
        )
    return files[0]
