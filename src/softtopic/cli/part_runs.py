"""Parquet files of any number, on disks and in object stores, computed part by part: `encode`, and --engine."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from softtopic.cli.options import DOCUMENTS, OUTPUT, Device, Id, Json, Quiet, Text, with_groups
from softtopic.cli.output import print_json, show_messages
from softtopic.errors import InputError, ModelFileError
from softtopic.storage.addresses import absolute, address_of, is_address

if TYPE_CHECKING:
    from softtopic.pipeline.part_rows import RowFunction
    from softtopic.pipeline.predict import Predictor

log = logging.getLogger("softtopic")

ENGINE = "Engine"

# Documents of a part: some minutes of work on a processor.
_PART_ROWS = 16_384
# A language model reads a few dozen a second.
_SOFT_LABEL_ROWS = 1024

EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="Compute Parquet files part by part: local, in this process, or ray, on a cluster.",
        rich_help_panel=ENGINE,
    ),
]


@dataclass(frozen=True)
class EngineOptions:
    """Where parts are computed, and how large they are."""

    panel: ClassVar[str] = ENGINE

    address: Annotated[
        str | None,
        typer.Option(
            "--address", help="Ray: HOST:PORT, ray://HOST:PORT or auto; default: RAY_ADDRESS, else this machine alone."
        ),
    ] = None
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Ray: number of workers; default: by GPUs or processors.")
    ] = None
    part_rows: Annotated[
        int | None,
        typer.Option("--part-rows", min=1, help="Documents of a part; default: 16384, of teach 1024."),
    ] = None


@with_groups
def encode(
    files: Annotated[
        list[str], typer.Argument(help="Parquet files, folders of them or patterns; also s3:// and other addresses.")
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write or to resume; also s3://….", rich_help_panel=OUTPUT)
    ] = Path("vectors"),
    text: Text = "text",
    id: Id = None,
    encoder: Annotated[
        str,
        typer.Option("--encoder", help="all-minilm-l6-v2, multilingual or a folder.", rich_help_panel=DOCUMENTS),
    ] = "all-minilm-l6-v2",
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", min=1, help="Tokens read of a text.", rich_help_panel=DOCUMENTS)
    ] = 256,
    device: Device = "auto",
    engine: Annotated[
        str, typer.Option("--engine", help="local, in this process, or ray, on a cluster.", rich_help_panel=ENGINE)
    ] = "local",
    on: EngineOptions = EngineOptions(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compute sentence vectors of documents into a folder of Parquet parts."""
    from softtopic.lm.encoder import SentenceEncoder, find_encoder
    from softtopic.pipeline.part_rows import VectorRows

    show_messages(quiet)
    made = SentenceEncoder(encoder, max_tokens=max_tokens, device=device)
    find_encoder(made.name)
    run_parts(files, out, VectorRows(encoder=made), engine, on, text=text, id=id, as_json=as_json, quiet=quiet)


def transform_parts(
    model: Path,
    files: Sequence[str],
    out: str | None,
    engine: str,
    on: EngineOptions,
    *,
    novelty: bool,
    device: str,
    **how: Any,
) -> None:
    """`transform --engine`."""
    from softtopic.data.writers import TABLE_WRITERS
    from softtopic.persistence.download import local_copy
    from softtopic.persistence.folder import folder_version
    from softtopic.pipeline.mixtures import made_of_model
    from softtopic.pipeline.part_rows import MixtureRows

    if out in (None, "-") or Path(str(out)).suffix in TABLE_WRITERS:
        raise InputError("--engine writes many parts; give --out the name of a folder")
    model = absolute(model)
    opened = partial(open_predictor, model, device, folder_version(local_copy(model)))
    made_of = made_of_model(opened(), novelty=novelty, keep_columns=False)
    function = MixtureRows(open_predictor=opened, model=made_of, novelty=novelty)
    run_parts(files, Path(str(out)), function, engine, on, **how)


def teach_parts(
    file: str, out: Path, teacher: Any, words: Sequence[str], engine: str, on: EngineOptions, **how: Any
) -> None:  # fmt: skip
    """`teach --engine`."""
    from softtopic.data.vocabulary import Vocabulary
    from softtopic.pipeline.part_rows import SoftLabelRows

    _ = teacher.fingerprint  # a language model that is not on this machine is named before workers are started
    function = SoftLabelRows(teacher=teacher, vocabulary=Vocabulary(tuple(words)))
    run_parts([file], out, function, engine, on, part_rows=_SOFT_LABEL_ROWS, **how)


def run_parts(
    files: Sequence[str],
    out: Path,
    function: "RowFunction",
    engine: str,
    on: EngineOptions,
    *,
    text: str,
    id: str | None,
    as_json: bool,
    quiet: bool,
    part_rows: int = _PART_ROWS,
) -> None:
    """Compute files into a folder of parts, and say what was done."""
    from softtopic.data.parquet_files import find_parquet
    from softtopic.features.engines.base import open_engine
    from softtopic.pipeline.part_run import REJECTED, PartJob, compute_parts
    from softtopic.storage.parts import PartFolder

    rows = on.part_rows or part_rows
    opened = open_engine(engine, address=on.address, workers=on.workers)
    found = find_parquet(files)
    folder = PartFolder.create(absolute(out), {**function.made_of, "part_rows": rows, "id": id})
    job = PartJob(folder=folder, function=function, text=text, id=id)
    shown = address_of(out) or str(out)
    run = compute_parts(job, found, opened, part_rows=rows, progress=not (quiet or as_json))
    if as_json:
        counts = {"documents": run.n_documents, "rejected": run.n_rejected, "parts": run.n_parts}
        print_json({"out": shown} | counts)
        return
    if run.n_rejected:
        log.warning("%d documents could not be computed; the reasons are in %s/%s", run.n_rejected, shown, REJECTED)
    print(f"{run.n_documents} documents in {run.n_parts} parts are in {shown}.")


def open_predictor(model: Path, device: str, version: str) -> "Predictor":
    """The predictor of a model folder, which has to be the same on all machines."""
    from softtopic.model import TopicModel
    from softtopic.persistence.download import local_copy
    from softtopic.persistence.folder import folder_version

    found = local_copy(model)
    loaded = TopicModel.load(found, device=device)
    if folder_version(found) != version:
        shared = "put the model on a disk that all workers share, or in an object store"
        raise ModelFileError(f"{address_of(model) or model} is another model here; {shared}")
    return loaded._fitted


def uses_parts(engine: str | None, files: Sequence[str], on: EngineOptions) -> bool:
    """Whether a command computes part by part: where an engine is named, or files are in an object store."""
    if engine is None and on != EngineOptions():
        raise InputError("--address, --workers and --part-rows are of --engine; give it, too")
    return engine is not None or any(is_address(file) for file in files)


def refuse_with_engine(options: Mapping[str, object]) -> None:
    """Raise InputError where an option is given that --engine cannot follow."""
    given: list[str] = [name for name, value in options.items() if value]
    if given:
        raise InputError(f"{given[0]} is of a single file; leave it out with --engine")
