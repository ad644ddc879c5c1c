"""`softtopic bench`: methods side by side."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softtopic.cli.options import OUTPUT, DataDir, Json, LabelIfAny, Language, Lm, Quiet, Reference, ReferenceText, Text
from softtopic.cli.output import print_json, show_messages
from softtopic.errors import InputError
from softtopic.wording import counted

if TYPE_CHECKING:
    from softtopic.bench.runner import Comparison


def bench(
    data: Annotated[str, typer.Option("--data", help="Sample corpora or files of documents, separated by commas.")],
    models: Annotated[str, typer.Option("--models", help="Methods, separated by commas; see docs/bench.md.")],
    topics: Annotated[str, typer.Option("--topics", help="Numbers of topics, separated by commas.")] = "50",
    seeds: Annotated[int, typer.Option("--seeds", help="Number of random seeds.")] = 3,
    first_seed: Annotated[int, typer.Option("--first-seed", help="The first seed.")] = 0,
    out: Annotated[Path, typer.Option("--out", help="Folder to write or to resume.", rich_help_panel=OUTPUT)] = Path(
        "comparison"
    ),
    documents: Annotated[
        int | None, typer.Option("--documents", help="Number of distinct documents of each corpus; default: all.")
    ] = None,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Keep duplicates, as published results of some corpora do.")
    ] = False,
    data_dir: DataDir = None,
    text: Text = "text",
    label: LabelIfAny = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            "--sweep",
            help="Values of one setting to compare, NAME=VALUE,…: lm, sample, vocabulary_size or one of the recipe, "
            "such as inputs or training__temperature.",
        ),
    ] = None,
    reference: Reference = None,
    reference_text: ReferenceText = "text",
    lm: Lm = "smollm2-135m",
    vocabulary: Annotated[int, typer.Option("--vocabulary", help="Number of words in the vocabulary.")] = 2000,
    language: Language = "auto",
    install: Annotated[
        bool, typer.Option("--install", help="Create the environments of other packages from the package index.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare methods on the same documents, with tables and a plot; a run that was stopped can be resumed."""
    from softtopic.bench.cells import Base
    from softtopic.bench.plot import check_plotting
    from softtopic.bench.runner import Comparison
    from softtopic.bench.sources import ReferenceFile, Source
    from softtopic.bench.sweep import parse_sweep

    show_messages(quiet)
    check_plotting()
    if seeds < 1 or first_seed < 0:
        raise InputError(f"--seeds is {seeds} from {first_seed}; give at least 1, from 0 on")
    coherence = None if reference is None else ReferenceFile(path=reference, column=reference_text)
    folder = None if data_dir is None else str(data_dir)
    options = {"documents": documents, "data_dir": folder, "text": text, "label": label, "duplicates": duplicates}
    comparison = Comparison(
        sources=[Source(data=name, **options) for name in _names(data, "--data")],
        models=_names(models, "--models"),
        topics=[_number(value) for value in _names(topics, "--topics")],
        seeds=range(first_seed, first_seed + seeds),
        settings=parse_sweep(sweep) or [None],
        base=Base(lm=lm, vocabulary=vocabulary, language=language, reference=coherence),
    )
    _run(comparison, out, install=install, as_json=as_json)


def _run(comparison: "Comparison", out: Path, *, install: bool, as_json: bool) -> None:
    from softtopic.bench.report import write_report
    from softtopic.bench.runner import execute_apart, prepare_environments, run_cells

    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; give a folder")
    cells = comparison.cells()
    prepare_environments(comparison.methods, install=install)
    if comparison.base.reference is not None:
        # Indexed before the first cell, so that its time does not count and errors show at once.
        comparison.base.reference.read()
    records = run_cells(cells, out, execute_apart)
    pages = write_report(records, out)
    failed = [record for record in records if record["error"]]
    if as_json:
        print_json(_summary(records, pages))
    else:
        print(pages[0].read_text(encoding="utf-8"))
        print(f"{counted(len(records), 'cell')}, {len(failed):,} failed. The tables are in {pages[0]} and {pages[1]}.")
    if failed:
        raise typer.Exit(1)


def _summary(records: list[dict[str, Any]], pages: list[Path]) -> dict[str, Any]:
    from softtopic.bench.tables import rows_of
    from softtopic.metrics.registry import MEASURES

    rows = [
        {"corpus": row.corpus, "model": row.model, "setting": row.setting and str(row.setting),
         "cells": len(row.records), "failed": row.n_failed, "seconds": row.seconds}
        | {measure: {"mean": value.mean, "std": value.std} for measure in MEASURES if (value := row.summary(measure))}
        for row in rows_of(records)
    ]  # fmt: skip
    failed = [{"cell": record["cell"], "error": record["error"]} for record in records if record["error"]]
    return json.loads(json.dumps({"files": [str(path) for path in pages], "rows": rows, "failed": failed}))


def _names(value: str, option: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names:
        raise InputError(f"{option} is {value!r}; give at least one name, several separated by commas")
    return names


def _number(value: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", value):
        raise InputError(f"--topics holds {value!r}; give whole numbers separated by commas, as 25,50")
    return int(value)
