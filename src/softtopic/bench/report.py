"""Pages of a comparison: results.md, and results.html, a single file with figures."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from softtopic.bench.plot import plot_comparison
from softtopic.bench.tables import Record, Table, rows_of, tables_of
from softtopic.storage.atomic import staged_file

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1200px; padding: 0 1em; color: #222 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5em 0 }
th, td { padding: .25em .7em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
th:first-child, td:first-child, .words td { text-align: left }
.words td { white-space: normal }
tr.published { color: #777; font-style: italic }
p.note { color: #555; max-width: 60em }
code { font-size: 12px }
svg { max-width: 100%; height: auto }
""".strip()


def write_report(records: Sequence[Record], out: Path) -> list[Path]:
    """Write results.md and results.html from the records of all cells; returns their paths."""
    tables = tables_of(records)
    figures = plot_comparison(rows_of(records))
    pages = {
        "results.md": markdown_page(tables),
        "results.html": html_page(tables, figures, [record["command"] for record in records]),
    }
    for name, text in pages.items():
        with staged_file(out / name) as staging:
            staging.write_text(text, encoding="utf-8")
    return [out / name for name in pages]


def markdown_page(tables: Sequence[Table]) -> str:
    """All tables, as a Markdown page."""
    parts = ["# Comparison", ""]
    for table in tables:
        parts += [f"## {table.title}", "", *([table.note, ""] if table.note else []), markdown_table(table), ""]
    parts += ["Each file in `cells/` holds the results of one cell and the command that repeats it.", ""]
    return "\n".join(parts)


def markdown_table(table: Table) -> str:
    """Head and rows of a table in Markdown; its first column is aligned to the left."""
    return "\n".join(map(markdown_row, (table.head, ["---"] + ["---:"] * (len(table.head) - 1), *table.rows)))


def markdown_row(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def html_page(tables: Sequence[Table], figures: Sequence[str], commands: Sequence[str]) -> str:
    """All tables and figures, as an HTML page."""
    shown = "\n".join(map(_html_table, tables))
    repeated = "\n".join(f"<li><code>{escape(command)}</code></li>" for command in commands)
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n<title>Comparison</title>\n"
        "<meta name='viewport' content='width=device-width'>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Comparison</h1>\n"
        + "\n".join(f"<figure>{figure}</figure>" for figure in figures)
        + f"\n{shown}\n<details><summary>Commands that repeat each cell</summary>\n<ol>{repeated}</ol></details>\n"
        "</body>\n</html>\n"
    )


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = "\n".join(
        f"<tr{' class=published' if row[0].endswith(', published') else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in table.rows
    )
    note = f"<p class='note'>{escape(table.note)}</p>" if table.note else ""
    kind = "wide words" if table.title in ("Methods", "Failed") else "wide"
    return (
        f"<h2>{escape(table.title)}</h2>\n{note}\n<div class='{kind}'><table>\n<tr>{head}</tr>\n{rows}\n</table></div>"
    )
