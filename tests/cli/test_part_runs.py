"""`encode`, and `transform` and `teach` with --engine."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

LOCAL = ("--part-rows", 5, "--engine", "local")


@pytest.fixture
def files(texts, tmp_path):
    folder = tmp_path / "posts"
    folder.mkdir()
    for start in (0, 6):
        rows = slice(start, start + 6)
        pq.write_table(
            pa.table({"body": texts[rows], "key": [f"k{n}" for n in range(start, start + 6)]}),
            folder / f"{start}.parquet",
        )
    return folder


def test_encode_writes_the_vectors_of_the_encoder(run, files, tiny_encoder, texts, tmp_path):
    from softtopic.lm.encoder import SentenceEncoder

    code, out, _ = run("encode", files, "--text", "body", "--encoder", tiny_encoder, "--out", "v", *LOCAL, "--json")
    assert (code, json.loads(out)) == (0, {"out": "v", "documents": 12, "rejected": 0, "parts": 4})
    table = pq.read_table(tmp_path / "v")
    assert table["id"].to_pylist() == list(range(12))
    np.testing.assert_allclose(np.stack(table["embedding"].to_numpy()), SentenceEncoder(tiny_encoder)(texts), atol=1e-5)


def test_transform_writes_the_mixtures_of_the_model(run, files, model, texts, tmp_path):
    from softtopic import TopicModel

    code, out, err = run(
        "transform", model, f"{files}/*.parquet", "--text", "body", "--id", "key", "--out", "t", *LOCAL
    )
    assert (code, out) == (0, "12 documents in 4 parts are in t.\n")
    assert "12 documents, this process" in err
    table, fitted = pq.read_table(tmp_path / "t"), TopicModel.load(model)
    assert table.column_names == ["id", "topic", *(f"theta_{topic}" for topic in fitted.topic_ids_)]
    assert table["id"].to_pylist() == [f"k{n}" for n in range(12)]
    theta = np.column_stack([column.to_numpy() for column in table.columns[2:]])
    np.testing.assert_allclose(theta, fitted.transform(texts), atol=1e-5)
    assert fitted.get_topic_sizes(tmp_path / "t")["Count"].sum() == 12


def test_teach_writes_soft_labels_that_fit_reads(run, files, tiny_lm, tmp_path):
    (tmp_path / "words.txt").write_text("table\norbit\nflour\nbudget\nlens\nquery\n")
    command = [
        "teach",
        files,
        "--text",
        "body",
        "--lm",
        tiny_lm,
        "--vocabulary",
        "words.txt",
        "--out",
        "labels",
        *LOCAL,
    ]
    code, out, _ = run(*command)
    assert (code, out) == (0, "12 documents in 4 parts are in labels.\n")
    assert pq.read_table(tmp_path / "labels").column_names == ["id", "text", "log_probs", "hidden"]
    code, out, _ = run("fit", "--labels", "labels", "--recipe", "light", "--topics", 2, "--out", "m", "--json")
    assert (code, len(json.loads(out)["topics"])) == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "spark"], "--engine is 'spark'; give local or ray"),
        (["--address", "auto"], "--address, --workers and --part-rows are of --engine; give it, too"),
        (["--engine", "local", "--workers", 2], "--workers is of --engine ray; leave it out"),
        (["--engine", "local", "--keep-columns"], "--keep-columns is of a single file; leave it out with --engine"),
        (["--engine", "local", "--out", "t.csv"], "--engine writes many parts; give --out the name of a folder"),
        (["--engine", "ray", "--address", "127.0.0.1:9"], "no Ray cluster answers at 127.0.0.1:9"),
    ],
)
def test_bad_options_are_one_line(run, files, model, arguments, message):
    if "ray" in arguments:
        pytest.importorskip("ray")
    code, out, err = run("transform", model, files, "--text", "body", "--out", "t", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_folder_may_have_the_name_that_topics_count_all_documents_in(run, files, model):
    from softtopic.cli.out_of_core import documents_path

    assert run("transform", model, files, "--text", "body", "--out", documents_path(model), *LOCAL)[0] == 0
    code, out, _ = run("topics", model, "--json")
    assert (code, sum(topic["count"] for topic in json.loads(out)["topics"])) == (0, 12)


def test_bad_files_and_folders_are_one_line(run, files, model, tmp_path):
    for what, message in [
        ((files, "--out", "t"), "has no column 'text'; it has: body, key"),
        ((f"{files}/*.csv", "--out", "t"), "no such file; give Parquet files"),
        ((files, "--text", "body", "--out", model), "exists and is not a folder of parts"),
        ((tmp_path, "--text", "body", "--out", "v", "--encoder", "gone"), "gone"),
    ]:
        command = ("encode",) if "--encoder" in what else ("transform", model)
        code, _, err = run(*command, *what, *LOCAL)
        assert code == 2
        assert message in err
    code, _, err = run("teach", files, "--out", "t", *LOCAL)
    assert "teach --engine needs --vocabulary with a file of words" in err


def test_parts_of_another_model_are_refused(run, files, model, tmp_path):
    arguments = (files, "--text", "body", "--out", "t", *LOCAL)
    assert run("transform", model, *arguments)[0] == 0
    code, _, err = run("transform", model, *arguments, "--novelty")
    assert (code, "t holds parts made with different options; give the same again, or a new folder" in err) == (2, True)
    code, _, err = run("transform", model, *arguments, "--id", "key")
    assert (code, "t holds parts made with different id; give the same again, or a new folder" in err) == (2, True)


@pytest.mark.slow
def test_a_cluster_writes_what_one_process_writes(run, files, model, tmp_path):
    pytest.importorskip("ray")
    command = ("transform", model, files, "--text", "body", "--part-rows", 3)
    assert run(*command, "--out", "here", "--engine", "local")[0] == 0
    code, out, err = run(*command, "--out", "there", "--engine", "ray", "--workers", 2, "--quiet")
    assert (code, out, err) == (0, "12 documents in 4 parts are in there.\n", "")
    here, there = (pq.read_table(tmp_path / name) for name in ("here", "there"))
    assert here.schema == there.schema
    for name in here.column_names:
        np.testing.assert_allclose(here[name].to_numpy(), there[name].to_numpy(), atol=1e-6)
