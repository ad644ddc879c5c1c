"""Tables of a comparison: methods as rows, mean ± standard deviation over numbers of topics and seeds."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from softtopic.bench.cells import Cell, Setting
from softtopic.bench.methods import get_method
from softtopic.bench.packages.exchange import TOP_WORDS
from softtopic.bench.published import published
from softtopic.metrics.registry import MEASURES

Record = dict[str, Any]

# Measures of the main table; those of the published tables.
MAIN_MEASURES = ("c_v", "npmi", "inverted_rbo", "purity", "precision_at_5")
MISSING = "–"


@dataclass(frozen=True)
class Table:
    """Cells of text, and a note on what they were measured on."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of several values.

    Attributes
    ----------
    mean : float
    std : float
        Of the population; 0 for one value.
    n : int
        Number of values.
    """

    mean: float
    std: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Summary":
        return cls(statistics.mean(values), statistics.pstdev(values), len(values))

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + (f" ± {self.std:.3f}" if self.n > 1 else "")


@dataclass(frozen=True)
class Row:
    """The cells of one corpus, method and setting.

    Attributes
    ----------
    corpus, model : str
    setting : Setting or None
    records : tuple of dict
        Records of the cells that did not fail.
    n_failed : int
    """

    corpus: str
    model: str
    setting: Setting | None
    records: tuple[Record, ...]
    n_failed: int = 0

    @property
    def title(self) -> str:
        """Name of the method, with the setting where there is one."""
        title = get_method(self.model).title
        return title if self.setting is None else f"{title} ({self.setting.value})"

    @property
    def cells(self) -> list[Cell]:
        return [Cell.from_dict(record["cell"]) for record in self.records]

    def summary(self, measure: str) -> Summary | None:
        """Summary of a measure; None where it was not measured."""
        values = [record["metrics"][measure] for record in self.records if measure in record["metrics"]]
        return Summary.of(values) if values else None

    @property
    def seconds(self) -> float | None:
        """Mean time of all stages together, shared ones counted in full; None where one is not known."""
        sums = [[stage["seconds"] for stage in record["stages"]] for record in self.records]
        if not sums or any(second is None for seconds in sums for second in seconds):
            return None
        return statistics.mean(map(sum, sums))

    def text(self, measure: str) -> str:
        """A measure as it stands in a table."""
        summary = self.summary(measure)
        return str(summary) if summary else "failed" if self.n_failed and not self.records else MISSING

    def where(self, condition: Callable[[Cell], bool]) -> "Row":
        """The row with only some of its cells."""
        kept = zip(self.records, self.cells, strict=True)
        return Row(self.corpus, self.model, self.setting, tuple(record for record, cell in kept if condition(cell)))


def rows_of(records: Iterable[Record]) -> list[Row]:
    """Records grouped by corpus, method and setting, in the order in which these first come."""
    groups: dict[tuple[str, str, Setting | None], list[Record]] = {}
    for record in records:
        cell = Cell.from_dict(record["cell"])
        groups.setdefault((cell.source.name, cell.model, cell.setting), []).append(record)
    return [
        Row(*key, tuple(record for record in group if record["error"] is None), sum(bool(r["error"]) for r in group))
        for key, group in groups.items()
    ]


def tables_of(records: Sequence[Record]) -> list[Table]:
    """All tables of a comparison."""
    rows = rows_of(records)
    swept = any(row.setting is not None for row in rows)
    tables = _setting_tables(rows) if swept else [_main_table(rows), *_corpus_tables(rows)]
    return [*(table for table in tables if table.rows), *stage_tables(rows), methods_table(rows), *_failures(records)]


def present(rows: Sequence[Row], measures: Iterable[str]) -> list[str]:
    """Those of the measures that some row has."""
    return [measure for measure in measures if any(row.summary(measure) for row in rows)]


def _main_table(rows: Sequence[Row]) -> Table:
    corpora = list(dict.fromkeys(row.corpus for row in rows))
    measures = present(rows, MAIN_MEASURES)
    head = ["method"]
    for corpus in corpora:
        head += [f"{corpus} {MEASURES[measure].title}" for measure in measures] + [f"{corpus} s"]
    lines: list[tuple[str, ...]] = []
    for model in dict.fromkeys(row.model for row in rows):
        by_corpus = {row.corpus: row for row in rows if row.model == model}
        line = [get_method(model).title]
        for corpus in corpora:
            row = by_corpus.get(corpus, Row(corpus, model, None, ()))
            line += [*(row.text(measure) for measure in measures), seconds_text(row.seconds)]
        lines.append(tuple(line))
        lines += _published(model, corpora, measures)
    return Table("All methods", tuple(head), tuple(lines), note_on(rows))


def _published(model: str, corpora: Sequence[str], measures: Sequence[str]) -> list[tuple[str, ...]]:
    """The published results of a method, to stand below ours."""
    known = {corpus: published(corpus, model) for corpus in corpora}
    if not any(known.values()):
        return []
    line = [f"{get_method(model).title}, published"]
    for corpus in corpora:
        line += [f"{known[corpus][m]:.3f}" if m in known[corpus] else MISSING for m in measures] + [MISSING]
    return [tuple(line)]


def _corpus_tables(rows: Sequence[Row]) -> list[Table]:
    """All measures, a table a corpus."""
    tables = []
    for corpus in dict.fromkeys(row.corpus for row in rows):
        own = [row for row in rows if row.corpus == corpus]
        measures = present(own, MEASURES)
        head = ("method", "cells", "topics found", *(MEASURES[measure].title for measure in measures))
        lines = tuple(
            (row.title, _cell_count(row), _topics_found(row), *(row.text(measure) for measure in measures))
            for row in own
        )
        tables.append(Table(corpus, head, lines, note_on(own)))
    return tables


def _topics_found(row: Row) -> str:
    """Number of topics found for each number asked for: some methods find fewer."""
    found: dict[int, set[int]] = {}
    for record in row.records:
        if "n_topics" in record["metrics"]:
            found.setdefault(record["cell"]["topics"], set()).add(record["metrics"]["n_topics"])
    ranges = (f"{min(n)} to {max(n)}" if len(n) > 1 else f"{min(n)}" for n in found.values())
    return ", ".join(ranges) or MISSING


def _cell_count(row: Row) -> str:
    return f"{len(row.records)}" + (f" ({row.n_failed} failed)" if row.n_failed else "")


def _setting_tables(rows: Sequence[Row]) -> list[Table]:
    """The values of a setting as rows, a table for each corpus, method and setting."""
    tables = []
    for (corpus, model, name), own in by_setting(rows).items():
        measures = present(own, MEASURES)
        lines = tuple((setting_value(row), *(row.text(measure) for measure in measures)) for row in own)
        title = f"{get_method(model).title} on {corpus}: {name}"
        tables.append(Table(title, (name, *(MEASURES[measure].title for measure in measures)), lines, note_on(own)))
    return tables


def by_setting(rows: Sequence[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """Rows with a setting, by corpus, method and the setting's name."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.setting is not None:
            groups.setdefault((row.corpus, row.model, row.setting.name), []).append(row)
    return groups


