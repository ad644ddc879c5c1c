"""What goes wrong is one line on standard error, and nothing half-written remains."""

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest


def test_a_server_that_is_not_there_is_one_line(run, posts, tmp_path):
    given = ["teach", posts, "--text", "body", "--lm", "http://127.0.0.1:9/v1", "--quiet", "--out", tmp_path / "f"]
    wrong = {
        "does not answer (Connection refused); start it": [],
        "a server scores first tokens alone: leave it out": ["--beam-width", "4"],
        "--lm-model and --vectors are for a server": ["--lm", "x", "--lm-model", "y"],
    }
    for said, options in wrong.items():
        code, out, err = run(*given, *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


def bad_inputs(tmp_path):
    """Name → (arguments after `fit`, what the line says)."""
    write = {
        "latin1.txt": "caf\xe9\n".encode("latin-1"), "empty.jsonl": b"", "blank.txt": b"\n \n\n",
        "not.parquet": b"PAR1 but no", "not.jsonl": b"hello\n", "short.txt": b"one text\nsecond text\n",
        "stops.txt": b"the of and\nit is\nwe are\nthe it\n", "cut.jsonl.gz": gzip.compress(b'{"text": "a"}\n' * 99)[:-9],  # noqa: E501
        "one.csv": b"text,label\nred apple pie,x\ngreen apple tart,x\nblue berry pie,x\nred berry tart,x\n",
        "posts.xls": b"text",
    }  # fmt: skip
    for name, data in write.items():
        (tmp_path / name).write_bytes(data)
    return {
        "missing file": (["gone.csv"], "no such file"),
        "not UTF-8": (["latin1.txt"], "not UTF-8"),
        "no documents": (["empty.jsonl"], "holds no documents"),
        "only blank documents": (["blank.txt"], "none with text"),
        "not parquet": (["not.parquet"], "not a whole Parquet file"),
        "not jsonl": (["not.jsonl"], "line 1 is not JSON"),
        "cut gzip": (["cut.jsonl.gz"], "not a whole gzip file"),
        "unknown kind": (["posts.xls"], "--format"),
        "column missing": (["one.csv", "--text", "body"], "it has: text, label"),
        "label missing": (["one.csv", "--label", "group"], "it has: text, label"),
        "one label": (["one.csv", "--label", "label"], "single value 'x'"),
        "fewer documents than topics": (["short.txt"], "2 distinct documents for 3 topics"),
        "no words left": (["stops.txt"], "every word was filtered out"),
        "no topics": (["one.csv", "--topics", "0"], "at least 2"),
        "one topic": (["one.csv", "--topics", "1"], "at least 2"),
        "minus topics": (["one.csv", "--topics", "-3"], "at least 2"),
        "topics that are no number": (["one.csv", "--topics", "many"], "give a whole number of at least 2, or auto"),
        "no share": (["one.csv", "--sample", "half"], "--sample is 'half'; give a share"),
        "too much": (["one.csv", "--sample", "200%"], "--sample is '200%'; give a share"),
        "unknown option": (["one.csv", "--color"], "--color"),
        "unknown prompt": (["one.csv", "--prompt", "x"], "choose one of published"),
        "unknown recipe": (["one.csv", "--recipe", "x"], "choose one of paper, default"),
        "unknown backbone": (["one.csv", "--backbone", "x"], "choose one of prodlda, etm"),
        "unknown inputs": (["one.csv", "--inputs", "bow+x"], "choose from hidden, embedding"),
        "unknown truncation": (["one.csv", "--truncation", "x"], "choose head, head-tail"),
        "unknown demonstrations": (["one.csv", "--demonstrations", "x"], "choose none or auto"),
        "unknown calibration": (["one.csv", "--calibration", "x"], "choose one of none, corpus"),
        "strength out of range": (
            ["one.csv", "--strength", "3"],
            "strength of calibration is 3.0; give a number in [0, 2]",
        ),
        "unknown target": (["one.csv", "--target", "x"], "choose from soft, bow"),
        "unknown language": (["one.csv", "--language", "germn"], "did you mean German (de)?"),
        "unknown device": (["one.csv", "--device", "x"], "device is 'x'; give auto, cpu, cuda or mps"),
        "a seed below zero": (["one.csv", "--seed", "-1"], "--seed"),
        "no delimiter": (["one.csv", "--delimiter", ",,"], "give one character"),
        "unknown encoding": (["one.csv", "--encoding", "klingon"], "give e.g. utf-8, cp1252"),
        "a destination inside a file": (["one.csv", "--out", "one.csv/model"], "could not be written"),
        "a destination that takes no files": (["one.csv", "--out", "/proc/self/model"], "could not be written"),
        "unknown dtype": (["one.csv", "--dtype", "x"], "choose one of auto"),
        "lm not here": (["one.csv", "--lm", "nobody/nothing"], "softtopic fetch"),
        "nothing": ([], "give a file"),
        "features that are none": (["--features", "nowhere"], "not a feature folder"),
        "out is a file": (["one.csv", "--out", "one.csv"], "not a model folder"),
    }


def test_bad_input_is_one_line_and_exit_2_and_leaves_nothing(run, tiny_lm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, (arguments, said) in bad_inputs(tmp_path).items():
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        basic = [*(["--lm", tiny_lm] if "--lm" not in arguments else []), "--vocabulary", "40", "--quiet"]
        basic += ["--topics", "3"] if "--topics" not in arguments else []
        code, out, err = run("fit", *arguments, *basic)
        assert (code, out) == (2, ""), name
        assert said in err, (name, err)
        assert err.startswith("softtopic: "), name
        assert err.count("\n") == 1, (name, err)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before, name


@pytest.mark.parametrize("vocabulary", ["²", "1e3", "-5", "0"])
def test_a_vocabulary_that_is_no_number_and_no_file_is_one_line(run, posts, vocabulary):
    code, out, err = run("fit", posts, "--text", "body", "--topics", "3", "--vocabulary", vocabulary, "--quiet")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no such file" in err or "give at least 2" in err


def test_models_that_are_none(run, model, posts, tmp_path):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "config.json").write_text('{"model_type": "bert"}')
    config = json.loads((model / "config.json").read_text())
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "config.json").write_text(json.dumps(config | {"version": 99}))
    (tmp_path / "cut").mkdir()
    for file in model.iterdir():
        (tmp_path / "cut" / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    for folder, said in (("nowhere", "no such model folder"), ("foreign", "not a softtopic model folder"),
                         ("newer", "version 99"), ("cut", "is damaged")):  # fmt: skip
        for command in (["topics"], ["search"], ["transform"], ["evaluate"]):
            rest = {"topics": [], "search": ["word"]}.get(command[0], [posts, "--text", "body", "--quiet"])
            rest += ["--label", "group"] if command[0] == "evaluate" else []
            code, out, err = run(*command, tmp_path / folder, *rest)
            assert (code, out, err.count("\n")) == (2, "", 1)
            assert said in err


def test_a_missing_column_comes_with_its_option(run, model, posts, texts, tmp_path):
    (tmp_path / "posts.jsonl").write_text(json.dumps({"body": "a"}) + "\n")
    fit = ["fit", posts, "--recipe", "prodlda"]
    cases = [
        (fit, "posts.csv has no column 'text'; it has: body, group, key; choose one with --text"),
        ([*fit, "--text", "body", "--id=nr"], "no column 'nr'; it has: body, group, key; choose one with --id"),
        ([*fit, "--fit-on", "9", "--text", "t"], "line 2 has no column 't'; it has: body, group, key; choose one with"),
        (
            ["groups", model, posts, "--text", "body", "--by", "x"],
            "no column 'x'; it has: body, group, key; choose one",
        ),
        (["transform", model, tmp_path / "posts.jsonl"], "posts.jsonl has no column 'text'; it has: body; choose one"),
        (["evaluate", model, posts, "--text", "body", "--reference", posts], "choose one with --reference-text"),
    ]
    for arguments, said in cases:
        code, out, err = run(*arguments, "--quiet")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
    assert "--by" in run("groups", model, posts, "--text", "body", "--by", "x")[2]


def test_a_name_that_is_misspelt_comes_with_the_right_one(run, posts, monkeypatch):
    import huggingface_hub

    def refuse(*_, **__):
        raise OSError("no such model")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    code, _, err = run("fetch", "multilingal")
    assert (code, "'multilingal' could not be fetched (no such model); did you mean multilingual?" in err) == (2, True)
    assert "give one of smollm2-135m, " in run("fetch", "someone/something")[2]
    assert run("topics", posts)[2] == f"softtopic: {posts} is a file; give a model folder\n"


def test_a_feature_folder_of_something_else(run, posts, tiny_lm, tmp_path):
    folder = tmp_path / "features"
    base = ["--text", "body", "--lm", tiny_lm, "--quiet"]
    assert run("teach", posts, *base, "--out", folder, "--vocabulary", 40)[0] == 0
    other = tmp_path / "other.txt"
    other.write_text("A text about bread.\nA text about a table.\nMore bread.\nOne table.\n")
    for arguments, said in (
        ([other, "--vocabulary", 40], "other documents"),
        ([posts, "--text", "body", "--vocabulary", 5], "another vocabulary"),
        ([posts, "--text", "body", "--vocabulary", 40, "--prompt", "tag"], "another language model, prompt"),
        ([posts, "--text", "body", "--vocabulary", 40, "--max-tokens", 9], "another language model, prompt"),
    ):
        code, _, err = run("fit", *arguments, "--lm", tiny_lm, "--features", folder, "--topics", 2, "--quiet")
        assert code == 2
        assert said in err
        assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("command", ["fit", "teach", "transform"])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(command, posts, tiny_lm, model, tmp_path):
    """A file-size limit stands for the full disk: writes really fail, in the middle."""
    out = tmp_path / "target"
    if command == "transform":
        arguments = [str(model), str(posts), "--text", "body", "--out", str(out.with_suffix(".parquet"))]
    else:
        arguments = [str(posts), "--text", "body", "--lm", tiny_lm, "--vocabulary", "40", "--out", str(out)]
        arguments += ["--topics", "3", "--recipe", "light"] if command == "fit" else []

    # Enough for a manifest, not for what follows it.
    size = 1200 if command == "teach" else 3000

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(
        [sys.executable, "-m", "softtopic.cli", command, *arguments, "--quiet"], capture_output=True, text=True,
        preexec_fn=small_files, env=os.environ | {"SOFTTOPIC_CACHE": str(tmp_path / "cache")}, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "could not be written" in done.stderr
    assert done.stderr.count("\n") == 1
    left = [
        path
        for path in [*tmp_path.glob("target*"), *tmp_path.glob(".target*")]
        if path.is_file() and "lock" not in path.name
    ]
    assert left == []
    assert not list(tmp_path.rglob("*.staging-*"))


def test_an_output_format_that_is_unknown_is_refused_before_the_work(run, model, posts, monkeypatch):
    from softtopic import TopicModel

    monkeypatch.setattr(TopicModel, "load", None)
    code, out, err = run("transform", model, posts, "--text", "body", "--out", "theta.xls")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "theta.xls ends in .xls; give a file that ends in one of .parquet, .csv, .jsonl, .xlsx" in err


def test_stopped_by_hand(run, model, monkeypatch):
    from softtopic import TopicModel

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(TopicModel, "load", stopped)
    code, _, err = run("topics", model)
    assert code == 130
    assert err == "softtopic: stopped; run the same command again to resume\n"


@pytest.mark.skipif(os.name != "posix", reason="signals end processes elsewhere")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_fit_stopped_by_a_signal_leaves_no_lock(run, posts, tmp_path, monkeypatch, number, status):
    from softtopic import TopicModel

    before = signal.getsignal(signal.SIGTERM)
    held = []

    def stopped(*_, **__):
        held.extend(path.name for path in tmp_path.glob(".*.lock"))
        os.kill(os.getpid(), number)
        time.sleep(10)

    monkeypatch.setattr(TopicModel, "fit", stopped)
    code, out, err = run("fit", posts, "--text", "body", "--recipe", "prodlda", "--topics", 3, "--out", "m")
    assert (code, out, held) == (status, "", [".m.writer.lock"])
    assert err.endswith("softtopic: stopped; run the same command again to resume\n")
    assert [path.name for path in tmp_path.iterdir()] == ["posts.csv"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_fit_stopped_by_hand_says_what_is_kept(run, posts, tiny_lm, tmp_path, monkeypatch):
    from softtopic.teacher.local import Teacher

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Teacher, "read", stopped)
    given = ["--text", "body", "--lm", tiny_lm, "--topics", "3", "--vocabulary", "40", "--out", tmp_path / "m"]
    code, out, err = run("fit", posts, *given, "--quiet")
    assert (code, out) == (130, "")
    assert err == "softtopic: stopped; 0 of 12 documents read are kept; run the same command again to resume\n"


def test_anything_else_is_one_line_and_exit_1(run, model, monkeypatch):
    from softtopic import TopicModel

    def broken(*_, **__):
        raise ZeroDivisionError("nothing to divide")

    monkeypatch.setattr(TopicModel, "load", broken)
    code, _, err = run("topics", model)
    assert code == 1
    assert "unexpected ZeroDivisionError" in err
    assert err.count("\n") == 1


def test_what_cannot_rate(run, model, posts):
    for options, said in (
        (["--lm", "other"], "--lm given and nothing is rated; give --rate too, or leave them out"),
        (["--lm-model", "m", "--published"], "--lm-model, --published given and nothing is rated; give --rate too"),
        (["--rate", "--lm-model", "m"], "--lm-model is for a server; --lm is 'smollm2-135m': give its address"),
        (["--rate", "--lm", "http://"], "server 'http://' is not an address"),
        (
            ["--rate", "--lm", "http://localhost/v1", "--lm-probs", "0"],
            "n_probs is 0; give a whole number of at least 1",
        ),
        (["--rate", "--lm", "no/such"], "language model 'no/such' is not on this machine"),
    ):
        code, out, err = run("evaluate", model, posts, "--text", "body", "--quiet", *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


def test_options_that_contradict_each_other_are_refused(run, posts, model, tiny_lm, tmp_path):
    (tmp_path / "words.txt").write_text("sql\ntable\norbit\n")
    assert run("teach", posts, "--text", "body", "--lm", tiny_lm, "--vocabulary", 20, "--quiet", "--out", "f")[0] == 0
    posts = [posts, "--text", "body"]
    wrong = {
        "--fast is --recipe fast, and --recipe is default; leave one": ["fit", *posts, "--fast", "--recipe", "default"],
        "--fast is --recipe fast, and --recipe is light": ["teach", *posts, "--fast", "--recipe", "light"],
        "--lm is of a language model, and --recipe prodlda needs none": [
            "fit",
            *posts,
            "--recipe",
            "prodlda",
            "--lm",
            "x",
        ],
        "--sample is of a language model, and --recipe etm": ["fit", *posts, "--recipe", "etm", "--sample", "20%"],
        "--lm is of documents to read, and --features without a file": ["fit", "--features", "f", "--lm", "x"],
        "--vocabulary is of documents to read": ["fit", "--features", "f", "--vocabulary", "9"],
        "--prompt is of documents to read, and --labels holds": ["fit", "--labels", "f", "--prompt", "tag"],
        "--min-df selects words, and --vocabulary is a file": [
            "fit",
            *posts,
            "--min-df",
            "2",
            "--vocabulary",
            "words.txt",
        ],
        "--min-df is '0.x'; give a number of documents, or a share": ["fit", *posts, "--min-df", "0.x"],
        "--max-df is '150%'": ["fit", *posts, "--max-df", "150%"],
        "--topics is 'atuo'; give a whole number of at least 2, or auto": ["fit", *posts, "--topics", "atuo"],
        "--exclude is ''; give words": ["edit", model, "--exclude", ""],
    }
    for said, arguments in wrong.items():
        code, out, err = run(*arguments)
        assert (code, out) == (2, ""), (said, err)
        assert said in err, (said, err)


def test_bounds_on_document_frequency_are_options(run, posts, tmp_path):
    basic = ["fit", posts, "--text", "body", "--recipe", "prodlda", "--topics", "2", "--quiet", "--dry-run", "--json"]
    found = {}
    for options in ((), ("--min-df", "3"), ("--min-df", "25%"), ("--min-df", "1", "--max-df", "2")):
        code, out, err = run(*basic, *options)
        assert (code, err) == (0, ""), options
        found[options] = next(line for line in json.loads(out)["plan"] if line.startswith("topic model"))
    assert len(set(found.values())) == 3
    assert found["--min-df", "3"] == found["--min-df", "25%"]
