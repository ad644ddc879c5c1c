"""Languages on the command line: each mistake is one line with the next step."""

import json

import pandas as pd
import pytest

from softtopic.cli.assets import next_step
from softtopic.data.segmentation import Segmenter

GERMAN = [
    "Der Bundestag hat nach langer Debatte über den Haushalt und die neuen Steuern abgestimmt.",
    "Die Rakete erreichte nach neun Minuten die Umlaufbahn und setzte den Satelliten aus.",
    "Mein Sauerteig riecht nach Aceton, soll ich ihn mit mehr Mehl füttern?",
    "Welches Objektiv macht bei wenig Licht scharfe Bilder von Vögeln im Garten?",
]
GEORGIAN = [
    "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
    "მათ მინიჭებული აქვთ გონება და სინდისი და ერთმანეთის მიმართ უნდა იქცეოდნენ ძმობის სულისკვეთებით.",
]
CHEROKEE = ["ᎠᎴ ᏂᎦᏓ ᎠᏂᏴᏫ ᎤᎾᏕᏅ ᎤᎾᏓᏤᎵᏓ", "ᎠᎴ ᎤᎾᏙᏪᎸ ᎨᏒ ᎤᎾᏖᎸ ᎣᏍᏛ", "ᎨᏎᏍᏗ ᎠᏓᏅᏖᏗ ᏚᎾᏓᏅᏛ ᎠᏁᎵᏎᏍᏗ"]
CHINESE = [
    "机器学习的研究很有意思，人们都在谈论。",
    "研究机器学习的人越来越多，大学也开课。",
    "火箭进入轨道，卫星开始工作。",
]


@pytest.fixture
def plan(run, tmp_path):
    """Plan a fit of texts by words alone: exit code, lines of the plan, messages."""

    def call(texts, *options):
        pd.DataFrame({"text": texts}).to_csv(tmp_path / "t.csv", index=False)
        fit = ("fit", tmp_path / "t.csv", "--topics", 2, "--inputs", "words+tf-idf", "--target", "bow", "--min-df", 1)
        code, out, err = run(*fit, "--dry-run", *options)
        return code, out, [line for line in err.splitlines() if not line.endswith("documents")]

    return call


def test_an_unknown_language(plan):
    code, out, [line] = plan(GERMAN, "--language", "germn")
    assert (code, out) == (2, "")
    assert "language 'germn' is not known; did you mean German (de)?" in line


def test_a_corpus_whose_language_contradicts_the_one_given(plan):
    code, _, [line] = plan(GERMAN, "--language", "fr")
    assert code == 0
    assert "language is French, but 100 % of 4 documents are in German" in line
    assert line.endswith("(--language de)")


def test_a_language_without_stop_words(plan):
    code, out, [line] = plan(GEORGIAN)
    assert code == 0
    assert "no list of stop words for Georgian; leave out frequent words with a lower max_df (--max-df 20%)" in line
    assert "language: Georgian (100 % of 2 documents)\n" in out


def test_a_script_that_the_detector_does_not_know(plan):
    code, out, [line] = plan(CHEROKEE)
    assert code == 0
    assert "language: unknown, in Cherokee letters (100 % of 3 documents)\n" in out
    assert "not known: 100 % of 3 are in Cherokee letters; give its name if docs/languages.md has it" in line
    assert "--max-df 20%" in line
    assert plan(CHEROKEE, "--language", "none")[0] == 0


def test_a_segmenter_that_is_not_installed(run, plan, tmp_path, monkeypatch):
    monkeypatch.setattr(Segmenter, "is_installed", property(lambda _: False))
    code, _, [line] = plan(CHINESE)
    assert code == 0
    assert "Chinese has no spaces between words, so whole clauses are taken for words; pip install" in line
    assert "'softtopic[segment]'" in line


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "multilingual",
            "multilingual-e5-small encodes about 100 languages; fits of documents that are not English use",
        ),
        ("all-minilm-l6-v2", "softtopic fit FILE"),
        ("smollm2-135m", "softtopic fit FILE"),
        ("reuters-r8", "softtopic bench --data reuters-r8"),
        ("Qwen/Qwen3-0.6B", "softtopic fit FILE --lm Qwen/Qwen3-0.6B"),
    ],
)
def test_what_is_fetched_says_what_it_is_for(name, line):
    assert line in next_step(name)


def test_fetch_prints_paths_and_says_the_next_step(run, monkeypatch, tmp_path):
    from softtopic.lm import encoder

    monkeypatch.setattr(encoder, "fetch_encoder", lambda name: tmp_path / name)
    code, out, err = run("fetch", "multilingual")
    assert (code, out) == (0, f"{tmp_path / 'multilingual'}\n")
    assert "softtopic fit FILE" in err
    assert json.loads(run("fetch", "multilingual", "--json")[1])["fetched"][0]["name"] == "multilingual"


def test_topics_in_the_words_of_one_language(run, tiny):
    code, out, _ = run("topics", tiny, "--language", "English", "--words", "3", "--json")
    assert code == 0
    assert out == run("topics", tiny, "--words", "3", "--json")[1]
    for options, message in (
        (("--language", "de"), "no document is in German (de); choose from English (en)"),
        (("--language", "en", "--tree"), "leave out --language"),
    ):
        code, out, err = run("topics", tiny, *options)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert message in err
