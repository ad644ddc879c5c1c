"""Runs the cells of a comparison one after the other, each in a process of its own.

A run may be stopped at any moment; the next one continues with the cells that are missing. A cell that fails is
recorded with the reason, and the others go on.
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
from softtopic.bench.sweep import check_settings, run_of, vectors_needed
from softtopic.errors import InputError, SofttopicError

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared.

    Parameters
    ----------
    sources : sequence of Source
        Corpora.
    models : list of str
        Names of methods.
    topics : sequence of int
        Numbers of topics.
    seeds : sequence of int
    settings : sequence of Setting or None, default=(None,)
        Settings in which runs depart from the method, one at a time; None: the method as it is.
    base : Base

    Raises
    ------
    InputError
        If there is nothing to compare, something stands twice, or a method has no such setting.
    """

    sources: Sequence[Source]
    models: list[str]
    topics: Sequence[int]
    seeds: Sequence[int]
    settings: Sequence[Setting | None] = (None,)
    base: Base = field(default_factory=Base)

    def __post_init__(self) -> None:
        if not all((self.sources, self.models, self.topics, self.seeds, self.settings)):
            raise InputError("nothing to compare; give at least one corpus, model, number of topics and seed")
        check_settings([setting for setting in self.settings if setting], self.methods)
        if min(self.topics) < 2:
            raise InputError(f"--topics holds {min(self.topics)}; give whole numbers of at least 2")
        names = [source.name for source in self.sources]
        for option, values in (("--data", names), ("--models", self.models), ("--topics", [*map(str, self.topics)])):
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise InputError(f"{option} names {twice[0]} twice; give each once")

    @property
    def methods(self) -> list[Method]:
        return [get_method(name) for name in self.models]

    def cells(self) -> list[Cell]:
        """All cells, those of one corpus together. Reads the corpora."""
        return [cell for source in self.sources for cell in self._cells_of(source)]

    def _cells_of(self, source: Source) -> list[Cell]:
        corpus = source.read()
        log.info("%s: %d documents", source.name, len(corpus))
        fingerprint = labelled_fingerprint(corpus)
        return [
            Cell(
                source=source, fingerprint=fingerprint, model=method.name, topics=topics, seed=seed,
                setting=setting, base=self.base,
            )
            for method in self.methods
            for setting in self.settings
            # A method that is not trained has one result.
            for topics in (self.topics if method.trained else self.topics[:1])
            for seed in (self.seeds if method.trained else self.seeds[:1])
        ]  # fmt: skip


def prepare_environments(methods: Sequence[Method], *, install: bool) -> None:
    """Create the environments that are missing; raises InputError where one is missing and `install` is False."""
    for method in methods:
        environment = method.environment
        if environment is None or environment.is_complete:
            continue
        if not install:
            raise InputError(
                f"{method.name} needs packages in an environment of its own (about {environment.size} MB), which is "
                "not on this machine; add --install"
            )
        environment.make()


# Runs one step ("vectors", "read", "cell") of a cell; raises SofttopicError where it fails.
Execute = Callable[[str, Cell, Path], None]

_STEPS = {"vectors": "sentence vectors", "read": "the language model reads the documents"}


def run_cells(cells: Sequence[Cell], out: Path, execute: Execute) -> list[dict[str, Any]]:
    """Run the cells that are not finished.

    Parameters
    ----------
    cells : sequence of Cell
    out : Path
        Folder of the comparison.
    execute : callable
        Runs one step of a cell: `execute_apart`, or one that runs it in this process.

    Returns
    -------
    list of dict
        The records of all cells, in their order.
    """
    failures: dict[tuple[str, str], str | None] = {}
    for number, cell in enumerate(cells, 1):
        path = cell.path(out)
        if is_finished(path):
            continue
        start = time.perf_counter()
        log.info("%d of %d: %s", number, len(cells), cell)
        try:
            _run_shared_steps(cell, path, execute, failures)
            execute("cell", cell, path)
        except SofttopicError as error:
            log.warning("failed: %s: %s", cell, error)
            write_record(path, _failure(cell, str(error)))
        else:
            log.info("done in %.1f s", time.perf_counter() - start)
    return [record for cell in cells if (record := read_record(cell.path(out))) is not None]


def _run_shared_steps(cell: Cell, path: Path, execute: Execute, failures: dict[tuple[str, str], str | None]) -> None:
    """Run the steps that a cell shares with others, each once; where one failed, every cell that needs it fails."""
    for step in shared_steps(cell):
        if step not in failures:
            name, _ = step
            log.info("first, for all cells: %s", _STEPS[name])
            failures[step] = None
            try:
                execute(name, cell, path)
            except SofttopicError as error:
                failures[step] = str(error)
        if (reason := failures[step]) is not None:
            raise SofttopicError(reason)


def shared_steps(cell: Cell) -> list[tuple[str, str]]:
    """Steps that a cell shares with others: the name, and all that the result depends on."""
    method = get_method(cell.model)
    run = run_of(method, cell.setting, cell.base)
    same = f"{cell.fingerprint} {run.vocabulary_size}"
    vectors, recipe = vectors_needed(method, run), run.recipe
    steps = [("vectors", f"{same} {vectors}")] if vectors else []
    if recipe is not None and recipe.needs_lm:
        steps.append(("read", f"{same} {(run.lm, run.sample, recipe.read, recipe.inputs, recipe.target)}"))
    return steps


def _failure(cell: Cell, reason: str) -> dict[str, Any]:
    return {
        "version": VERSION, "cell": json.loads(cell.to_json()), "error": " ".join(reason.split()),
        "metrics": {}, "stages": [], "topics": [], "command": cell.command,
    }  # fmt: skip


def execute_apart(step: str, cell: Cell, path: Path) -> None:
    """Run a step in a process of its own: its peak memory is its own, and a crash ends no other cell."""
    with TemporaryDirectory(prefix="softtopic-bench-") as folder:
        cell_file = Path(folder) / "cell.json"
        cell_file.write_text(cell.to_json(), encoding="utf-8")
        command = [sys.executable, "-m", "softtopic.bench.worker", step, str(cell_file), str(path)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SofttopicError(failure_reason(done.returncode, done.stderr))


def failure_reason(code: int, stderr: str) -> str:
    """Why a process failed, in one line: the last of its traceback, without the name of softtopic's own errors."""
    if code < 0:
        return f"its process was ended by signal {-code}, as happens where memory runs out"
    lines = [line for line in stderr.splitlines() if line.strip()]
    return re.sub(r"^softtopic\.errors\.\w+: ", "", lines[-1]) if lines else f"its process ended with exit code {code}"
