"""Tables of text: any script, any width, with colours and without."""

import io
import re
from contextlib import redirect_stdout

import pytest
from rich.cells import cell_len

from softtopic.cli.layout import column_widths, cut, plain_line
from softtopic.cli.output import print_table, print_topic_records

TEXTS = [
    "数据库 查询 表 索引 数据库 查询 表",
    "cafe\u0301 de\u0301ja\u0300 vu " * 4,
    "שלום עולם שלום עולם שלום",
    "مرحبا بالعالم",
    "👩\u200d🚀 orbit 🚀 launch",
    "plain words of a topic and some more",
    "",
    "ก็ไม่รู้ " * 5,
    "e" + "\u0301" * 500,
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def records():
    return [
        {"topic": number, "count": 10**number, "name": text[:30], "words": text.split() or ["word"],
         "representative_documents": [text]}
        for number, text in enumerate(TEXTS)
    ]  # fmt: skip


@pytest.fixture
def terminal(monkeypatch):
    """What a function prints on a terminal that can show colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def printed(columns: int, function, *arguments, **options) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        with redirect_stdout(Terminal()) as shown:
            function(*arguments, **options)
        return shown.getvalue()

    return printed


def lines_of(output: str) -> list[str]:
    """Lines without colours and marks of direction."""
    return re.sub("\x1b\\[[0-9;]*m|[\u2068\u2069]", "", output).splitlines()


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("colours", [True, False])
def test_a_topic_of_any_script_is_one_line_that_fits(monkeypatch, terminal, columns, colours):
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    shown = terminal(columns, print_topic_records, records(), named=True)
    assert ("\x1b[" in shown) == colours
    lines = lines_of(shown)
    assert len(lines) == 1 + len(TEXTS)
    assert max(map(cell_len, lines)) <= columns
    assert ("document" in lines[0]) == (columns >= 120)
    # The columns begin in the same cell of each line.
    start = cell_len(lines[0][: lines[0].index("name")])
    assert all(not cell_len(line) > start or cell_len(line[: _characters(line, start)]) == start for line in lines)


def _characters(line: str, cells: int) -> int:
    return next(n for n in range(len(line) + 1) if cell_len(line[:n]) >= cells)


def test_text_from_right_to_left_does_not_move_what_is_beside_it(terminal):
    shown = terminal(80, print_table, ["topic", "words"], [["1", "שלום"], ["2", "hello"]])
    assert "\u2068שלום\u2069" in shown
    assert "\u2068hello" not in shown


def test_a_pipe_gets_no_colours_and_no_marks(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(["topic", "words"], [["1", "שלום"], ["2", "数据"]])
    assert capsys.readouterr().out == "topic  words\n1      שלום\n2      数据\n"


def test_markup_in_a_cell_is_text(terminal):
    shown = terminal(80, print_table, ["topic", "words"], [["[bold]a[/bold]", ":smile: [link=x]"]])
    assert "[bold]a[/bold]" in shown
    assert ":smile: [link=x]" in shown


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("width", [1, 2, 7, 20])
def test_a_cut_text_fits(text, width):
    assert cell_len(cut(text, width)) <= width
    assert len(plain_line([text], [width])) <= 8 * width + 1


def test_wide_columns_shrink_first_and_the_last_takes_what_is_left():
    lines = [["topic", "words", "text"], ["1", "w" * 60, "t" * 60]]
    assert sum(column_widths(lines, 80)) + 4 == 80
    assert column_widths(lines, 0) == [5, 60, 91]
