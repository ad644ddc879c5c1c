"""Every script in benchmarks/ starts; what makes pages and tables is tried on made-up records."""

import importlib
import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from softtopic.bench.cells import Cell, Setting, write_record
from softtopic.bench.runner import Comparison
from softtopic.bench.sources import Source
from softtopic.pipeline import fit

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "common.py")


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_explains_itself(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    assert "usage: " in capsys.readouterr().out


def record(cell, **metrics):
    return {
        "version": 3, "cell": json.loads(cell.to_json()), "error": None,
        "corpus": {"name": cell.source.name, "documents": cell.source.documents or 19_985, "labels": 5, "words": 40},
        "metrics": metrics, "reference": None, "versions": {"softtopic": "0"}, "topics": [], "command": cell.command,
        "stages": [{"stage": "fit", "seconds": 2.5, "peak_mib": 300.4}],
    }  # fmt: skip


def metrics(value):
    return {"purity": value, "nmi": value, "precision_at_5": value, "topic_diversity": value}


@pytest.fixture
def base_cell():
    return Cell(
        source=Source(data="stackoverflow", documents=2000), fingerprint="f", model="default", topics=50, seed=0
    )


@pytest.fixture
def comparison(base_cell, tmp_path):
    """A folder with two methods on two samples and one on a whole corpus."""
    for data in ("stackoverflow", "frenchnews"):
        for model, value in (("default", 0.8), ("lda", 0.4)):
            for topics in (25, 50):
                for seed in (0, 1):
                    source = replace(base_cell.source, data=data, data_dir="/data/of/mine")
                    cell = replace(base_cell, source=source, model=model, topics=topics, seed=seed)
                    write_record(cell.path(tmp_path / "a"), record(cell, **metrics(value + seed / 10)))
    whole = replace(base_cell, source=Source(data="stackoverflow"), fingerprint="g")
    write_record(whole.path(tmp_path / "a"), record(whole, **metrics(0.895)))
    return tmp_path / "a"


def test_results_have_a_page_a_question(comparison, tmp_path, monkeypatch):
    results = importlib.import_module("results")
    out = tmp_path / "docs" / "results"
    out.mkdir(parents=True)
    (out / "timing.md").write_text("# Time, by another script\n\nText.\n")
    monkeypatch.setattr(sys, "argv", ["results.py", str(comparison), "--out", str(out)])
    results.main()
    (out / "timing.md").unlink()
    names = ("corpora", "methods", "speed", "topics", "words")
    assert sorted(path.name for path in out.iterdir() if path.suffix == ".md") == [f"{name}.md" for name in names]
    pages = {name: (out / f"{name}.md").read_text() for name in names}
    for name, page in pages.items():
        assert (out / f"{name}.svg").read_text().startswith("<svg")
        assert f"({name}.svg)" in page
        assert "/data/of/mine" not in page
    assert "| stackoverflow | **.850** / **.850** / **.850** | .450 / .450 / .450 |" in pages["methods"]
    assert "softtopic bench --data stackoverflow,frenchnews --models default,lda --topics 25,50" in pages["methods"]
    assert ".850 / .850 / .850 ± .050" in pages["topics"]
    assert "| stackoverflow | .895 / .895 / .895 |" in pages["corpora"]
    assert "2,000 documents | 2 / 300 | 2 / 300 |" in pages["speed"]
    index = (tmp_path / "docs" / "results.md").read_text()
    assert "[Words](results/words.md)" in index
    assert "[Time, by another script](results/timing.md)" in index
    assert "| all of StackOverflow, purity | ≥ .890 | .895 | met |" in index
    assert "| all of 20 Newsgroups, purity | ≥ .680 | – |  |" in index
    assert "| all | 2 of 2 | met |" in index


def test_an_ablation_has_a_table_a_corpus_and_their_mean(base_cell, tmp_path):
    ablation = importlib.import_module("ablation")
    results = importlib.import_module("results")
    records = []
    for number, data in enumerate(("stackoverflow", "tweettopic")):
        for setting, value in ((None, 0.8), (Setting("target", "bow"), 0.7), (Setting("groups", "none"), 0.6)):
            for seed in (0, 1):
                cell = replace(base_cell, source=Source(data=data, documents=2000), setting=setting, seed=seed)
                records.append(record(cell, **metrics(value + seed / 10 + number / 10)))
                write_record(cell.path(tmp_path), records[-1])
    mean, first, second = ablation.ablation_tables(records)
    assert (mean.title, first.title, second.title) == ("mean over corpora", "stackoverflow", "tweettopic")
    lines = {line[0]: line[1] for line in mean.rows}
    assert lines["default recipe"] == "0.900 ± 0.050"
    assert lines["no initial groups"] == "0.700 ± 0.050 (-0.200)"
    assert lines["one prompt"] == "–"
    assert ablation.summaries(records)[1]["setting"] == "target=bow"
    paths = results.write_pages(results.read_records([tmp_path]), tmp_path / "results")
    assert [path.name for path in paths] == ["results.md", "ablation.md"]


def test_the_variants_of_the_ablation_are_settings_of_the_default_recipe():
    ablation = importlib.import_module("ablation")
    settings = list(ablation.VARIANTS.values())
    sources = [Source(data="stackoverflow")]
    Comparison(sources=sources, models=["default"], topics=[50], seeds=[0], settings=settings)
    assert len(set(settings)) == len(settings)


def test_the_steps_that_are_timed_are_those_of_a_fit():
    steps = importlib.import_module("steps")
    assert [name for names in steps.STEPS.values() for name in names if not callable(getattr(fit, name, None))] == []


CPUINFO = "processor\t: 0\nmodel name\t: {name}\nflags\t\t: fpu sse2 {flags}\n\nprocessor\t: 1\n"


@pytest.mark.parametrize(
    ("flags", "vectors"),
    [("avx2 avx512f amx_tile", "AMX"), ("avx2 avx512f", "AVX-512"), ("avx avx2", "AVX2 alone"), ("avx", "no AVX2")],
)
def test_a_processor_is_described_by_its_widest_vectors(flags, vectors):
    describe_processor = importlib.import_module("common").describe_processor
    text = describe_processor(CPUINFO.format(name="Xeon 8", flags=flags), {"ONEDNN_MAX_CPU_ISA": "AVX2", "HOME": "/"})
    name, _, *rest = text.split(", ")
    assert (name, rest) == ("Xeon 8", [vectors, "ONEDNN_MAX_CPU_ISA=AVX2"])


def test_a_processor_without_cpuinfo_is_described_without_vectors():
    assert "AVX" not in importlib.import_module("common").describe_processor("", {})


def test_an_empty_cache_has_links_to_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "own"))
    for name in ("assets", "features"):
        (tmp_path / "own" / name).mkdir(parents=True)
    importlib.import_module("common").make_empty_cache(tmp_path / "new", "assets", "models")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["assets"]
    assert (tmp_path / "new" / "assets").samefile(tmp_path / "own" / "assets")


