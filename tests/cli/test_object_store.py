"""Commands that read from, and write to, an S3-compatible server."""

import json
import signal
import subprocess
import sys
import time

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from softtopic import PartFolder

ENGINE = ("--engine", "local", "--part-rows", 4)


@pytest.fixture
def posts(texts, tmp_path):
    """Files of documents on this machine."""
    folder = tmp_path / "posts"
    folder.mkdir()
    # Two more than the model was fitted to.
    for start, part in ((0, texts[:6]), (6, [*texts[6:], "sql tables", "bread"])):
        pq.write_table(pa.table({"text": part}), folder / f"{start}.parquet")
    return folder


@pytest.fixture
def remote(posts, bucket):
    """The same files in a bucket."""
    fsspec.filesystem("s3").put(f"{posts}/", f"{bucket}/posts/", recursive=True)
    return f"{bucket}/posts"


def test_files_of_a_bucket_give_what_files_of_a_disk_give(run, tiny, posts, remote, tmp_path):
    for pattern, out in ((f"{posts}/*.parquet", "here"), (f"{remote}/*.parquet", "there")):
        code, said, _ = run("transform", tiny, pattern, "--out", out, *ENGINE)
        assert (code, said) == (0, f"14 documents in 4 parts are in {out}.\n")
    assert pq.read_table(tmp_path / "there").equals(pq.read_table(tmp_path / "here"))


def test_a_file_that_is_replaced_between_two_runs_is_computed_again(run, tiny, remote, tmp_path):
    command = ("transform", tiny, f"{remote}/*.parquet", "--out", "topics", *ENGINE)
    assert run(*command)[0] == 0
    assert "4 of 4 parts were complete" in run(*command)[2]
    with fsspec.open(f"{remote}/6.parquet", "wb") as stream:
        pq.write_table(pa.table({"text": ["sql tables"] * 6}), stream)
    assert "2 of 4 parts were complete" in run(*command)[2]
    rows = pq.read_table(tmp_path / "topics").to_pylist()[6:]
    assert len({str(row | {"id": 0}) for row in rows}) == 1


def test_a_bucket_that_is_not_there_is_one_line(run, tiny, s3_server):
    code, out, err = run("transform", tiny, "s3://no-such-bucket/*.parquet", "--out", "topics", *ENGINE)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "s3://no-such-bucket/*.parquet: no such file; give Parquet files" in err


@pytest.fixture
def remote_model(tiny, bucket):
    """The model in a bucket."""
    fsspec.filesystem("s3").put(f"{tiny}/", f"{bucket}/model/", recursive=True)
    return f"{bucket}/model"


def table(folder):
    return pa.concat_tables(PartFolder.open(folder).tables())


def test_a_model_and_parts_of_a_bucket_are_those_of_a_disk(run, tiny, posts, remote, remote_model, bucket, tmp_path):
    out = f"{bucket}/model.documents"
    assert run("transform", tiny, posts, "--out", "here", *ENGINE)[0] == 0
    code, said, err = run("transform", f"{remote_model}/", remote, "--out", f"{out}/", *ENGINE)
    assert (code, said) == (0, f"14 documents in 4 parts are in {out}.\n")
    assert f"downloaded the model {remote_model} (" in err
    assert table(out).equals(table(tmp_path / "here"))
    code, said, err = run("transform", remote_model, remote, "--out", out, *ENGINE, "--json")
    assert (code, json.loads(said)) == (0, {"out": out, "documents": 14, "rejected": 0, "parts": 4})
    assert "downloaded" not in err
    # What is beside the model counts as all its documents, as on a disk.
    code, said, _ = run("topics", remote_model, "--json")
    assert (code, sum(topic["count"] for topic in json.loads(said)["topics"])) == (0, 14)


def test_documents_of_any_format_are_written_to_a_bucket_as_a_stream(run, tiny, bucket, tmp_path, texts):
    (tmp_path / "posts.txt").write_text("\n".join(texts))
    assert run("transform", tiny, "posts.txt", "--out", "here/")[0] == 0
    code, said, _ = run("transform", tiny, "posts.txt", "--out", f"{bucket}/there")
    assert (code, said) == (0, f"12 mixtures of 3 topics are in {bucket}/there (1 part).\n")
    assert table(f"{bucket}/there").equals(table(tmp_path / "here"))
    assert "1 of 1 parts were complete" in run("transform", tiny, "posts.txt", "--out", f"{bucket}/there/")[2]


