"""Runs the cells of a comparison one after the other, each in a process of its own.

It may be stopped at any moment: what is finished stays, and the next run goes on. A cell that fails is written down
with its reason, and the others go on.
"""

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from softtopic.bench.cells import VERSION, Base, Cell, Setting, is_finished, read_record, write_record
from softtopic.bench.methods import Method, get_method
from softtopic.bench.sources import Source, labelled_fingerprint
from softtopic.bench.sweep import check_sweep, run_of, vectors_read
from softtopic.errors import InputError, SofttopicError

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that is to be compared."""

    sources: Sequence[Source]
    models: list[str]
    topics: Sequence[int]
    seeds: Sequence[int]
    settings: Sequence[Setting] = ()
    base: Base = field(default_factory=Base)

    def __post_init__(self) -> None:
        methods = [get_method(name) for name in self.models]
        check_sweep(self.settings, methods)
        if not self.sources or not methods or not self.topics or not self.seeds:
            raise InputError("nothing to compare; give at least one corpus, model, number of topics and seed")
        if min(self.topics) < 2:
            raise InputError(f"--topics holds {min(self.topics)}; give whole numbers of at least 2")
        names = [source.name for source in self.sources]
        for what, given in (("--data", names), ("--models", self.models), ("--topics", [*map(str, self.topics)])):
            twice = [one for one in given if given.count(one) > 1]
            if twice:
                raise InputError(f"{what} names {twice[0]} twice; give each once")

    @property
    def methods(self) -> list[Method]:
        return [get_method(name) for name in self.models]

    def cells(self) -> list[Cell]:
        """Every cell, those of one corpus together. The corpora are read."""
        return [cell for source in self.sources for cell in self._of(source)]

    def _of(self, source: Source) -> list[Cell]:
        corpus = source.read()
        log.info("%s: %d documents", source.name, len(corpus))
        fingerprint = labelled_fingerprint(corpus)
        return [
            Cell(
                source=source, fingerprint=fingerprint, model=method.name, topics=topics, seed=seed,
                setting=setting, base=self.base,
            )
            for method in self.methods
            for setting in self.settings or [None]
            # Where nothing is trained, one cell says all.
            for topics in (self.topics if method.trained else self.topics[:1])
            for seed in (self.seeds if method.trained else self.seeds[:1])
        ]  # fmt: skip


def prepare_environments(methods: Sequence[Method], *, install: bool) -> None:
    """Have every environment that is needed; raise InputError where one is missing and must not be made."""
    for method in methods:
        environment = method.environment
        if environment is None or environment.is_whole:
            continue
        if not install:
            raise InputError(
                f"{method.name} needs packages in an environment of its own (about {environment.size} MB), which is "
                "not on this machine; add --install"
            )
        environment.make()


# Runs one step ("vectors", "teach", "cell") of a cell; raises SofttopicError where it fails.
Execute = Callable[[str, Cell, Path], None]


def run_cells(cells: Sequence[Cell], out: Path, execute: Execute) -> list[dict[str, Any]]:
    """Run what is not finished; the records of all cells, in their order."""
    prepared: dict[tuple[str, str], str | None] = {}
    for number, cell in enumerate(cells, 1):
        path = cell.path(out)
        if is_finished(path):
            continue
        start = time.perf_counter()
        log.info("%d of %d: %s", number, len(cells), cell)
        try:
            _prepare(cell, path, execute, prepared)
            execute("cell", cell, path)
        except SofttopicError as error:
            log.warning("failed: %s: %s", cell, error)
            write_record(path, _failed(cell, str(error)))
        else:
            log.info("done in %.1f s", time.perf_counter() - start)
    return [record for cell in cells if (record := read_record(cell.path(out))) is not None]


_STEPS = {"vectors": "sentence vectors", "teach": "the language model reads the documents"}


def _prepare(cell: Cell, path: Path, execute: Execute, prepared: dict[tuple[str, str], str | None]) -> None:
    """Make what the cell shares with others, once a run; a second cell hears the reason the first heard."""
    method = get_method(cell.model)
    run = run_of(method, cell.setting, cell.base)
    recipe, vocabulary = run.recipe, str(run.vocabulary)
    vectors = vectors_read(method, run)
    wanted = [("vectors", f"{cell.fingerprint} {vectors} {vocabulary}")] if vectors else []
    if recipe is not None and recipe.needs_lm:
        asked = (run.lm, run.sample, recipe.read, "hidden" in recipe.inputs)
        wanted.append(("teach", f"{cell.fingerprint} {vocabulary} {asked}"))
    for step, key in wanted:
        if (step, key) not in prepared:
            log.info("first, for all cells: %s", _STEPS[step])
            try:
                execute(step, cell, path)
                prepared[step, key] = None
            except SofttopicError as error:
                prepared[step, key] = str(error)
        if (reason := prepared[step, key]) is not None:
            raise SofttopicError(reason)


def _failed(cell: Cell, reason: str) -> dict[str, Any]:
    return {
        "version": VERSION, "cell": json.loads(cell.to_json()), "error": " ".join(reason.split()),
        "metrics": {}, "stages": [], "topics": [], "command": cell.command,
    }  # fmt: skip


def execute_apart(step: str, cell: Cell, path: Path) -> None:
    """One step in a process of its own, so that its memory is its own and an end of it is not ours."""
    with TemporaryDirectory(prefix="softtopic-bench-") as folder:
        given = Path(folder) / "cell.json"
        given.write_text(cell.to_json(), encoding="utf-8")
        command = [sys.executable, "-m", "softtopic.bench.worker", step, str(given), str(path)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SofttopicError(_reason(done.returncode, done.stderr))


def _reason(code: int, said: str) -> str:
    """One line of why a process ended: the last of its traceback, without the name of our own errors."""
    if code < 0:
        return f"its process was ended by signal {-code}, as happens where memory runs out"
    lines = [line for line in said.splitlines() if line.strip()]
    return re.sub(r"^softtopic\.errors\.\w+: ", "", lines[-1]) if lines else f"its process ended with {code}"