def test_a_table_against_bertopic_has_medians_and_ratios_of_each_turn():
    against = importlib.import_module("against_bertopic")
    runs = [
        {"method": method, "seconds": seconds, "cpu_seconds": 1.0, "peak_mib": 2000.4} | scores
        for method, seconds, scores in [
            ("bertopic-kmeans", 100.0, {"purity": 0.7, "nmi": 0.6, "precision_at_5": 0.65}),
            ("default", 50.0, {"purity": 0.8, "nmi": 0.5}),
            ("bertopic-kmeans", 200.0, {"purity": 0.72, "nmi": 0.6, "precision_at_5": 0.65}),
            ("default", 120.0, {"purity": 0.8, "nmi": 0.5}),
        ]
    ]
    bertopic, default = against.table_rows(runs)
    assert bertopic[:4] == (
        "BERTopic (KMeans)", "150.0 (100.0 to 200.0)", "1.00 (1.00 to 1.00)", "2,000 (2,000 to 2,000)"
    )  # fmt: skip
    assert bertopic[4] == "0.710 (0.700 to 0.720)"
    assert default[:3] == ("softtopic (default)", "85.0 (50.0 to 120.0)", "0.55 (0.50 to 0.60)")
    assert default[-1] == "–"


def test_a_timed_command_runs_in_an_empty_home(tmp_path, monkeypatch):
    against = importlib.import_module("against_bertopic")
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "own"))
    seen = tmp_path / "seen"
    code = f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(os.environ['SOFTTOPIC_CACHE']); print('topics')"
    run = against.timed("default", [sys.executable, "-c", code])
    assert set(run) == {"method", "seconds", "cpu_seconds", "peak_mib"}
    # A process that imports torch would need hundreds.
    assert 1 < run["peak_mib"] < 100
    assert seen.read_text() != str(tmp_path / "own")
    assert not Path(seen.read_text()).exists()


def test_a_command_that_fails_ends_the_comparison_with_its_reason():
    against = importlib.import_module("against_bertopic")
    with pytest.raises(SystemExit, match="default failed: ValueError: no such luck"):
        against.timed("default", [sys.executable, "-c", "raise ValueError('no such luck')"])


def test_an_interpreter_without_bertopic_is_refused():
    against = importlib.import_module("against_bertopic")
    with pytest.raises(SystemExit, match="has no BERTopic with sentence-transformers"):
        against.check_environment(Path(sys.executable))


def test_the_embedded_encoder_is_written_for_sentence_transformers(tmp_path):
    folder = importlib.import_module("against_bertopic").write_encoder(tmp_path / "encoder")
    modules = json.loads((folder / "modules.json").read_text())
    assert [module["type"].rpartition(".")[2] for module in modules] == ["Transformer", "Pooling", "Normalize"]
    assert all((folder / module["path"]).is_dir() for module in modules)
    assert json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"] == 256
    assert (folder / "model.safetensors").is_file()


def test_the_table_of_the_simulated_cluster_stands_in_its_page(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cluster_simulation.py"])
    importlib.import_module("cluster_simulation").main()
    assert capsys.readouterr().out in (FOLDER.parent / "docs" / "billion.md").read_text(encoding="utf-8")
