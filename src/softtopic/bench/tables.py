"""From the records of cells to tables: methods as rows, mean ± standard deviation over numbers of topics and seeds."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from softtopic.bench.methods import get_method
from softtopic.bench.packages.exchange import TOP_WORDS
from softtopic.bench.published import published
from softtopic.metrics.registry import MEASURES

Record = dict[str, Any]

# Measures of the main table; those of the published tables.
MAIN = ("c_v", "npmi", "inverted_rbo", "purity", "precision_at_5")
NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """Cells of text, and a line that says what they are of."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Spread:
    """Of several figures."""

    mean: float
    std: float  # of the population; 0 of one figure
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.mean(values), statistics.pstdev(values), len(values))

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + (f" ± {self.std:.3f}" if self.n > 1 else "")


@dataclass(frozen=True)
class Row:
    """All cells of one corpus, method and setting."""

    corpus: str
    model: str
    setting: str | None  # its value
    records: tuple[Record, ...]  # that did not fail
    n_failed: int

    def spread(self, measure: str) -> Spread | None:
        values = [record["metrics"][measure] for record in self.records if measure in record["metrics"]]
        return Spread.of(values) if values else None

    @property
    def seconds(self) -> float | None:
        """Mean of all stages together, those that cells share counted in full; None where one is not known."""
        sums = [[stage["seconds"] for stage in record["stages"]] for record in self.records]
        if not sums or any(second is None for seconds in sums for second in seconds):
            return None
        return statistics.mean(map(sum, sums))

    def shown(self, measure: str) -> str:
        found = self.spread(measure)
        return str(found) if found else "failed" if self.n_failed and not self.records else NOTHING


def rows_of(records: Iterable[Record]) -> list[Row]:
    """Records grouped, in the order in which they come."""
    groups: dict[tuple[str, str, str | None], list[Record]] = {}
    for record in records:
        cell = record["cell"]
        setting = cell["setting"] and cell["setting"]["value"]
        groups.setdefault((_corpus(record), cell["model"], setting), []).append(record)
    return [
        Row(*key, tuple(record for record in group if record["error"] is None), sum(bool(r["error"]) for r in group))
        for key, group in groups.items()
    ]


def _corpus(record: Record) -> str:
    from softtopic.bench.sources import Source

    return Source(**record["cell"]["source"]).name


def tables_of(records: Sequence[Record]) -> list[Table]:
    """Every table of a comparison."""
    rows = rows_of(records)
    swept = any(row.setting is not None for row in rows)
    tables = _sweeps(rows) if swept else [_main(rows), *_details(rows)]
    return [*(table for table in tables if table.rows), *_stages(rows), _methods(rows), *_failures(records)]


def present(rows: Sequence[Row], measures: Iterable[str]) -> list[str]:
    """Of the measures those that some row has."""
    return [measure for measure in measures if any(row.spread(measure) for row in rows)]


def _main(rows: Sequence[Row]) -> Table:
    corpora = list(dict.fromkeys(row.corpus for row in rows))
    measures = present(rows, MAIN)
    head = ["method"]
    for corpus in corpora:
        head += [f"{corpus} {MEASURES[measure].title}" for measure in measures] + [f"{corpus} s"]
    lines: list[tuple[str, ...]] = []
    for model in dict.fromkeys(row.model for row in rows):
        own = {row.corpus: row for row in rows if row.model == model}
        line = [get_method(model).title]
        for corpus in corpora:
            row = own.get(corpus)
            line += [row.shown(m) if row else NOTHING for m in measures] + [_seconds(row.seconds if row else None)]
        lines.append(tuple(line))
        lines += _published(model, corpora, measures)
    return Table("All methods", tuple(head), tuple(lines), _note(rows))


def _published(model: str, corpora: Sequence[str], measures: Sequence[str]) -> list[tuple[str, ...]]:
    """The published figures of a method, beneath ours."""
    known = {corpus: published(corpus, model) for corpus in corpora}
    if not any(known.values()):
        return []
    line = [f"{get_method(model).title}, published"]
    for corpus in corpora:
        line += [f"{known[corpus][m]:.3f}" if m in known[corpus] else NOTHING for m in measures] + [NOTHING]
    return [tuple(line)]


def _details(rows: Sequence[Row]) -> list[Table]:
    tables = []
    for corpus in dict.fromkeys(row.corpus for row in rows):
        own = [row for row in rows if row.corpus == corpus]
        measures = present(own, MEASURES)
        head = ("method", "cells", "topics found", *(MEASURES[measure].title for measure in measures))
        lines = tuple(
            (get_method(row.model).title, _count(row), _found(row), *(row.shown(measure) for measure in measures))
            for row in own
        )
        tables.append(Table(corpus, head, lines, _note(own)))
    return tables


