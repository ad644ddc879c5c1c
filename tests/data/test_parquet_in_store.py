"""Parquet files of an S3-compatible server."""

import socket
import time

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from softtopic.data.parquet_files import find_parquet, read_range, row_ranges
from softtopic.errors import InputError


def put(address, texts):
    with fsspec.open(address, "wb") as stream:
        pq.write_table(pa.table({"text": texts}), stream, row_group_size=3)


@pytest.fixture
def posts(bucket):
    put(f"{bucket}/posts/b.parquet", [f"text {row}" for row in range(10, 14)])
    put(f"{bucket}/posts/a.parquet", [f"text {row}" for row in range(10)])
    put(f"{bucket}/posts/_side/c.parquet", ["aside"])
    with fsspec.open(f"{bucket}/posts/notes.txt", "w") as stream:
        stream.write("no documents")
    return f"{bucket}/posts"


def test_patterns_folders_and_addresses_are_read_in_order(posts):
    names = [f"{posts}/a.parquet", f"{posts}/b.parquet"]
    for paths in ([posts], [f"{posts}/"], [f"{posts}/*.parquet"], names):
        found = find_parquet(paths)
        assert [(file.url, file.rows) for file in found] == list(zip(names, (10, 4), strict=True))
    texts = [text for part in row_ranges(found, 4) for text in read_range(part, ["text"])[0].to_pylist()]
    assert texts == [f"text {row}" for row in range(14)]


def test_a_file_that_is_replaced_has_another_version_in_the_same_process(posts):
    before = find_parquet([posts])
    # By another program: that of this process forgets what it has listed when it writes.
    with fsspec.filesystem("s3", skip_instance_cache=True).open(f"{posts}/b.parquet", "wb") as stream:
        pq.write_table(pa.table({"text": [f"TEXT {row}" for row in range(10, 14)]}), stream, row_group_size=3)
    after = find_parquet([posts])
    assert [one.version == other.version for one, other in zip(before, after, strict=True)] == [True, False]


@pytest.mark.parametrize("what", ["s3://no-such-bucket/posts", "s3://no-such-bucket/*.parquet", "{posts}/gone.parquet"])
def test_what_is_not_there_is_one_line(posts, what):
    with pytest.raises(InputError, match=r"no such file; give Parquet files, a folder of them or a pattern in quotes"):
        find_parquet([what.format(posts=posts)])


def test_what_is_no_parquet_file_is_one_line(posts):
    with pytest.raises(InputError, match=r"notes.txt is not a whole Parquet file"):
        find_parquet([f"{posts}/notes.txt"])


def test_credentials_that_are_wrong_are_one_line(posts, monkeypatch):
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)
    with pytest.raises(InputError, match=r"a.parquet cannot be read \(.*\); check the address and your access to it$"):
        find_parquet([f"{posts}/a.parquet"])


def test_a_server_that_does_not_answer_is_one_line_within_seconds(posts, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    # fsspec keeps the file systems that it has opened.
    monkeypatch.setattr(type(fsspec.filesystem("s3")), "_cache", {})
    start = time.monotonic()
    with pytest.raises(InputError, match=r"posts cannot be read \(Could not connect .*\); check the address") as found:
        find_parquet([posts])
    assert "\n" not in str(found.value)
    assert time.monotonic() - start < 30
