"""`transform MODEL -`: mixtures of standard input as it comes, a line for each document."""

import hashlib
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from softtopic.cli.options import ADD_RESUME, DocumentOptions
from softtopic.data.corpus import warn_of_missing
from softtopic.data.readers import Columns, standard_input
from softtopic.data.streams import (
    STANDARD_INPUT,
    STREAMED,
    InvalidLine,
    Item,
    Record,
    read_blocks,
    read_items,
    timed_batches,
)
from softtopic.data.writers import kept_columns, write_jsonl
from softtopic.errors import InputError, MissingColumnError
from softtopic.wording import counted

if TYPE_CHECKING:
    from softtopic.model import TopicModel
    from softtopic.storage.resumable import SummedLines

log = logging.getLogger("softtopic")

# Seconds that a document waits for others.
_WAIT = 0.2
# Invalid lines that are named; the others are counted.
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """What `transform` writes of a stream, and where."""

    model: Path
    out: Path | None
    resume: bool
    skip_invalid: bool
    keep_columns: bool
    novelty: bool


def is_stream(file: str, format: str | None, options: StreamOptions, *, as_json: bool) -> bool:
    """Whether documents are written line by line; raises InputError where they are not and an option asks for it."""
    lines = not as_json and (options.out is None or options.out.suffix == ".jsonl")
    streams = file == "-" and format in (None, *STREAMED) and lines
    if options.resume and (options.out is None or not streams):
        raise InputError("--resume needs lines on standard input (-) and --out FILE.jsonl")
    if options.skip_invalid and not streams:
        raise InputError("--skip-invalid needs --out FOLDER/, or standard input (-) and JSON lines as output")
    return streams


def transform_stream(loaded: "TopicModel", read: DocumentOptions, options: StreamOptions) -> None:
    """Write the mixtures of standard input."""
    from softtopic.pipeline.stream import BatchSize, batch_mixtures

    mixtures = partial(batch_mixtures, loaded._fitted, embedder=loaded.embedder, novelty=options.novelty)
    columns = Columns(text=read.text, id=read.id)
    items = partial(read_items, columns=columns, format=read.format, delimiter=read.delimiter, encoding=read.encoding)
    size = BatchSize()
    batches = timed_batches(read_blocks(standard_input()), items, size, seconds=_WAIT)
    # Models are opened while the first line is waited for.
    mixtures(["text"])
    first = next(batches)
    with _sink(options, _made_of(first, read, options)) as (stream, done):
        position = skipped = n_missing = 0
        for batch in chain([first], batches):
            records, error = _valid(batch, options.skip_invalid, skipped)
            skipped += len(batch) - len(records) - (error is not None)
            n_missing += sum(record.is_missing for record in records)
            known = min(len(records), max(0, done - position))
            position += known
            if records := records[known:]:
                start = time.perf_counter()
                theta, novelty = mixtures([record.text for record in records])
                size.measured(len(records), time.perf_counter() - start)
                write_jsonl(_columns(loaded, records, position, theta, novelty, options, read), stream)
                stream.flush()
                position += len(records)
            if error is not None:
                raise error
        if position < done:
            raise InputError(
                f"standard input has {counted(position, 'document')}, and {done:,} are done; give the same input again"
            )
    warn_of_missing(n_missing, position)
    left_out = f", without {counted(skipped, 'invalid line')}" if skipped else ""
    log.info("%s%s", counted(position, "document"), left_out)
    if options.out is not None:
        print(f"{counted(position, 'mixture')} of {counted(len(loaded.topic_ids_), 'topic')} are in {options.out}.")


def _valid(batch: list[Item], skip_invalid: bool, skipped: int) -> tuple[list[Record], InputError | None]:
    """Documents of a batch; without `skip_invalid` those before the first invalid line, and an error that names it."""
    records: list[Record] = []
    for item in batch:
        if isinstance(item, Record):
            records.append(item)
        elif not skip_invalid:
            if item.lacks_column:
                return records, MissingColumnError(item.message)
            return records, InputError(f"{item.message}; or leave such lines out with --skip-invalid")
        else:
            if skipped < _NAMED:
                log.warning("%s; left out", item.message)
            skipped += 1
    return records, None


def _columns(
    loaded: "TopicModel",
    records: list[Record],
    position: int,
    theta: Any,
    novelty: Any,
    options: StreamOptions,
    read: DocumentOptions,
) -> dict[str, Any]:
    """Columns of a batch, as `transform` writes them of a file."""
    best = theta.argmax(axis=1)
    columns: dict[str, Any] = {"topic": loaded.topic_ids_[best]}
    kept: dict[str, Any] = {}
    if options.keep_columns:
        columns["name"] = [loaded.topic_names_[column] for column in best]
        names = dict.fromkeys(name for record in records for name in record.columns)
        kept = {name: [record.columns.get(name) for record in records] for name in names}
    if novelty is not None:
        columns["novelty"] = novelty
    columns["theta"] = theta
    kept = kept_columns(kept, columns, STANDARD_INPUT)
    if not options.keep_columns or (read.id is None and "id" not in kept):
        ids = [str(position + row) if read.id is None else record.id for row, record in enumerate(records)]
        columns = {"id": ids} | columns
    return kept | columns


@contextmanager
def _sink(options: StreamOptions, made_of: dict[str, object]) -> Iterator[tuple["BinaryIO | SummedLines", int]]:
    """Where lines are written, and how many of them are there."""
    from softtopic.storage.progress import noting_what_is_kept
    from softtopic.storage.resumable import resumable_lines

    if options.out is None:
        if sys.stdout is None:
            raise InputError("standard output is closed; give --out FILE.jsonl, or leave it open")
        yield sys.stdout.buffer, 0
        return

    def kept() -> str:
        n = done + stream.n_lines
        return f"{counted(n, 'document')} {'is' if n == 1 else 'are'} in {options.out}.partial; {ADD_RESUME}"

    with (
        resumable_lines(options.out, made_of, resume=options.resume) as (stream, done),
        noting_what_is_kept(kept),
    ):
        if done:
            log.info("%s of an earlier run", counted(done, "document"))
        yield stream, done


def _made_of(first: list[Item], read: DocumentOptions, options: StreamOptions) -> dict[str, object]:
    """Whatever changes the lines that are written, so that those of another run are not continued."""
    head = first[0].message if isinstance(first[0], InvalidLine) else first[0].text
    return {
        "model": hashlib.sha256((options.model / "config.json").read_bytes()).hexdigest(),
        "input": hashlib.sha256(head.encode("utf-8", "surrogatepass")).hexdigest(),
        "options": {
            "text": read.text,
            "id": read.id,
            "format": read.format,
            "delimiter": read.delimiter,
            "encoding": read.encoding,
            "skip_invalid": options.skip_invalid,
            "keep_columns": options.keep_columns,
            "novelty": options.novelty,
        },
    }