def _found(row: Row) -> str:
    """How many topics there are for each number asked for: some methods find fewer."""
    found: dict[int, set[int]] = {}
    for record in row.records:
        if "n_topics" in record["metrics"]:
            found.setdefault(record["cell"]["topics"], set()).add(record["metrics"]["n_topics"])
    told = (f"{min(n)} to {max(n)}" if len(n) > 1 else f"{min(n)}" for n in found.values())
    return ", ".join(told) or NOTHING


def _count(row: Row) -> str:
    return f"{len(row.records)}" + (f" ({row.n_failed} failed)" if row.n_failed else "")


def _sweeps(rows: Sequence[Row]) -> list[Table]:
    tables = []
    for corpus, model in dict.fromkeys((row.corpus, row.model) for row in rows):
        own = [row for row in rows if (row.corpus, row.model) == (corpus, model)]
        measures = present(own, MEASURES)
        name = setting_name(own)
        lines = tuple((str(row.setting), *(row.shown(measure) for measure in measures)) for row in own)
        title = f"{get_method(model).title} on {corpus}: {name}"
        tables.append(Table(title, (name, *(MEASURES[measure].title for measure in measures)), lines, _note(own)))
    return tables


def setting_name(rows: Sequence[Row]) -> str:
    """What was swept; "" where all cells failed."""
    return next((record["cell"]["setting"]["name"] for row in rows for record in row.records), "")


def _stages(rows: Sequence[Row]) -> list[Table]:
    """Wall time and peak memory, mean and most over the cells."""
    lines = []
    for row in rows:
        found: dict[str, list[dict[str, Any]]] = {}
        for record in row.records:
            for stage in record["stages"]:
                found.setdefault(stage["stage"], []).append(stage)
        for name, stages in found.items():
            seconds = [stage["seconds"] for stage in stages if stage["seconds"] is not None]
            peaks = [stage["peak_mib"] for stage in stages if stage["peak_mib"] is not None]
            shared = "shared" if stages[0].get("shared") else "each cell"
            lines.append(
                (
                    row.corpus,
                    get_method(row.model).title + (f" ({row.setting})" if row.setting is not None else ""),
                    name + (" (estimated)" if any(stage.get("estimated") for stage in stages) else ""),
                    shared,
                    _seconds(statistics.mean(seconds) if seconds else None),
                    f"{max(peaks):,.0f}" if peaks else NOTHING,
                )
            )
    if not lines:
        return []
    head = ("corpus", "method", "stage", "made for", "seconds", "peak MiB")
    note = (
        "Mean wall seconds and greatest resident memory of the stage's process. Shared stages are made once; tables "
        "above count them in full for every method that uses them. Loading programs and measuring are left out."
    )
    return [Table("Time and memory", head, tuple(lines), note)]


def _methods(rows: Sequence[Row]) -> Table:
    """What each method is, and the versions of what it ran on."""
    lines = []
    for model in dict.fromkeys(row.model for row in rows):
        versions: dict[str, str] = {}
        for row in rows:
            for record in row.records if row.model == model else ():
                versions |= record["versions"]
        told = ", ".join(f"{package} {version}" for package, version in versions.items())
        lines.append((get_method(model).title, get_method(model).about, told or NOTHING))
    return Table("Methods", ("method", "what it is", "versions"), tuple(lines))


def _failures(records: Sequence[Record]) -> list[Table]:
    lines = tuple(
        (_corpus(record), record["cell"]["model"], str(record["cell"]["topics"]), str(record["cell"]["seed"]),
         record["error"])
        for record in records
        if record["error"]
    )  # fmt: skip
    return [Table("Failed", ("corpus", "model", "K", "seed", "reason"), lines)] if lines else []


def _note(rows: Sequence[Row]) -> str:
    """What the figures were measured on."""
    records = [record for row in rows for record in row.records]
    if not records:
        return ""
    corpora = {record["corpus"]["name"]: record["corpus"] for record in records}
    told = [
        f"{name}: {corpus['documents']:,} documents, {corpus['labels']} labels, {corpus['words']:,} words"
        for name, corpus in corpora.items()
    ]
    cells = [record["cell"] for record in records]
    topics = sorted({cell["topics"] for cell in cells})
    seeds = sorted({cell["seed"] for cell in cells})
    references = {str(record["reference"]): record["reference"] for record in records}
    measured = [
        f"coherence of the top {TOP_WORDS} words in windows of 110 words of {one['name']} "
        f"({one['documents']:,} documents, {one['words']:,} words)"
        for one in references.values()
        if one
    ]
    over = f"mean ± standard deviation over K = {_listed(topics)} and seeds {_listed(seeds)}"
    return "; ".join([*told, over, *(measured or ["no reference of coherence was given"])]) + "."


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.1f}" if value < 10 else f"{value:,.0f}"
