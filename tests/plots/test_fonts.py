"""Scripts without a font are one line, not a picture of boxes without a word."""

import shutil
import subprocess

import pytest

from softtopic.plots import fonts, images
from softtopic.plots.fonts import scripts_without_font, shown_texts
from softtopic.plots.style import figure, graph_objects, ticks

WORDS = ["topic", "тема", "θέμα", "موضوع", "נושא", "विषय", "หัวข้อ", "主题", "トピック", "주제", "ခေါင်းစဉ်", "თემა"]


@pytest.fixture
def installed(monkeypatch):
    """Say which letters the fonts of this machine have; what was asked."""
    asked = []

    def have(known):
        def run(command, **_):
            letters = [chr(int(code, 16)) for code in command[1].removeprefix(":charset=").split()]
            asked.append("".join(letters))
            return subprocess.CompletedProcess(command, 0, b"Noto" if all(map(known, letters)) else b"", b"")

        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr(subprocess, "run", run)
        return asked

    fonts._has_font.cache_clear()
    yield have
    fonts._has_font.cache_clear()


@pytest.fixture
def bars():
    go = graph_objects()
    trace = go.Bar(x=[1] * len(WORDS), y=list(range(len(WORDS))), orientation="h", hovertext=["ᎠᎴ"] * len(WORDS))
    return figure([trace], {"title": "scripts"}, yaxis=ticks(WORDS))


def test_each_script_is_looked_for_once(installed, bars):
    asked = installed(lambda letter: letter < "\u0700")
    missing = ["CJK", "Devanagari", "Georgian", "Hangul", "Katakana", "Myanmar", "Thai"]
    assert scripts_without_font(shown_texts(bars)) == missing
    assert sorted(asked)[:2] == ["θέμ", "тем"]
    assert not any("Ꭰ" in letters for letters in asked)  # images show no hover texts
    assert scripts_without_font(WORDS) == missing
    assert len(asked) == 11


def test_boxes_are_one_line_with_the_next_step(installed, bars, tmp_path, monkeypatch, caplog):
    installed(lambda letter: letter < "\u0900" or letter > "\u0fff")
    monkeypatch.setattr(images, "_image", lambda figure, kind: b"")
    caplog.set_level("WARNING", "softtopic")
    images.write_figure(bars, tmp_path / "bars.png")
    [line] = [record.message for record in caplog.records]
    assert line.startswith("no installed font covers Devanagari, Thai; these characters appear as boxes in bars.png")
    assert "install one" in line
    caplog.clear()
    images.write_figure(bars, tmp_path / "bars.html")
    assert not caplog.records


def test_machines_without_fontconfig_are_not_warned_of(installed, monkeypatch):
    installed(lambda letter: False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert scripts_without_font(WORDS) == []
