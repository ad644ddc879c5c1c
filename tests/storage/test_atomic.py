import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from softtopic.errors import DiskError, InputError, ModelFileError
from softtopic.storage.atomic import (
    check_writable,
    claimed,
    locked,
    read_folder,
    remove_leftovers,
    sole_writer,
    staged_file,
    staged_folder,
)


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its content, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def stop_while_writing(path: Path, error: type[BaseException]) -> None:
    with staged_file(path) as staging:
        staging.write_text("half")
        raise error


def stop_while_filling(folder: Path, error: type[BaseException]) -> None:
    with staged_folder(folder) as staging:
        (staging / "new.txt").write_text("half")
        raise error


def test_a_file_appears_whole_at_the_end(tmp_path):
    path = tmp_path / "new" / "deep" / "file.txt"
    with staged_file(path) as staging:
        staging.write_text("half")
        assert not path.exists()
        staging.write_text("whole")
    assert tree(tmp_path) == {"new/deep/file.txt": "whole"}


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with staged_file(path) as staging:
        staging.write_text("new")
        assert path.read_text() == "old"
    assert tree(tmp_path) == {"file.txt": "new"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(error):
        stop_while_writing(path, error)
    assert tree(tmp_path) == {"file.txt": "old"}


def test_a_folder_appears_whole_at_the_end(tmp_path):
    folder = tmp_path / "new" / "folder"
    with staged_folder(folder) as staging:
        (staging / "inner").mkdir()
        (staging / "inner" / "a.txt").write_text("a")
        assert not folder.exists()
    assert tree(tmp_path) == {"new/folder/inner/a.txt": "a"}


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "folder"
    for name in ("old.txt", "new.txt"):
        with staged_folder(folder) as staging:
            (staging / name).write_text(name)
    assert tree(tmp_path) == {"folder/new.txt": "new.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path, error):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    with pytest.raises(error):
        stop_while_filling(folder, error)
    assert tree(tmp_path) == {"folder/old.txt": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_put_aside_by_a_killed_process_comes_back(tmp_path):
    aside = tmp_path / ".folder.aside"
    aside.mkdir()
    (aside / "old.txt").write_text("old")
    with pytest.raises(KeyError):
        stop_while_filling(tmp_path / "folder", KeyError)
    assert tree(tmp_path) == {"folder/old.txt": "old"}
    assert not aside.exists()


def test_a_folder_left_aside_after_its_successor_came_is_removed(tmp_path):
    for name, content in ((".folder.aside", "old"), ("folder", "newer")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_text(content)
    with pytest.raises(KeyError):
        stop_while_filling(tmp_path / "folder", KeyError)
    assert tree(tmp_path) == {"folder/file.txt": "newer"}


@pytest.mark.parametrize("name", ["file", "file[1]*", "file name"])
def test_what_killed_processes_left_is_removed_and_other_files_stay(tmp_path, name):
    (tmp_path / f".{name}.staging-0123").write_text("half")
    (tmp_path / f".{name}.staging-4567").mkdir()
    (tmp_path / f".{name}.staging-4567" / "half.txt").write_text("half")
    (tmp_path / ".other.staging-0123").write_text("another writer's")
    with staged_file(tmp_path / name) as staging:
        staging.write_text("whole")
    assert tree(tmp_path) == {name: "whole", ".other.staging-0123": "another writer's"}


def test_two_writers_of_one_path_leave_each_other_alone(tmp_path):
    path = tmp_path / "file"
    with staged_file(path) as first:
        first.write_text("first")
        with staged_file(path) as second:
            second.write_text("second")
    assert tree(tmp_path) == {"file": "first"}


def test_what_a_process_left_is_removed_once_it_has_ended(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        left = tmp_path / f".file.staging-{other.pid}-0123456789ab"
        left.write_text("half")
        with staged_file(tmp_path / "file") as staging:
            staging.write_text("mine")
        assert left.exists()
        other.communicate(b"\n")
    with staged_file(tmp_path / "file") as staging:
        staging.write_text("mine")
    assert tree(tmp_path) == {"file": "mine"}


@pytest.mark.parametrize("stage", [staged_file, staged_folder])
def test_a_full_disk_is_one_line_with_the_place_and_the_next_step(tmp_path, stage):
    path = tmp_path / "out"
    with pytest.raises(DiskError) as caught, stage(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(caught.value) == (
        f"{path} could not be written (No space left on device); free some space or choose another place"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("use", [staged_file, staged_folder, locked, partial(claimed, wait=False)])
def test_a_folder_that_takes_no_files_is_one_line_and_not_waited_for(use):
    for place in ("/proc/x", "/proc/self/x", "/proc/self/x/y"):
        with pytest.raises(DiskError, match="could not be written") as caught, use(Path(place)):
            pass
        assert "\n" not in str(caught.value)


def test_a_folder_that_is_replaced_is_read_again(tmp_path):
    """Names and contents of several files, as one writer published them."""
    folder = tmp_path / "model"

    def write(number: int) -> None:
        with locked(folder), staged_folder(folder) as staging:
            for name in ("a", "b"):
                (staging / name).write_text(str(number))
        # Longer than it takes to read the folder.
        time.sleep(0.01)

    def read() -> tuple[str, str]:
        try:
            first = (folder / "a").read_text()
            time.sleep(0.001)
            second = (folder / "b").read_text()
        except OSError:
            raise ModelFileError("it is missing") from None
        if first != second:
            raise ModelFileError("it is damaged")
        return first, second

    write(0)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [write(number) for number in range(40)])
        seen = {read_folder(folder, read)[0] for _ in iter(writing.done, True)}
        writing.result()
    assert len(seen) > 3
    (folder / "b").unlink()
    with pytest.raises(ModelFileError, match="missing"):
        read_folder(folder, read)


@pytest.mark.parametrize("use", [staged_file, staged_folder, locked])
def test_a_place_below_a_file_cannot_be_written(tmp_path, use):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskError, match="could not be written"), use(tmp_path / "file" / "out"):
        pass
    assert tree(tmp_path) == {"file": "in the way"}


HOLDER = """
import sys
from pathlib import Path
from softtopic.storage.atomic import locked
path = Path(sys.argv[1])
with locked(path):
    print("held", flush=True)
    sys.stdin.readline()
    path.write_text("holder ")
"""


@pytest.mark.parametrize("killed", [False, True])
def test_a_lock_is_held_by_one_process_until_it_ends(tmp_path, killed):
    path = tmp_path / "shared.txt"
    path.touch()

    def append() -> None:
        with locked(path):
            path.write_text(path.read_text() + "waiter")

    waiter = Thread(target=append, daemon=True)
    command = [sys.executable, "-c", HOLDER, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        waiter.start()
        waiter.join(0.2)
        assert waiter.is_alive()
        if killed:
            holder.kill()
        else:
            holder.communicate("\n")
    waiter.join(10)
    assert path.read_text() == ("waiter" if killed else "holder waiter")


def test_a_lock_is_freed_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(ValueError, match="stop"), locked(tmp_path / "a"):
            raise ValueError("stop")


def test_files_are_flushed_through_a_handle_that_is_open_for_writing(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    real = os.fsync

    def as_on_windows(number):
        assert fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        real(number)

    monkeypatch.setattr(os, "fsync", as_on_windows)
    with staged_folder(tmp_path / "folder") as staging:
        (staging / "file").write_text("one")
        (staging / "file").chmod(0o444)
    assert (tmp_path / "folder" / "file").read_text() == "one"


def test_no_lock_file_stays_behind(tmp_path):
    with locked(tmp_path / "a"):
        assert [path.name for path in tmp_path.iterdir()] == [".a.lock"]
    assert not list(tmp_path.iterdir())


def test_a_place_that_takes_no_files_is_refused_before_the_work(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "file")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "inside", Path("/proc/self/model")):
        with pytest.raises(DiskError, match="could not be written"):
            check_writable(path)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_files_of_a_folder_may_be_read_by_those_who_may_read_others(tmp_path):
    with staged_folder(tmp_path / "folder") as staging:
        (staging / "private").touch(0o600)
        (staging / "other").touch()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "folder").iterdir()}
    assert modes["private"] == modes["other"]


def test_a_second_writer_is_told_and_an_edit_meanwhile_is_not_kept_waiting(tmp_path):
    with sole_writer(tmp_path / "model"):
        told = pytest.raises(InputError, match="is being written by another process; wait for it, or give another")
        with told, sole_writer(tmp_path / "model"):
            pass
        with locked(tmp_path / "model"):
            pass
    assert not list(tmp_path.iterdir())


def test_a_lock_does_not_depend_on_the_clock(tmp_path, monkeypatch):
    path = tmp_path / "file"
    with locked(path):
        pass
    monkeypatch.setattr("time.time", lambda: -1e9)
    (tmp_path / ".file.lock").touch()
    os.utime(tmp_path / ".file.lock", (4e9, 4e9))
    with locked(path), staged_file(path) as staging:
        staging.write_text("whole")
    assert tree(tmp_path) == {"file": "whole"}


@pytest.mark.parametrize("use", [staged_file, staged_folder, locked])
def test_a_read_only_place_is_one_line(tmp_path, monkeypatch, use):
    """Also for the superuser, whom permissions do not stop."""

    def refused(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for name in ("os.open", "os.mkdir", "io.open"):
        monkeypatch.setattr(name, refused)
    with pytest.raises(DiskError, match=r"could not be written \(Read-only file system\)"), use(tmp_path / "out") as at:
        at.write_text("")
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


def test_leftovers_are_removed_unless_their_path_is_locked(tmp_path):
    """The process that writes may be one of another machine, whose number says nothing here."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    names = [f".{name}.staging-{process.pid}-0123456789ab" for name in ("a", "b")]
    for name in (*names, ".c.lock", ".d.lock"):
        (tmp_path / name).touch()
    with locked(tmp_path / "a"), locked(tmp_path / "c"):
        remove_leftovers(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {names[0], ".a.lock", ".c.lock"}
    remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())