def test_documents_that_cannot_be_computed_are_in_a_side_file_of_the_bucket(run, tiny_encoder, bucket, tmp_path):
    texts = pa.array([b"a table", b"\xff\xfe", b"an orbit"], pa.binary())
    pq.write_table(pa.table({"text": texts}), tmp_path / "bad.parquet")
    command = ("encode", "bad.parquet", "--encoder", tiny_encoder, "--out", f"{bucket}/vectors", *ENGINE)
    code, said, err = run(*command)
    assert (code, said) == (0, f"2 documents in 1 parts are in {bucket}/vectors.\n")
    assert f"1 documents could not be computed; the reasons are in {bucket}/vectors/_rejected" in err
    line = json.loads(fsspec.filesystem("s3").cat_file(f"{bucket}/vectors/_rejected/part-00000.jsonl"))
    assert (line["id"], line["row"]) == (1, 1)
    pq.write_table(pa.table({"text": ["a table", "a lens", "an orbit"]}), tmp_path / "bad.parquet")
    assert "3 documents in 1 parts" in run(*command)[1]
    assert fsspec.filesystem("s3").glob(f"{bucket}/vectors/_rejected/*") == []


def test_a_model_that_is_replaced_is_downloaded_again_and_a_damaged_one_named(run, remote_model, bucket):
    store = fsspec.filesystem("s3")
    assert "downloaded the model" in run("topics", remote_model)[2]
    assert run("topics", remote_model)[2] == ""
    weights = store.cat_file(f"{remote_model}/model.safetensors")
    for data, reason in ((weights[:-1], "it has"), (bytes(len(weights)), "its checksum is not the one in config.json")):
        store.pipe_file(f"{remote_model}/model.safetensors", data)
        assert run("cache", "clear", "downloads")[0] == 0
        code, out, err = run("topics", remote_model)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"{remote_model}/model.safetensors is damaged ({reason}" in err
        store.pipe_file(f"{remote_model}/model.safetensors", weights)
        assert run("topics", remote_model)[0] == 0
    store.rm(f"{remote_model}/topics.json")
    assert run("cache", "clear", "downloads")[0] == 0
    assert f"{remote_model}/topics.json is missing; restore it" in run("topics", remote_model)[2]
    code, _, err = run("topics", f"{bucket}/gone")
    assert f"{bucket}/gone: no such model folder; copy one there that `softtopic fit` made" in err


@pytest.mark.parametrize(
    "command",
    ["edit {model} --rename 0=space", "index {model}", "topics {model} --out {bucket}/topics.csv",
     "fit posts.txt --recipe prodlda --topics 2 --out {bucket}/m"],
)  # fmt: skip
def test_what_is_written_to_a_disk_alone_says_so(run, remote_model, bucket, tmp_path, texts, command):
    (tmp_path / "posts.txt").write_text("\n".join(texts))
    code, out, err = run(*command.format(model=remote_model, bucket=bucket).split(), "--quiet")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "could not be written (it is in an object store); give a path on this machine" in err
    assert not list(tmp_path.glob("s3*"))


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on(run, tiny, texts, bucket, tmp_path, monkeypatch):
    many = [f"{text} {row}" for row in range(100) for text in texts]
    pq.write_table(pa.table({"text": many}), tmp_path / "many.parquet")
    command = ["transform", str(tiny), "many.parquet", "--engine", "local", "--part-rows", "10", "--out"]
    assert run(*command, "here")[0] == 0
    there = [*command, f"{bucket}/there"]
    with subprocess.Popen([sys.executable, "-m", "softtopic", *there], cwd=tmp_path) as process:
        deadline = time.monotonic() + 200
        while not _has_lines(f"{bucket}/there", 5):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    kept = len(PartFolder.open(f"{bucket}/there").parts())
    assert 5 <= kept < 120
    monkeypatch.setattr("softtopic.storage.folders.lease.STALE_SECONDS", 1.0)
    code, _, err = run(*there)
    assert (code, f"{kept} of 120 parts were complete" in err) == (0, True)
    assert f"there was last written by process {process.pid} of" in err
    assert table(f"{bucket}/there").equals(table(tmp_path / "here"))


def _has_lines(folder, n):
    return PartFolder.is_at(folder) and len(PartFolder.open(folder).parts()) >= n
