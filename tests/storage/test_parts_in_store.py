"""Folders of parts in an object store: as on a disk, killed at any request, and written by one process at a time."""

import errno
import pickle
import threading
from contextlib import suppress

import fsspec
import pyarrow as pa
import pytest
from test_parts import MADE_OF, run, table, whole
from test_parts import expected as expected_table

from softtopic.errors import DiskError, InputError, PartFolderError
from softtopic.storage.folders import lease, store
from softtopic.storage.folders.store import StoreFolder
from softtopic.storage.parts import MANIFEST, PARTS, PartFolder


@pytest.fixture
def s3(s3_server):
    return fsspec.filesystem("s3")


@pytest.fixture
def path(bucket):
    return f"{bucket}/some/theta"


@pytest.fixture
def impatient(monkeypatch):
    """Leases of killed processes are free after a moment."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.15)
    monkeypatch.setattr(lease, "_WATCH_SECONDS", 0.01)


def names(path):
    return [name for name in StoreFolder(path).names() if not name.startswith("_")]


def test_files_are_those_of_a_disk(path, s3, tmp_path):
    assert run(path) == run(tmp_path / "theta") == [0, 1, 2]
    for name in (MANIFEST, *(f"part-0000{index}.parquet" for index in range(3))):
        assert s3.cat_file(f"{path}/{name}") == (tmp_path / "theta" / name).read_bytes()
    assert b"".join(s3.cat(f"{path}/{PARTS}/*").values()) == (tmp_path / "theta" / PARTS).read_bytes()
    assert [name for name in StoreFolder(path).names() if name.startswith("_")] == ["_lease", MANIFEST, PARTS]
    folder = PartFolder.open(f"{path}/")
    assert (folder.path, folder.n_parts, folder.n_rows, folder.made_of) == (path, 3, 9, MADE_OF)
    assert whole(path).equals(expected_table())
    assert pa.concat_tables(pickle.loads(pickle.dumps(folder)).tables()).equals(expected_table())
    assert PartFolder.is_at(path)
    assert not PartFolder.is_at(path.rpartition("/")[0])


def test_complete_parts_are_kept_changed_ones_computed_and_others_removed(path, s3):
    assert run(path, stop=2) == [0, 1]
    with pytest.raises(PartFolderError, match=r"theta is not complete \(2 parts are there\); run the same command"):
        whole(path)
    assert run(path) == [2]
    assert run(path) == []
    assert run(path, ("s0", "new", "s2", "s3")) == [1, 3]
    s3.pipe_file(f"{path}/part-00009.parquet", b"of a process that was killed")
    assert run(path, ("s0", "new")) == []
    assert names(path) == ["part-00000.parquet", "part-00001.parquet"]
    assert whole(path).equals(expected_table(2))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: None, "it is missing"),
        (lambda data: data[:-7], r"it has \d+ bytes, not \d+"),
        (lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:], "its checksum is not the one in _parts.jsonl"),
    ],
)
def test_damaged_parts_are_named_and_computed_again(path, s3, damage, reason):
    run(path)
    part = f"{path}/part-00001.parquet"
    data = damage(s3.cat_file(part))
    s3.rm(part) if data is None else s3.pipe_file(part, data)
    with pytest.raises(PartFolderError, match=rf"part-00001.parquet is damaged \({reason}"):
        whole(path)
    assert run(path) == [1]
    assert whole(path).equals(expected_table())


def test_the_record_is_several_objects_and_lost_ones_cost_their_parts(path, s3, monkeypatch):
    monkeypatch.setattr(store, "_LINES", 2)
    run(path, [f"s{index}" for index in range(5)])
    assert StoreFolder(path).names(PARTS) == ["00001-00000", "00001-00001", "00001-00002"]
    assert whole(path).equals(expected_table(5))
    s3.rm(f"{path}/{PARTS}/00001-00001")
    assert run(path, [f"s{index}" for index in range(5)]) == [2, 3]
    assert whole(path).equals(expected_table(5))


def test_parts_of_something_else_are_refused_or_replaced(path, s3, bucket):
    run(path)
    with pytest.raises(PartFolderError, match="theta holds parts made with different model; give the same again"):
        run(path, made_of=MADE_OF | {"model": "b"})
    emptied = PartFolder.create(path, MADE_OF | {"model": "b"}, overwrite=True)
    assert (names(path), emptied.parts()) == ([], {})
    assert run(path, made_of=MADE_OF | {"model": "b"}) == [0, 1, 2]
    s3.pipe_file(f"{bucket}/notes/a.txt", b"")
    with pytest.raises(PartFolderError, match=r"s3://.*/notes exists and is not a folder of parts; give a new or an"):
        run(f"{bucket}/notes")
    with pytest.raises(PartFolderError, match="nothing is not a folder of parts"):
        PartFolder.open(f"{bucket}/nothing")
    s3.pipe_file(f"{path}/{MANIFEST}", b"{")
    with pytest.raises(PartFolderError, match=r"_manifest.json is damaged; remove .*theta and make it again"):
        PartFolder.open(path)


def test_a_store_that_cannot_be_used_is_one_line(bucket, monkeypatch):
    with pytest.raises(
        DiskError, match=r"_manifest.json could not be written \(.*bucket does not exist\); check"
    ) as no:
        run("s3://no-such-bucket/theta")
    assert "\n" not in str(no.value)
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)
    with pytest.raises(InputError, match=r"theta/_manifest.json cannot be read \(Forbidden\); check the address and"):
        run(f"{bucket}/theta")


def test_a_second_writer_is_told_and_the_first_one_goes_on(path, impatient, monkeypatch):
    monkeypatch.setattr(lease, "STALE_SECONDS", 30)
    folder = PartFolder.create(path, MADE_OF)
    with folder.claim():
        with pytest.raises(InputError, match="theta is being written by another process; wait for it, or give another"):
            run(path)
        folder.record(folder.write(0, table(0), source="s0"))
    assert run(path) == [1, 2]


def test_of_writers_that_begin_at_once_one_has_the_right(path, impatient, monkeypatch):
    PartFolder.create(path, MADE_OF)
    monkeypatch.setattr(lease, "STALE_SECONDS", 30)
    begin, end, held, told = threading.Barrier(6), threading.Barrier(6), [], []

    def write():
        begin.wait()
        try:
            with PartFolder.open(path).claim():
                held.append(True)
                end.wait()
        except InputError:
            told.append(True)
            end.wait()

    threads = [threading.Thread(target=write) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (len(held), len(told)) == (1, 5)
    assert run(path) == [0, 1, 2]


def test_a_writer_that_was_replaced_is_told_and_harms_no_record(path, impatient, monkeypatch):
    folder, renew = PartFolder.create(path, MADE_OF), lease.Lease._renew
    # As if its machine slept: it is not heard of while another one watches.
    monkeypatch.setattr(lease.Lease, "_renew", lambda one: None)
    with folder.claim():
        folder.record(folder.write(0, table(0), source="s0"))
        monkeypatch.setattr(lease.Lease, "_renew", renew)
        assert run(path) == [1, 2]
        folder.record(folder.write(0, table(0), source="s0"))
        folder.files._claim.lease._renew()
        with pytest.raises(InputError, match="theta was taken over by another process, for this one was not heard of"):
            folder.record(folder.write(0, table(0), source="s0"))
    assert StoreFolder(path).names(PARTS) == ["00001-00000", "00002-00000"]
    assert run(path) == []
    assert whole(path).equals(expected_table())


@pytest.fixture
def calls(s3, monkeypatch):
    """Replace the function that sends requests to the store."""
    send = type(s3)._call_s3

    def replace(function):
        async def call(system, method, *arguments, **more):
            return await function(lambda **other: send(system, method, *arguments, **more | other), method, more)

        monkeypatch.setattr(type(s3), "_cache", {})
        monkeypatch.setattr(type(s3), "_call_s3", call)

    return replace


@pytest.mark.parametrize("answer", ["ignored", "refused"])
def test_a_store_without_conditional_writes_is_a_warning(path, calls, caplog, answer):
    async def call(send, method, arguments):
        if answer == "refused" and "IfNoneMatch" in arguments:
            raise OSError(errno.ENOSYS, "A header implies functionality that is not implemented")
        if method == "put_object":
            return await send(IfNoneMatch="")
        return await send()

    calls(call)
    assert run(path) == [0, 1, 2]
    assert whole(path).equals(expected_table())
    assert "this store has no conditional writes; let no second command write there meanwhile" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize(("older", "arrives"), [(False, True), (True, False)])
def test_a_process_that_ends_at_any_request_loses_nothing(bucket, s3, calls, impatient, older, arrives):
    left = float("inf")

    async def call(send, method, arguments):
        nonlocal left
        if method in ("put_object", "delete_object", "delete_objects"):
            left -= 1
            if left < 0:
                if left == -1 and arrives:
                    await send()
                raise RuntimeError("this process has ended")
        return await send()

    calls(call)
    for point in range(100):
        path, left = f"{bucket}/theta-{point}", float("inf")
        if older:
            run(path, ("old", "old", "s2"))
        left = point
        ended = True
        with suppress(DiskError):
            run(path)
            ended = left < 0
        left = float("inf")
        with suppress(PartFolderError):
            assert whole(path).equals(expected_table())
        run(path)
        assert whole(path).equals(expected_table())
        assert names(path) == [f"part-0000{index}.parquet" for index in range(3)]
        assert run(path) == []
        if not ended:
            break
    assert 8 < point < 40


def test_other_stores_are_written_too(tmp_path):
    path = f"memory://{tmp_path.name}/theta"
    assert run(path, stop=2) == [0, 1]
    assert run(path) == [2]
    assert whole(path).equals(expected_table())
