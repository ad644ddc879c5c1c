import json
import os
import shlex
from dataclasses import replace

import pytest
from made_up import record

from softtopic.bench.cells import Cell, Setting, bench_commands, is_finished, read_record, write_record
from softtopic.bench.published import published
from softtopic.bench.sources import Source
from softtopic.errors import InputError


def test_a_cell_survives_json(cell):
    swept = replace(cell, setting=Setting("training__temperature", "0.5"), source=replace(cell.source, documents=7))
    assert Cell.from_json(swept.to_json()) == swept


def test_the_file_is_named_by_what_the_figures_depend_on(cell, tmp_path):
    names = {
        one.path(tmp_path)
        for one in (
            cell,
            replace(cell, seed=2),
            replace(cell, topics=4),
            replace(cell, model="kmeans"),
            replace(cell, fingerprint="e" * 64),
            replace(cell, setting=Setting("vocabulary_size", "30")),
            replace(cell, base=replace(cell.base, lm="other")),
        )
    }
    assert len(names) == 7
    assert replace(cell, source=replace(cell.source, data_dir="elsewhere")).path(tmp_path) in names


def test_a_changed_recipe_gives_other_cells(cell, monkeypatch):
    from softtopic.bench import methods

    default = replace(cell, model="default")
    before, known = default.key, methods.METHODS["default"]
    changed = replace(known, recipe=known.recipe.with_options(read__beam_width=1))
    monkeypatch.setitem(methods.METHODS, "default", changed)
    assert default.key != before


def test_a_swept_path_stays_one_file_name(cell, tmp_path):
    path = replace(cell, setting=Setting("lm", "/models/a b")).path(tmp_path)
    assert path.parent == tmp_path / "cells" / "posts"


def test_a_record_is_written_whole_or_not_at_all(cell, tmp_path, monkeypatch):
    path = cell.path(tmp_path)
    write_record(path, record(cell))
    before = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_record(path, record(cell, purity=0.1))
    assert path.read_bytes() == before
    assert is_finished(path)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 0, "error": null}'])
def test_what_is_no_record_is_not_finished(content, tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(content)
    assert read_record(path) is None
    assert not is_finished(path)


def test_a_failed_cell_is_not_finished(cell, tmp_path):
    write_record(tmp_path / "cell.json", record(cell) | {"error": "no memory"})
    assert not is_finished(tmp_path / "cell.json")


def test_the_command_names_all_that_the_cell_is(cell):
    words = shlex.split(replace(cell, setting=Setting("vocabulary_size", "30")).command)
    assert words[:2] == ["softtopic", "bench"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert options["--data"] == cell.source.data
    assert options["--models"] == "lda"
    assert (options["--topics"], options["--seeds"], options["--first-seed"]) == ("3", "1", "1")
    assert options["--sweep"] == "vocabulary_size=30"
    assert "--documents" not in options


def test_cells_share_a_command_where_one_can_run_them_all(cell):
    cells = [
        replace(cell, source=Source(data=data, documents=9), model=model, topics=topics, seed=seed)
        for data in ("stackoverflow", "tweettopic")
        for model in ("default", "lda")
        for topics in (25, 50)
        for seed in (range(1, 6) if model == "default" else range(3))
    ]
    commands = [shlex.split(command) for command in bench_commands(cells, "out")]
    assert [words[2:6] for words in commands] == [
        ["--data", "stackoverflow,tweettopic", "--models", model] for model in ("default", "lda")
    ]
    assert commands[0][6:12] == ["--topics", "25,50", "--first-seed", "1", "--seeds", "5"]
    assert commands[0][-2:] == ["--out", "out"]
    swept = [replace(cell, setting=Setting("sample", value)) for value in ("0.5", "1")]
    assert "--sweep sample=0.5,1" in bench_commands(swept, "out")[0]
    assert len(bench_commands([*swept, replace(cell, setting=Setting("target", "bow"))], "out")) == 2


def test_a_sample_of_the_distinct_documents_is_read(documents, texts):
    whole = Source(data=str(documents)).read()
    assert whole.texts == tuple(texts)
    assert (whole.labels or ())[whole.texts.index(texts[0])] == "data"
    half = Source(data=str(documents), documents=6).read()
    assert half.texts == tuple(whole.texts[place] for place in (0, 2, 4, 7, 9, 11))
    assert Source(data=str(documents), documents=6).name == "posts"


def test_equal_documents_are_kept_where_they_are_asked_for(tmp_path, cell):
    path = tmp_path / "posts.jsonl"
    rows = [{"text": text, "label": label} for text, label in (("a b", "x"), (" ", "x"), ("c", "y"), ("a b", "y"))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    source = Source(data=str(path), duplicates=True)
    assert source.read().texts == ("a b", "c", "a b")
    assert source.read().labels == ("x", "y", "y")
    assert source.name == "posts (all rows)"
    assert "--duplicates" in shlex.split(replace(cell, source=source).command)
    assert "--duplicates" not in shlex.split(cell.command)
    with pytest.raises(InputError, match="--documents"):
        Source(data=str(path), duplicates=True, documents=3)


def test_published_figures_of_a_corpus_stand_beside_all_of_its_rows():
    assert published("tweettopic (all rows)", "lda") == published("tweettopic", "lda") != {}


def test_a_prompt_that_was_edited_makes_other_cells(cell, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('instruction = "Name it."\n')
    asked = replace(cell, setting=Setting("prompt", str(mine)))
    before = asked.key
    mine.write_text('instruction = "Name it well."\n')
    assert asked.key != before


def test_a_language_model_that_was_trained_anew_makes_other_cells(cell, tmp_path):
    lm = tmp_path / "lm"
    lm.mkdir()
    (lm / "config.json").write_text("{}")
    (lm / "model.safetensors").write_bytes(b"before")
    asked = replace(cell, base=replace(cell.base, lm=str(lm)))
    before = asked.key
    (lm / "model.safetensors").write_bytes(b"afterw")
    assert asked.key != before
