from dataclasses import replace
from pathlib import Path

import pytest
from made_up import record

from softtopic.bench.cells import Setting
from softtopic.bench.methods import METHODS
from softtopic.bench.plot import check_plotting, plot_comparison
from softtopic.bench.published import published
from softtopic.bench.report import markdown_page, write_report
from softtopic.bench.sources import Source
from softtopic.bench.tables import rows_of, tables_of
from softtopic.errors import InputError


@pytest.fixture
def records(cell):
    here = replace(cell, source=Source(data="stackoverflow"))
    failed = replace(here, model="bertopic-kmeans")
    return [
        *(record(replace(here, seed=seed)) for seed in (0, 1)),
        record(failed) | {"error": "no memory", "metrics": {}, "stages": []},
        record(replace(here, model="default"), purity=0.8, npmi=0.1),
    ]


def test_methods_are_rows_and_published_figures_stand_beneath(records):
    main = tables_of(records)[0]
    assert main.head == (
        "method", "stackoverflow NPMI", "stackoverflow I-RBO", "stackoverflow purity", "stackoverflow P@5",
        "stackoverflow s",
    )  # fmt: skip
    assert main.rows == (
        ("LDA", "–", "0.990 ± 0.000", "0.550 ± 0.050", "0.400 ± 0.000", "7.5"),
        ("LDA, published", "–", "0.976", "0.174", "0.113", "–"),
        ("BERTopic (KMeans)", "failed", "failed", "failed", "failed", "–"),
        ("BERTopic (KMeans), published", "–", "0.996", "0.202", "0.306", "–"),
        ("softtopic (default)", "0.100", "–", "0.800", "–", "7.5"),
    )
    for said in ("12 documents", "K = 3", "seeds 0, 1", "40 words", "wiki.jsonl (6,477 documents, 16,000,000"):
        assert said in main.note


def test_topics_found_are_told_for_each_number_asked_for(cell):
    found = {(25, 0): 23, (25, 1): 25, (50, 0): 23, (50, 1): 23}
    rows = [record(replace(cell, topics=k, seed=seed), n_topics=n, purity=0.5) for (k, seed), n in found.items()]
    table = tables_of(rows)[1]
    assert (table.head[2], table.rows[0][2]) == ("topics found", "23 to 25, 23")


def test_time_and_memory_of_each_stage(records):
    (table,) = [table for table in tables_of(records) if table.title == "Time and memory"]
    assert table.rows[:2] == (
        ("stackoverflow", "LDA", "sentence vectors", "all cells", "5.0", "700"),
        ("stackoverflow", "LDA", "fit", "each cell", "2.5", "300"),
    )


def test_what_failed_is_listed_with_its_reason(records):
    assert tables_of(records)[-1].rows == (("stackoverflow", "bertopic-kmeans", "3", "1", "no memory"),)


def test_every_method_says_what_it_is(records):
    (table,) = [table for table in tables_of(records) if table.title == "Methods"]
    assert [row[0] for row in table.rows] == ["LDA", "BERTopic (KMeans)", "softtopic (default)"]
    assert "Gibbs sampling" in table.rows[0][1]
    assert table.rows[0][2] == "softtopic 0"


def test_every_method_is_in_the_documentation():
    page = (Path(__file__).parents[2] / "docs" / "bench.md").read_text()
    assert [name for name in METHODS if f"`{name}`" not in page] == []


def test_a_time_that_is_not_known_makes_no_sum(records):
    records[0]["stages"][0]["seconds"] = None
    assert rows_of(records)[0].seconds is None


def test_a_sweep_has_a_table_for_each_model(cell):
    swept = [
        record(replace(cell, model=model, seed=seed, setting=Setting("training__temperature", value)))
        for model in ("dsl", "default") for value in ("1", "3") for seed in (0, 1)
    ]  # fmt: skip
    tables = tables_of(swept)
    assert [table.title for table in tables[:2]] == [
        f"{title} on posts: training__temperature" for title in ("ProdLDA + DSL", "softtopic (default)")
    ]
    assert [row[0] for row in tables[0].rows] == ["1", "3"]
    assert len(plot_comparison(rows_of(swept))) == 2


def test_the_report_needs_no_other_file(records, tmp_path):
    write_report(records, tmp_path)
    page = (tmp_path / "results.html").read_text()
    assert page.count("<svg") == 1
    assert "src=" not in page
    assert "<link" not in page
    assert records[0]["command"].split()[0] in page
    assert (tmp_path / "results.md").read_text() == markdown_page(tables_of(records))
    first = (tmp_path / "results.html").read_bytes()
    write_report(records, tmp_path)
    assert (tmp_path / "results.html").read_bytes() == first


def test_nothing_but_failures_is_a_report_too(records, tmp_path):
    write_report([records[2]], tmp_path)
    assert "no memory" in (tmp_path / "results.md").read_text()


def test_markup_in_a_reason_is_text(records, tmp_path):
    records[2]["error"] = "<script>"
    write_report(records, tmp_path)
    assert "<script>" not in (tmp_path / "results.html").read_text()


def test_published_figures():
    assert published("stackoverflow", "bertopic-hdbscan")["purity"] == 0.202
    assert published("20newsgroups", "dsl-ecrtm")["precision_at_10"] == 0.542
    assert published("stackoverflow", "kmeans") == published("posts", "lda") == {}


def test_without_a_library_that_draws_the_extra_is_named(monkeypatch):
    from softtopic.bench import plot

    monkeypatch.setattr(plot, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"softtopic\[bench\]"):
        check_plotting()