def setting_value(row: Row) -> str:
    """The value of a row's setting; "" where it has none."""
    return "" if row.setting is None else row.setting.value


def stage_tables(rows: Sequence[Row]) -> list[Table]:
    """Time and peak memory of each stage; no table where no stage was recorded."""
    lines = []
    for row in rows:
        stages_of: dict[str, list[dict[str, Any]]] = {}
        for record in row.records:
            for stage in record["stages"]:
                stages_of.setdefault(stage["stage"], []).append(stage)
        for name, stages in stages_of.items():
            seconds = [stage["seconds"] for stage in stages if stage["seconds"] is not None]
            peaks = [stage["peak_mib"] for stage in stages if stage["peak_mib"] is not None]
            lines.append(
                (
                    row.corpus,
                    row.title,
                    name + (" (estimated)" if any(stage.get("estimated") for stage in stages) else ""),
                    "all cells" if stages[0].get("shared") else "each cell",
                    seconds_text(statistics.mean(seconds) if seconds else None),
                    f"{max(peaks):,.0f}" if peaks else MISSING,
                )
            )
    if not lines:
        return []
    note = (
        "Mean wall time of a stage and the peak resident memory of its process. What is done once for all cells counts "
        "in full for every method that uses it. Starting processes and measuring are not counted."
    )
    return [Table("Time and memory", ("corpus", "method", "stage", "run for", "s", "peak MiB"), tuple(lines), note)]


def methods_table(rows: Sequence[Row]) -> Table:
    """What each method is, and the versions of its packages."""
    lines = []
    for model in dict.fromkeys(row.model for row in rows):
        versions: dict[str, str] = {}
        for row in rows:
            for record in row.records if row.model == model else ():
                versions |= record["versions"]
        packages = ", ".join(f"{package} {version}" for package, version in versions.items())
        lines.append((get_method(model).title, get_method(model).about, packages or MISSING))
    return Table("Methods", ("method", "what it is", "versions"), tuple(lines))


def _failures(records: Sequence[Record]) -> list[Table]:
    cells = [(Cell.from_dict(record["cell"]), record["error"]) for record in records if record["error"]]
    lines = tuple((cell.source.name, cell.model, str(cell.topics), str(cell.seed), reason) for cell, reason in cells)
    return [Table("Failed", ("corpus", "model", "K", "seed", "reason"), lines)] if lines else []


def note_on(rows: Sequence[Row]) -> str:
    """Documents, numbers of topics, seeds and the reference corpus of a table."""
    records = [record for row in rows for record in row.records]
    if not records:
        return ""
    corpora = {record["corpus"]["name"]: record["corpus"] for record in records}
    documents = [
        f"{name}: {corpus['documents']:,} documents, {corpus['labels']} labels, {corpus['words']:,} words"
        for name, corpus in corpora.items()
    ]
    topics, seeds = ({record["cell"][name] for record in records} for name in ("topics", "seed"))
    references = {str(record["reference"]): record["reference"] for record in records}
    coherence = [
        f"coherence of the top {TOP_WORDS} words in windows of 110 words of {reference['name']} "
        f"({reference['documents']:,} documents, {reference['words']:,} words)"
        for reference in references.values()
        if reference
    ]
    over = f"mean ± standard deviation over K = {_listed(topics)} and seeds {_listed(seeds)}"
    return "; ".join([*documents, over, *(coherence or ["coherence was not measured, for want of a reference"])]) + "."


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(values)))


def seconds_text(value: float | None) -> str:
    """Seconds as they stand in a table."""
    return MISSING if value is None else f"{value:,.1f}" if value < 10 else f"{value:,.0f}"
