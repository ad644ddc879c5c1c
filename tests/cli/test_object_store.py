"""Commands that read from, and write to, an S3-compatible server."""

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ENGINE = ("--engine", "local", "--part-rows", 4)


@pytest.fixture
def posts(texts, tmp_path):
    """Files of documents on this machine."""
    folder = tmp_path / "posts"
    folder.mkdir()
    for start in (0, 6):
        pq.write_table(pa.table({"text": texts[start : start + 6]}), folder / f"{start}.parquet")
    return folder


@pytest.fixture
def remote(posts, bucket):
    """The same files in a bucket."""
    fsspec.filesystem("s3").put(f"{posts}/", f"{bucket}/posts/", recursive=True)
    return f"{bucket}/posts"


def test_files_of_a_bucket_give_what_files_of_a_disk_give(run, tiny, posts, remote, tmp_path):
    for pattern, out in ((f"{posts}/*.parquet", "here"), (f"{remote}/*.parquet", "there")):
        code, said, _ = run("transform", tiny, pattern, "--out", out, *ENGINE)
        assert (code, said) == (0, f"12 documents in 4 parts are in {out}.\n")
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
