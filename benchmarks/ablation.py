"""Ablation of the default recipe: one change at a time, on the same documents.

    python benchmarks/ablation.py --data-dir FOLDER [--documents 2000] [--seeds 3] [--corpora stackoverflow,tweettopic]

Prints purity, NMI, precision at 5 and topic diversity as mean ± standard deviation over seeds; writes every run, the
tables and ablation.json to --out, and continues there when it is run again. Labels are read after training alone.
Variants for which the language model would have to read anew are left out unless --read is given.
"""

import json
import logging
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common import CORPORA, parser

from softtopic.bench.cells import Base, Cell, Setting
from softtopic.bench.report import markdown_table
from softtopic.bench.runner import Comparison, execute_apart, run_cells
from softtopic.bench.sources import Source
from softtopic.bench.stages import is_read, plan_of, reading_path
from softtopic.bench.tables import MISSING, Record, Summary, Table, note_on, rows_of
from softtopic.bench.worker import Experiment, run_step
from softtopic.errors import SofttopicError
from softtopic.lm.loading import EMBEDDED
from softtopic.metrics.registry import MEASURES
from softtopic.storage.atomic import staged_file

COLUMNS = ("purity", "nmi", "precision_at_5", "topic_diversity")
VARIANTS: dict[str, Setting | None] = {
    "default recipe": None,
    "no language model: the target is the documents' words": Setting("target", "bow"),
    "the target is the soft labels alone": Setting("target", "soft"),
    "one prompt": Setting("read__prompts", "published"),
    "documents read at random": Setting("read__medoids", "none"),
    "words scored by their first token": Setting("read__beam_width", "0"),
    "no calibration": Setting("read__calibration", "none"),
    "half of the documents read": Setting("sample", "0.5"),
    "hidden states as an input": Setting("inputs", "hidden+embedding"),
    "views not weighed by agreement": Setting("graph__agreement", "none"),
    "no label propagation": Setting("graph__n_steps", "0"),
    "no within-class covariance normalisation": Setting("graph__whitening", "none"),
    "no initial groups": Setting("groups", "none"),
    "words ranked by probability": Setting("ranking__order", "probability"),
}
_NAMES = {setting: name for name, setting in VARIANTS.items()}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--corpora", default=",".join(CORPORA), help="by comma")
    options.add_argument("--documents", type=int, default=2000, help="distinct documents of each corpus")
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--lm", default=EMBEDDED)
    options.add_argument("--read", action="store_true", help="let the language model read for every variant")
    options.add_argument("--out", type=Path, default=Path("ablation"))
    arguments = options.parse_args()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("softtopic.bench").setLevel(logging.INFO)
    names = arguments.corpora.split(",")
    comparison = Comparison(
        sources=[Source(data=name, data_dir=arguments.data_dir, documents=arguments.documents) for name in names],
        models=["default"],
        topics=[arguments.topics],
        seeds=range(arguments.seeds),
        settings=list(VARIANTS.values()),
        base=Base(lm=arguments.lm),
    )
    cells = comparison.cells()
    records = run_cells(cells if arguments.read else without_new_readings(cells), arguments.out, execute)
    for record in records:
        if record["error"]:
            print(f"failed: {Cell.from_dict(record['cell'])}: {record['error']}")
    records = [record for record in records if not record["error"]]
    tables = ablation_tables(records)
    with staged_file(arguments.out / "ablation.json") as staging:
        staging.write_text(json.dumps(summaries(records), indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(f"## {table.title}\n{table.note}\n\n{markdown_table(table)}" for table in tables))


def execute(step: str, cell: Cell, path: Path) -> None:
    """Fits run in this process, which has imported everything; what cells share runs apart, and is timed."""
    if step != "cell":
        execute_apart(step, cell, path)
        return
    try:
        run_step(step, cell, path)
    except SofttopicError:
        raise
    except Exception as error:
        raise SofttopicError(f"{type(error).__name__}: {error}") from error


def without_new_readings(cells: Sequence[Cell]) -> list[Cell]:
    """Cells for which the language model reads what the recipe itself needs, or has read already."""
    kept: dict[tuple[str, Setting | None], bool] = {}
    for cell in cells:
        key = (cell.source.name, cell.setting)
        if key not in kept:
            kept[key] = not needs_new_reading(cell)
            if not kept[key]:
                print(f"{key[0]}: {_NAMES[cell.setting]}: left out, the language model has not read for it; add --read")
    return [cell for cell in cells if kept[cell.source.name, cell.setting]]


def needs_new_reading(cell: Cell) -> bool:
    """Whether the language model has to read for a variant alone."""
    changed, default = Experiment.from_cell(cell), Experiment.from_cell(replace(cell, setting=None))
    corpus, words = changed.corpus, changed.vocabulary
    if cell.setting is None or changed.run.recipe is None or not changed.run.recipe.needs_lm:
        return False
    paths = {reading_path(plan_of(run, corpus, words), corpus) for run in (changed.run, default.run)}
    return len(paths) > 1 and not is_read(changed.run, corpus, words)


def ablation_tables(records: Sequence[Record]) -> list[Table]:
    """The mean over corpora, then a table a corpus; in parentheses the difference from the recipe itself."""
    rows = rows_of(records)
    corpora = list(dict.fromkeys(row.corpus for row in rows))
    groups = {corpus: [record for record in records if record["corpus"]["name"] == corpus] for corpus in corpora}
    head = ("variant", *(MEASURES[measure].title for measure in COLUMNS))
    tables = [
        Table(corpus, head, _lines(group), note_on([row for row in rows if row.corpus == corpus]))
        for corpus, group in groups.items()
    ]
    if len(corpora) > 1:
        note = f"Mean over {', '.join(corpora)}; mean ± standard deviation over seeds of that mean."
        tables.insert(0, Table("mean over corpora", head, _lines(records), note))
    return tables


def _lines(records: Sequence[Record]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            name,
            *(_text(over_seeds(records, setting, measure), over_seeds(records, None, measure)) for measure in COLUMNS),
        )
        for name, setting in VARIANTS.items()
    )


def over_seeds(records: Sequence[Record], setting: Setting | None, measure: str) -> Summary | None:
    """Summary over seeds of the mean over corpora; None where a corpus lacks the variant."""
    values: dict[int, list[float]] = {}
    for record in records:
        cell = Cell.from_dict(record["cell"])
        if cell.setting == setting and measure in record["metrics"]:
            values.setdefault(cell.seed, []).append(record["metrics"][measure])
    n_corpora = len({record["corpus"]["name"] for record in records})
    complete = [statistics.mean(group) for group in values.values() if len(group) == n_corpora]
    return Summary.of(complete) if complete else None


def _text(value: Summary | None, default: Summary | None) -> str:
    if value is None:
        return MISSING
    return str(value) if default is None or value == default else f"{value} ({value.mean - default.mean:+.3f})"


def summaries(records: Sequence[Record]) -> list[dict]:
    """A dictionary for each corpus and variant, for JSON."""
    return [
        {"corpus": row.corpus, "variant": _NAMES[row.setting], "setting": row.setting and str(row.setting),
         "seeds": len(row.records)}
        | {measure: {"mean": value.mean, "std": value.std} for measure in COLUMNS if (value := row.summary(measure))}
        for row in rows_of(records)
    ]  # fmt: skip


if __name__ == "__main__":
    main()
