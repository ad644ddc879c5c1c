"""`transform MODEL -`: standard input as it comes, killed and resumed."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from softtopic import TopicModel
from softtopic.errors import InputError

WORDS = ["sql", "tables", "orbit", "rocket", "bread", "flour", "taxes", "budget"]


@pytest.fixture
def stdin(monkeypatch):
    return lambda data: monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def documents(n: int) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, 4)) for _ in range(n)]


def as_lines(texts) -> bytes:
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


def records(text: str | bytes) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def start(*arguments, **pipes) -> subprocess.Popen:
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "softtopic", "transform", *map(str, arguments)], env=environment, **pipes
    )


def test_lines_are_those_of_a_file_in_order(run, tiny, stdin, tmp_path):
    texts = [*documents(700), "", "sql"]
    (tmp_path / "posts.jsonl").write_bytes(as_lines(texts))
    with pytest.warns(UserWarning, match="1 of 702 documents are empty"):
        expected = TopicModel.load(tiny).transform(texts)
    stdin(as_lines(texts))
    code, out, err = run("transform", tiny, "-")
    assert (code, err) == (0, "softtopic: 702 documents\n")
    found = records(out)
    assert [one["id"] for one in found] == [str(n) for n in range(702)]
    np.testing.assert_allclose([one["theta"] for one in found], expected, atol=2e-6)
    assert [one["topic"] for one in found] == expected.argmax(axis=1).tolist()
    _, of_file, _ = run("transform", tiny, tmp_path / "posts.jsonl", "--quiet")
    assert [one.keys() for one in records(of_file)] == [one.keys() for one in found]


def test_the_generator_equals_transform_row_by_row(tiny):
    model, texts = TopicModel.load(tiny), documents(50)
    taken = []
    rows = model.transform_stream((taken.append(text) or text for text in texts), batch_size=8)
    first = next(rows)
    assert len(taken) == 8
    np.testing.assert_allclose(np.vstack([first, *rows]), model.transform(texts), atol=1e-6)
    assert list(model.transform_stream([])) == []


def test_the_generator_counts_missing_texts_once_and_names_others_by_position(tiny):
    model = TopicModel.load(tiny)
    with pytest.warns(UserWarning, match="2 of 20 texts are missing") as warned:
        rows = list(model.transform_stream(iter([*documents(9), None, *documents(9), float("nan")]), batch_size=4))
    assert (len(rows), len(warned)) == (20, 1)
    np.testing.assert_array_equal(rows[9], rows[19])
    with pytest.raises(InputError, match=r"texts\[6\] is int"):
        list(model.transform_stream(iter([*documents(6), 7]), batch_size=4))


def test_columns_and_novelty_are_written_too(run, tiny, stdin):
    stdin(b"key,text\nk1,sql tables\nk2,orbit\n")
    code, out, _ = run("transform", tiny, "-", "--format", "csv", "--id", "key", "--keep-columns", "--quiet")
    assert code == 0
    assert list(records(out)[1]) == ["key", "text", "topic", "name", "theta"]
    stdin(b"sql tables\norbit\n")
    _, out, _ = run("transform", tiny, "-", "--novelty", "--quiet")
    assert all(0 <= one["novelty"] <= 1 for one in records(out))


def test_an_invalid_line_ends_the_run_after_the_lines_before_it(run, tiny, stdin):
    data = as_lines(["sql"]) + b"oops\n" + as_lines(["orbit"])
    stdin(data)
    code, out, err = run("transform", tiny, "-", "--quiet")
    assert (code, len(records(out))) == (2, 1)
    assert err == (
        "softtopic: standard input line 2 is not JSON; expected one object a line; or leave such lines out with "
        "--skip-invalid\n"
    )
    stdin(data)
    code, out, err = run("transform", tiny, "-", "--skip-invalid")
    assert (code, [one["id"] for one in records(out)]) == (0, ["0", "1"])
    assert "line 2 is not JSON; expected one object a line; left out" in err
    assert "2 documents, without 1 invalid line" in err


@pytest.mark.parametrize(
    "wrong",
    [["posts.csv", "--resume"], ["-", "--resume"], ["-", "--out", "a.csv", "--resume"], ["a", "--skip-invalid"]],
)
def test_options_of_streams_are_refused_elsewhere(run, tiny, wrong):
    code, _, err = run("transform", tiny, *wrong)
    assert code == 2
    assert f"softtopic: {wrong[-1]} needs " in err
    assert "standard input (-)" in err


def test_a_stopped_run_is_resumed_and_another_model_is_refused(run, tiny, stdin, tmp_path):
    texts, out = documents(300), tmp_path / "theta.jsonl"
    assert run_with(run, stdin, as_lines(texts), "transform", tiny, "-", "--out", out, "--quiet")[0] == 0
    whole = out.read_bytes()
    out.unlink()
    data = as_lines(texts[:100]) + b"oops\n"
    code, _, err = run_with(run, stdin, data, "transform", tiny, "-", "--out", out)
    assert (code, "line 101 is not JSON" in err, out.exists()) == (2, True, False)
    with (tmp_path / "theta.jsonl.partial").open("ab") as stream:
        stream.write(b'{"id": "100", "to')
    again = ["--out", out, "--resume"]
    code, _, err = run_with(run, stdin, as_lines(texts), "transform", tiny, "-", *again, "--novelty")
    assert (code, "was begun with another options" in err) == (2, True)
    code, said, err = run_with(run, stdin, as_lines(texts), "transform", tiny, "-", *again)
    assert (code, said) == (0, f"300 mixtures of 3 topics are in {out}.\n")
    assert "100 documents of an earlier run" in err
    assert_equal_files(out.read_bytes(), whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["theta.jsonl"]


def test_what_is_kept_after_ctrl_c_is_said_and_not_thrown_away(run, tiny, stdin, tmp_path, monkeypatch):
    from softtopic.pipeline import stream

    texts, out, whole = documents(300), tmp_path / "theta.jsonl", stream.batch_mixtures
    calls = []

    def stopped(fitted, texts, **options):
        calls.append(len(texts))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return whole(fitted, texts, **options)

    given = ["transform", tiny, "-", "--out", out]
    with monkeypatch.context() as patch:
        patch.setattr(stream, "batch_mixtures", stopped)
        code, _, err = run_with(run, stdin, as_lines(texts), *given, "--quiet")
    n = sum(calls[1:3])
    assert (code, err) == (130, f"softtopic: stopped; {n} documents are in {out}.partial; add --resume to continue\n")
    code, _, err = run_with(run, stdin, as_lines(texts), *given, "--quiet")
    said = f"{n} documents of an earlier run; add --resume to continue it, or remove it to start anew"
    assert (code, err) == (2, f"softtopic: {out}.partial has {said}\n")
    assert run_with(run, stdin, as_lines(texts), *given, "--resume")[0] == 0
    assert [one["id"] for one in records(out.read_bytes())] == [str(row) for row in range(300)]


def test_an_input_that_is_shorter_than_what_is_done_is_refused(run, tiny, stdin, tmp_path):
    out = tmp_path / "theta.jsonl"
    run_with(run, stdin, as_lines(["sql", "orbit"]) + b"oops\n", "transform", tiny, "-", "--out", out)
    code, _, err = run_with(run, stdin, as_lines(["sql"]), "transform", tiny, "-", "--out", out, "--resume")
    assert code == 2
    assert "standard input has 1 document, and 2 are done; give the same input again" in err


def run_with(run, stdin, data, *arguments):
    stdin(data)
    return run(*arguments)


def assert_equal_files(found: bytes, expected: bytes) -> None:
    """Equal but for the last decimal place: the size of a batch changes the order of sums."""
    assert [one | {"theta": 0} for one in records(found)] == [one | {"theta": 0} for one in records(expected)]
    theta = ([one["theta"] for one in records(content)] for content in (found, expected))
    np.testing.assert_allclose(*theta, atol=2e-6)


@pytest.mark.slow
def test_lines_come_out_within_a_second_of_their_text(tiny):
    with start(tiny, "-", "--quiet", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        waits = []
        for text in documents(4):
            begun = time.monotonic()
            process.stdin.write(as_lines([text]))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["theta"]
            waits.append(time.monotonic() - begun)
        process.stdin.close()
        assert process.wait() == 0
    # The first one waits for Python and the model.
    assert min(waits[1:]) < 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_a_killed_run_is_resumed(tiny, tmp_path):
    texts, out, partial = documents(3000), tmp_path / "theta.jsonl", tmp_path / "theta.jsonl.partial"
    lines = as_lines(texts).splitlines(keepends=True)
    done = 0
    for stop in (500, 1700):
        with start(tiny, "-", "--out", out, "--resume", "--quiet", stdin=subprocess.PIPE) as process:
            process.stdin.write(b"".join(lines[:stop]))
            process.stdin.flush()
            until = time.monotonic() + 60
            while time.monotonic() < until and (not partial.exists() or partial.read_bytes().count(b"\n") <= done):
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        assert partial.exists()
        done = partial.read_bytes().count(b"\n")
        assert not out.exists()
    finished = subprocess.run(
        [sys.executable, "-m", "softtopic", "transform", tiny, "-", "--out", out, "--resume"],
        input=b"".join(lines), capture_output=True, check=True,
    )  # fmt: skip
    assert b"documents of an earlier run" in finished.stderr
    found = records(out.read_bytes())
    assert [one["id"] for one in found] == [str(n) for n in range(3000)]
    np.testing.assert_allclose([one["theta"] for one in found], TopicModel.load(tiny).transform(texts), atol=2e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["theta.jsonl"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
def test_a_broken_pipe_ends_quietly(tiny):
    command = f"yes 'sql tables' | {sys.executable} -m softtopic transform {tiny} - | head -2"
    finished = subprocess.run(["bash", "-c", f"{command}; exit ${{PIPESTATUS[1]}}"], capture_output=True)
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert len(records(finished.stdout)) == 2


@pytest.mark.slow
def test_memory_does_not_grow_with_the_stream(tiny, tmp_path):
    psutil = pytest.importorskip("psutil")
    peaks = []
    line = as_lines(["sql tables orbit rocket bread " * 20])
    with start(tiny, "-", "--quiet", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        memory = psutil.Process(process.pid)
        for _ in range(10):
            for _ in range(20):
                process.stdin.write(line * 1000)
            peaks.append(memory.memory_info().rss / 2**20)
        process.stdin.close()
        assert process.wait() == 0
    # 120 MB have passed through; the first tenth holds Python, libraries and the model.
    assert max(peaks[3:]) - peaks[2] < 20


@pytest.mark.slow
def test_a_closed_standard_output_is_one_line(tiny):
    command = f"echo sql | {sys.executable} -m softtopic transform {tiny} - >&-"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.splitlines()[-1] == (
        "softtopic: standard output is closed; give --out FILE.jsonl, or leave it open"
    )
