"""Pages of results from the folders of comparisons: one table and one figure a question.

    python benchmarks/results.py FOLDER [FOLDER ...] --out docs/results

FOLDER is what `softtopic bench --out` or benchmarks/ablation.py wrote. Writes a page and an SVG figure for each
question that the runs answer, and an index with the targets beside the folder (docs/results.md). Every page names the
commands that repeat it.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

from ablation import ablation_tables
from common import CORPORA, parser

from softtopic.bench.cells import Base, Cell, bench_commands, read_record
from softtopic.bench.methods import METHODS, get_method
from softtopic.bench.plot import check_plotting, plot_by_topics, plot_methods, plot_stages
from softtopic.bench.report import markdown_table
from softtopic.bench.tables import MISSING, Record, Row, Table, methods_table, note_on, rows_of
from softtopic.metrics.registry import MEASURES
from softtopic.storage.atomic import staged_file

AGREEMENT = ("purity", "nmi", "precision_at_5")
WORDS = ("npmi", "c_v", "topic_diversity")
DEFAULT = "default"


@dataclass(frozen=True)
class Page:
    """A question, the rows that answer it, their table and their figure."""

    name: str
    title: str
    text: str
    rows: Sequence[Row]
    table: Callable[[Sequence[Row]], Table]
    figure: Callable[[Sequence[Row]], str] | None = None

    @property
    def records(self) -> list[Record]:
        return [record for row in self.rows for record in row.records]


def main() -> None:
    options = parser(__doc__, data=False)
    options.add_argument("folders", nargs="+", type=Path)
    options.add_argument("--out", type=Path, default=Path("docs/results"))
    options.add_argument("--without", nargs="*", default=(), help="pages to leave out, such as speed on a busy machine")
    arguments = options.parse_args()
    check_plotting()
    for path in write_pages(read_records(arguments.folders), arguments.out, arguments.without):
        print(path)


def read_records(folders: Iterable[Path]) -> list[Record]:
    """Finished cells, in the order of corpora and methods in tables; of equal cells the last folder's.

    The ones of an ablation, in which several settings are changed, have the key "ablation".
    """
    records: dict[str, Record] = {}
    for folder in folders:
        cells = {str(path.relative_to(folder)): read_record(path) for path in folder.glob("cells/*/*.json")}
        finished = {name: record for name, record in cells.items() if record and not record["error"]}
        settings = {record["cell"]["setting"]["name"] for record in finished.values() if record["cell"]["setting"]}
        records |= {name: record | {"ablation": len(settings) > 1} for name, record in finished.items()}

    def order(record: Record) -> tuple:
        cell = Cell.from_dict(record["cell"])
        corpus = CORPORA.index(cell.source.data) if cell.source.data in CORPORA else len(CORPORA)
        method = -1 if cell.model == DEFAULT else list(METHODS).index(cell.model)
        return corpus, cell.source.name, method, str(cell.setting), cell.topics, cell.seed

    return sorted(records.values(), key=order)


def write_pages(records: Sequence[Record], out: Path, without: Collection[str] = ()) -> list[Path]:
    """Write the index, and page and figure of each question that has rows; returns their paths."""
    pages = [page for page in pages_of(records) if page.rows and page.name not in without]
    files = {out.with_suffix(".md"): index(pages, records, out)}
    for page in pages:
        files[out / f"{page.name}.md"] = markdown(page)
        if page.figure is not None:
            files[out / f"{page.name}.svg"] = page.figure(page.rows)
    for path, text in files.items():
        with staged_file(path) as staging:
            staging.write_text(text, encoding="utf-8")
    return list(files)


def pages_of(records: Sequence[Record]) -> list[Page]:
    samples, whole = plain_rows(records)
    compared = samples if len({row.model for row in samples}) > 1 else []
    by_topics = [row for row in samples if row.model == DEFAULT and len({cell.topics for cell in row.cells}) > 1]
    worded = [row for row in samples if row.summary("topic_diversity")]
    ablated = rows_of(record for record in records if record["ablation"])
    return [
        Page("methods", "Against other methods", "Which method agrees best with labels that none of them has seen?",
             compared, lambda rows: method_table(rows, AGREEMENT), lambda rows: plot_methods(rows, AGREEMENT)),
        Page("topics", "By number of topics", "How well does it agree with labels with few topics, and with many?",
             by_topics, topics_table, lambda rows: plot_by_topics(rows, AGREEMENT)),
        Page("corpora", "Whole corpora", "How well do methods agree with labels on all documents of a corpus?",
             whole, topics_table, lambda rows: plot_by_topics(rows, AGREEMENT)),
        Page("words", "Words", "How coherent are the words of the topics, and how diverse?",
             worded, lambda rows: method_table(rows, WORDS), lambda rows: plot_methods(rows, WORDS)),
        Page("speed", "Speed", "How much time and memory do the methods take, from texts to topics?",
             [*samples, *whole], speed_table, lambda _: plot_stages(samples or whole)),
        Page("ablation", "Ablation", "How much does each part of the default recipe contribute?",
             ablated, lambda rows: ablation_tables([record for row in rows for record in row.records])[0]),
    ]  # fmt: skip


def plain_rows(records: Sequence[Record]) -> tuple[list[Row], list[Row]]:
    """Rows of methods without changed settings: on samples of corpora, and on whole ones."""
    plain = [record for record in records if not record["ablation"] and not record["cell"]["setting"]]
    sampled = [record["cell"]["source"]["documents"] is not None for record in plain]
    return rows_of(compress(plain, sampled)), rows_of(compress(plain, (not one for one in sampled)))


def method_table(rows: Sequence[Row], measures: Sequence[str]) -> Table:
    """Corpora as rows, methods as columns; the best value of each measure in bold."""
    models = list(dict.fromkeys(row.model for row in rows))
    lines = []
    for corpus in dict.fromkeys(row.corpus for row in rows):
        own = {row.model: row for row in rows if row.corpus == corpus}
        best = {m: max(rounded for row in own.values() if (rounded := value(row, m)) is not None)
                for m in measures if any(value(row, m) is not None for row in own.values())}  # fmt: skip
        cells = (
            " / ".join(number(value(own[model], m), bold=value(own[model], m) == best.get(m)) for m in measures)
            if model in own else MISSING
            for model in models
        )  # fmt: skip
        lines.append((corpus, *cells))
    title = " / ".join(MEASURES[measure].title for measure in measures)
    return Table(title, ("corpus", *(get_method(model).title for model in models)), tuple(lines), note_on(rows))


def topics_table(rows: Sequence[Row]) -> Table:
    """Corpora as rows, numbers of topics as columns; agreement with labels and the deviation of purity over seeds."""
    numbers = sorted({cell.topics for row in rows for cell in row.cells})
    several = len({row.model for row in rows}) > 1
    lines = []
    for row in rows:
        cells = []
        for topics in numbers:
            part = row.where(lambda cell, topics=topics: cell.topics == topics)
            purity = part.summary("purity")
            spread = f" ± {number(round(purity.std, 3))}" if purity and purity.n > 1 else ""
            cells.append(agreement(part) + spread)
        lines.append((f"{row.corpus}, {row.title}" if several else row.corpus, *cells, agreement(row)))
    title = " / ".join(MEASURES[measure].title for measure in AGREEMENT) + " ± standard deviation of purity"
    return Table(title, ("corpus", *(f"K = {topics}" for topics in numbers), "mean"), tuple(lines), note_on(rows))


def speed_table(rows: Sequence[Row]) -> Table:
    """Corpora as rows, methods as columns; time of all stages and the highest of their peaks."""
    models = list(dict.fromkeys(row.model for row in rows))
    lines = []
    for corpus in dict.fromkeys((row.corpus, documents(row)) for row in rows):
        own = {row.model: row for row in rows if (row.corpus, documents(row)) == corpus}
        lines.append((f"{corpus[0]}, {corpus[1]:,} documents",
                      *(speed(own[model]) if model in own else MISSING for model in models)))  # fmt: skip
    note = (
        "Mean wall time of all stages in seconds / peak memory in MiB. What is done once for all runs (sentence "
        "vectors, reading by the language model) counts in full for each; starting processes and measuring do not."
    )
    return Table("Time and memory", ("corpus", *(get_method(model).title for model in models)), tuple(lines), note)


def speed(row: Row) -> str:
    peaks = [stage["peak_mib"] for record in row.records for stage in record["stages"] if stage["peak_mib"]]
    return f"{row.seconds:,.0f} / {max(peaks):,.0f}" if row.seconds is not None and peaks else MISSING


def documents(row: Row) -> int:
    return row.records[0]["corpus"]["documents"] if row.records else 0


def value(row: Row, measure: str) -> float | None:
    summary = row.summary(measure)
    return None if summary is None else round(summary.mean, 3)


def agreement(row: Row) -> str:
    return " / ".join(number(value(row, measure)) for measure in AGREEMENT)


def number(x: float | None, *, bold: bool = False) -> str:
    text = MISSING if x is None else f"{x:.3f}".replace("0.", ".", 1)
    return f"**{text}**" if bold and x is not None else text


def markdown(page: Page) -> str:
    table = page.table(page.rows)
    figure = [f"![{page.title}]({page.name}.svg)", ""] if page.figure else []
    methods = methods_table(page.rows)
    return "\n".join([
        f"# {page.title}", "", page.text, "", f"{table.title}. {table.note}", "", markdown_table(table), "", *figure,
        "## Methods", "", markdown_table(methods), "", "## Commands", "", "```", *commands(page.records), "```", "",
    ])  # fmt: skip


def commands(records: Sequence[Record]) -> list[str]:
    """Command lines that repeat the runs; folders of this machine are left out."""
    return bench_commands([_portable(Cell.from_dict(record["cell"])) for record in records], "comparison")


def _portable(cell: Cell) -> Cell:
    reference = cell.base.reference
    name = None if reference is None else replace(reference, path=Path(reference.path).name)
    base: Base = replace(cell.base, reference=name)
    return replace(cell, source=replace(cell.source, data_dir="FOLDER" if cell.source.data_dir else None), base=base)


@dataclass(frozen=True)
class Target:
    """A value that a measure of the default recipe should reach: the lowest one over the rows."""

    text: str
    measure: str
    least: float
    corpus: str | None = None
    whole: bool = False
    topics: int | None = None

    def measured(self, rows: Sequence[Row]) -> float | None:
        parts = [row if self.topics is None else row.where(lambda cell: cell.topics == self.topics) for row in rows
                 if row.model == DEFAULT and self.corpus in (None, row.corpus)]  # fmt: skip
        values = [mean for part in parts if (mean := value(part, self.measure)) is not None]
        return min(values) if values else None


TARGETS = (
    Target("all of StackOverflow, purity", "purity", 0.89, "stackoverflow", whole=True),
    Target("all of StackOverflow, precision at 5", "precision_at_5", 0.88, "stackoverflow", whole=True),
    Target("all of 20 Newsgroups, purity", "purity", 0.68, "20newsgroups", whole=True),
    Target("all of 20 Newsgroups, precision at 5", "precision_at_5", 0.66, "20newsgroups", whole=True),
    Target("topic diversity at K = 50, lowest of the corpora", "topic_diversity", 0.80, topics=50),
)


def index(pages: Sequence[Page], records: Sequence[Record], out: Path) -> str:
    """Links to the pages, to those of other scripts in the same folder, and the targets."""
    samples, whole = plain_rows(records)
    lines = [first_places(next((page.rows for page in pages if page.name == "methods"), []))]
    for target in TARGETS:
        x = target.measured(whole if target.whole else samples)
        lines.append((target.text, f"≥ {number(target.least)}", number(x), verdict(x is not None, x, target.least)))
    return "\n".join([
        "# Results", "",
        "Labels are read after training alone. Written by `benchmarks/results.py`; each page names the commands that "
        "repeat it.", "",
        *(f"- [{page.title}]({out.name}/{page.name}.md): {page.text}" for page in pages), "",
        *other_pages(out, {page.name for page in pages}),
        markdown_table(Table("Targets", ("default recipe", "target", "measured", ""), tuple(lines))), "",
        "Targets of speed stand beside what is measured in the output of `make bench`.", "",
    ])  # fmt: skip


def other_pages(out: Path, names: Collection[str]) -> list[str]:
    """Links to pages that other scripts measured."""
    others = [path for path in sorted(out.glob("*.md")) if path.stem not in names]
    if not others:
        return []
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in others]
    links = [f"- [{title}]({out.name}/{path.name})" for title, path in zip(titles, others, strict=True)]
    return ["Measured by other scripts, which the pages name:", "", *links, ""]


def first_places(rows: Sequence[Row]) -> tuple[str, ...]:
    """On how many corpora the default recipe is first in two of the three measures of agreement, and never third."""
    reached = corpora = 0
    for corpus in dict.fromkeys(row.corpus for row in rows):
        own = [row for row in rows if row.corpus == corpus]
        default = next((row for row in own if row.model == DEFAULT), None)
        if default is None or len(own) < 2:
            continue
        better = [sum((value(row, m) or 0) > (value(default, m) or 0) for row in own) for m in AGREEMENT]
        corpora += 1
        reached += better.count(0) >= 2 and max(better) < 2
    text = "corpora on which it is first in two of purity, NMI and precision at 5, and never third"
    return text, "all", f"{reached} of {corpora}" if corpora else MISSING, verdict(corpora > 0, reached, corpora)


def verdict(known: bool, measured: float | None, least: float) -> str:
    return "" if not known or measured is None else "met" if measured >= least else "**missed**"


if __name__ == "__main__":
    main()
