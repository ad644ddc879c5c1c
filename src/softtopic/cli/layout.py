"""Tables of text: columns that fit a terminal, measured in its cells, of which a Chinese character takes two."""

import os
import shutil
import sys
from collections.abc import Sequence

from rich.cells import cell_len

from softtopic.data.direction import isolated

# Cells that are left of a wide column on a narrow terminal, and of the last one.
_MIN_COLUMN, _MIN_LAST = 12, 24
# Cells of a line where there is no terminal.
_PLAIN_WIDTH = 160
# Combining marks take no cell; a text with more characters than this for each cell is cut without being measured.
_MAX_MARKS = 8


def terminal_width() -> int:
    """Columns of the terminal, or of the environment variable COLUMNS; 0 where there is neither."""
    return shutil.get_terminal_size((0, 24)).columns


def in_colour() -> bool:
    """Whether standard output is a terminal whose user has not turned colours off (https://no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()


def column_widths(lines: Sequence[Sequence[str]], terminal: int) -> list[int]:
    """Width of each column in cells; on a terminal, wide columns shrink until lines fit, and the last one always is."""
    header = lines[0]
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(header) - 1)]
    last = max(min(_MIN_LAST, max(cell_len(line[-1]) for line in lines)), cell_len(header[-1]))
    while terminal and sum(widths) + 2 * len(widths) + last > terminal and max(widths, default=0) > _MIN_COLUMN:
        widths[widths.index(max(widths))] -= 1
    return [*widths, max(last, (terminal or _PLAIN_WIDTH) - sum(widths) - 2 * len(widths))]


def cut(text: str, width: int) -> str:
    """The text in at most so many cells; what does not fit is replaced by an ellipsis.

    Examples
    --------
    >>> cut("topic model", 6), cut("主题模型", 6), cut("short", 6)
    ('topic…', '主题…', 'short')
    """
    kept = text[: _MAX_MARKS * width]
    if len(kept) == len(text) and cell_len(kept) <= width:
        return text
    low, high = 0, len(kept)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cell_len(kept[:middle]) < width else (low, middle - 1)
    return kept[:low] + "…"


def plain_line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells of a table on one line, without the blanks at its end."""
    shown = [cut(cell, width) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(shown, widths, strict=True)).rstrip()


def print_in_colour(lines: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """A table on a terminal: header in bold, numbers to the right, the names of topics stand out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    header, *rows = lines
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column, (title, width) in enumerate(zip(header, widths, strict=True)):
        numeric = bool(rows) and all(_is_number(row[column]) for row in rows)
        style = "cyan" if numeric else "bold green" if title in ("name", "topic") else ""
        table.add_column(title, width=width, no_wrap=True, style=style, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(Text(isolated(cut(cell, width))) for cell, width in zip(row, widths, strict=True)))
    # A padding column stands to the right of the last one, too.
    console = Console(file=sys.stdout, highlight=False, width=sum(widths) + 2 * len(widths), soft_wrap=True)
    console.print(table, crop=False)


def _is_number(cell: str) -> bool:
    return bool(cell) and not cell.strip("0123456789.,%-+e ")
