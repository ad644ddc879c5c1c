import gzip
import json
import os
import resource
import signal
import subprocess
import sys

import pandas as pd
import pytest

from softtopic.cli import main

BASIC = ["--vocabulary", "40", "--topics", "3", "--quiet"]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command line in this process: exit code, standard output, standard error."""
    # A command without --out writes into the folder it runs in.
    monkeypatch.chdir(tmp_path)

    def call(*arguments) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return call


@pytest.fixture
def posts(texts, tmp_path):
    path = tmp_path / "posts.csv"
    groups = ["data", "space", "food", "state", "photo", "data", "space", "food", "state", "photo", "data", "space"]
    pd.DataFrame({"body": texts, "group": groups, "key": [f"k{n}" for n in range(12)]}).to_csv(path, index=False)
    return path


@pytest.fixture
def model(run, posts, tiny_lm, tmp_path):
    code, out, err = run(
        "fit", posts, "--text", "body", "--id", "key", "--lm", tiny_lm, "--out", tmp_path / "m", *BASIC
    )
    assert (code, err) == (0, "")
    assert "The model is in" in out
    return tmp_path / "m"


def test_the_whole_way(run, posts, tiny_lm, tmp_path):
    out = tmp_path / "model"
    code, text, _ = run("fit", posts, "--text", "body", "--label", "group", "--lm", tiny_lm, "--out", out, *BASIC)
    assert code == 0
    assert "purity" in text
    assert len([line for line in text.splitlines() if line[:1].isdigit()]) == 3
    code, text, _ = run("topics", out)
    assert code == 0
    assert text.startswith("topic")
    code, text, _ = run("search", out, "rocket launch", "-k", "4")
    assert (code, len(text.splitlines())) == (0, 5)
    new = tmp_path / "new.jsonl"
    new.write_text("".join(json.dumps({"text": line}) + "\n" for line in ("A new SQL table.", "Bread and flour.")))
    for name in ("theta.parquet", "theta.csv", "theta.jsonl"):
        assert run("transform", out, new, "--out", tmp_path / name, "--quiet")[0] == 0
    parquet, csv = pd.read_parquet(tmp_path / "theta.parquet"), pd.read_csv(tmp_path / "theta.csv")
    assert list(parquet.columns) == ["id", "topic", "theta_0", "theta_1", "theta_2"] == list(csv.columns)
    assert parquet.filter(like="theta_").sum(axis=1).tolist() == pytest.approx([1, 1], abs=1e-5)
    lines = [json.loads(line) for line in (tmp_path / "theta.jsonl").read_text().splitlines()]
    assert lines[1]["theta"] == pytest.approx(parquet.iloc[1, 2:].tolist(), abs=1e-5)


UNLABELLED = {"topic_diversity", "inverted_rbo", "dominant_share", "n_topics", "top_n", "n_texts"}


def test_evaluate_prints_one_flat_object(run, model, posts):
    code, out, err = run("evaluate", model, posts, "--text", "body", "--label", "group", "--json", "--quiet")
    assert (code, err) == (0, "")
    scores = json.loads(out)
    wanted = {"purity", "inverse_purity", "harmonic_purity", "nmi", "ari", "homogeneity", "completeness",
              "precision_at_1", "precision_at_5", "precision_at_10", "n_documents", "n_empty", "n_unlabelled",
              "n_labels"}  # fmt: skip
    assert set(scores) == wanted | UNLABELLED
    assert scores["n_documents"] == 12
    assert 0 < scores["purity"] <= 1
    assert 0 < scores["topic_diversity"] <= 1
    assert (scores["n_topics"], scores["top_n"], scores["n_texts"]) == (3, 10, 12)


def test_evaluate_against_a_reference(run, model, posts, texts, tmp_path, monkeypatch):
    from softtopic.metrics.coherence import coherence
    from softtopic.metrics.reference import Reference
    from softtopic.model import TopicModel

    given = ["evaluate", model, posts, "--text", "body", "--words", 5]
    monkeypatch.setattr("softtopic.metrics.reference.cache_dir", lambda: tmp_path)
    reference = tmp_path / "texts.jsonl"
    reference.write_text("".join(json.dumps({"content": text}) + "\n" for text in texts))
    given += ["--reference", reference, "--reference-text", "content"]
    code, out, _ = run(*given, "--json", "--quiet")
    assert code == 0
    scores = json.loads(out)
    assert set(scores) == {*UNLABELLED, "coherence"}
    words = TopicModel.load(model).topics.top_words(5)
    for found in scores["coherence"]:
        assert found["per_topic"] == pytest.approx(
            coherence(words, Reference.from_texts(texts), found["measure"]).per_topic
        )
    assert [found["measure"] for found in scores["coherence"]] == ["c_v", "npmi"]
    code, out, err = run(*given)
    assert code == 0
    assert "reference        texts.jsonl: 12 documents, " in out
    assert "coherence        c_v " in out
    assert "measured without labels" in err


@pytest.mark.parametrize("labels", [None, "same"])
def test_evaluate_needs_labels_only_where_they_are_asked_for(run, model, texts, tmp_path, labels):
    path = tmp_path / "plain.csv"
    pd.DataFrame({"text": texts} | ({} if labels is None else {"label": labels})).to_csv(path, index=False)
    code, out, err = run("evaluate", model, path, "--json")
    assert code == 0
    assert set(json.loads(out)) == UNLABELLED
    assert "measured without labels" in err
    code, out, err = run("evaluate", model, path, "--json", "--label", "label", "--quiet")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert ("no column 'label'" if labels is None else "the single value 'same'") in err


def test_json_is_all_there_is_on_standard_output(run, posts, tiny_lm, tmp_path, model):
    for command in (
        ["fit", posts, "--text", "body", "--label", "group", "--lm", tiny_lm, "--out", tmp_path / "j", *BASIC[:-1]],
        ["topics", model],
        ["search", model, "bread"],
    ):
        code, out, _ = run(*command, "--json")
        assert code == 0
        assert isinstance(json.loads(out), dict)


def test_teach_then_fit_any_number_of_times(run, posts, tiny_lm, tmp_path, monkeypatch):
    folder = tmp_path / "features"
    taught = run(
        "teach", posts, "--text", "body", "--label", "group", "--lm", tiny_lm, "--out", folder, "--vocabulary", 40
    )
    assert taught[0] == 0
    assert "12 documents" in taught[2]
    from softtopic.teacher.model import Teacher

    monkeypatch.setattr(Teacher, "read", lambda *_: pytest.fail("the language model was asked again"))
    for topics in (2, 5):
        code, out, _ = run("fit", "--features", folder, "--topics", topics, "--out", tmp_path / f"m{topics}", "--json")
        assert code == 0
        assert len(json.loads(out)["topics"]) == topics
        assert json.loads(out)["evaluation"]["n_documents"] == 12


def test_backbone_inputs_and_target_are_options(run, posts, tiny_lm, tmp_path):
    (tmp_path / "vectors.txt").write_text("sql 0.5 1 2\norbit -1 2 0.5\n")
    chosen = ["--backbone", "ecrtm", "--inputs", "bow", "--target", "bow", "--word-vectors", tmp_path / "vectors.txt"]
    arguments = ["--text", "body", "--topics", "2", "--vocabulary", "20", "--lm", tiny_lm, "--out", tmp_path / "model"]
    code, _, err = run("fit", posts, *arguments, *chosen, "--quiet")
    assert code == 0, err
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["backbone"]["name"], config["backbone"]["word_width"], config["teacher"]) == ("ecrtm", 3, None)
    assert (config["recipe"]["inputs"], config["recipe"]["target"]) == ("bow", "bow")
    code, out, err = run("transform", tmp_path / "model", posts, "--text", "body", "--quiet")
    assert (code, len(out.splitlines())) == (0, 12), err


def test_standard_input_and_words_from_a_file(texts, tiny_lm, tmp_path):
    (tmp_path / "words.txt").write_text("sql\ntable\norbit\nbread\n")
    fit = subprocess.run(
        [sys.executable, "-m", "softtopic.cli", "fit", "-", "--lm", tiny_lm, "--vocabulary", tmp_path / "words.txt",
         "--topics", "2", "--out", tmp_path / "model", "--quiet", "--json"],
        input="\n".join(texts).encode(), capture_output=True, env=os.environ | {"SOFTTOPIC_CACHE": str(tmp_path)}, check=False,  # noqa: E501
    )  # fmt: skip
    assert fit.returncode == 0, fit.stderr
    assert {word for topic in json.loads(fit.stdout)["topics"] for word in topic["words"]} == {
        "sql",
        "table",
        "orbit",
        "bread",
    }


def test_labels_of_any_teacher_from_a_file(run, tmp_path):
    probs = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]] * 20
    columns = {"id": list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"), "probs": probs, "group": ["x", "y"] * 20,
               "embedding": [[1.0, 0.0], [0.0, 1.0]] * 20, "label": ["x", "y"] * 20}  # fmt: skip
    pd.DataFrame(columns).to_parquet("labels.parquet")
    (tmp_path / "words.txt").write_text("sql\norbit\nbread\ntax\n")
    given = ["fit", "--labels", "labels.parquet", "--topics", "2", "--quiet", "--out", "m"]
    code, out, err = run(*given, "--vocabulary", "words.txt", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["evaluation"]["purity"] == 1
    wrong = {
        "does not say which words its labels are of; give --vocabulary": [],
        "needs a file of the words its labels are of": ["--vocabulary", "40"],
        "--labels stands alone; leave out the file of documents": ["--features", "f", "--vocabulary", "words.txt"],
        "has no column 'body'; it has: id, probs": ["--text", "body", "--vocabulary", "words.txt"],
    }
    for said, options in wrong.items():
        code, out, err = run(*[*given[:-1], "n", *options])
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
        assert not (tmp_path / "n").exists()


def test_labels_are_cut_on_request(run, posts, tiny_lm):
    given = ["teach", posts, "--text", "body", "--lm", tiny_lm, "--vocabulary", "40", "--quiet", "--out", "f"]
    code, _, err = run(*given, "--top-k", "8")
    assert (code, err) == (0, "")
    code, _, err = run("fit", "--features", "f", "--topics", "3", "--quiet", "--out", "m")
    assert (code, err) == (0, "")
    wrong = {"keeps soft labels of top_k 8, asked for is all words": [], "give at least 1": ["--top-k", "0"]}
    for said, options in wrong.items():
        code, out, err = run(*given, *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


def test_a_server_that_is_not_there_is_one_line(run, posts, tmp_path):
    given = ["teach", posts, "--text", "body", "--lm", "http://127.0.0.1:9/v1", "--quiet", "--out", tmp_path / "f"]
    wrong = {
        "does not answer (Connection refused); start it": [],
        "--dry-run needs a language model on this machine": ["--dry-run"],
        "a server scores first tokens alone: leave it out": ["--branches", "4"],
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
        "topics that are no number": (["one.csv", "--topics", "many"], "valid integer"),
        "unknown option": (["one.csv", "--color"], "--color"),
        "unknown prompt": (["one.csv", "--prompt", "x"], "choose one of published"),
        "unknown recipe": (["one.csv", "--recipe", "x"], "choose one of paper, default"),
        "unknown backbone": (["one.csv", "--backbone", "x"], "choose one of prodlda, etm"),
        "unknown inputs": (["one.csv", "--inputs", "bow+x"], "choose of hidden, embedding"),
        "unknown target": (["one.csv", "--target", "x"], "choose of soft, bow"),
        "unknown language": (["one.csv", "--language", "x"], "no stop words"),
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
                         ("newer", "version 99"), ("cut", "missing or damaged")):  # fmt: skip
        for command in (["topics"], ["search"], ["transform"], ["evaluate"]):
            rest = {"topics": [], "search": ["word"]}.get(command[0], [posts, "--text", "body", "--quiet"])
            rest += ["--label", "group"] if command[0] == "evaluate" else []
            code, out, err = run(*command, tmp_path / folder, *rest)
            assert (code, out, err.count("\n")) == (2, "", 1)
            assert said in err


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


@pytest.mark.parametrize("command", ["fit", "teach", "transform"])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(command, posts, tiny_lm, model, tmp_path):
    """A file-size limit stands for the full disk: writes really fail, in the middle."""
    out = tmp_path / "target"
    if command == "transform":
        arguments = [str(model), str(posts), "--text", "body", "--out", str(out.with_suffix(".parquet"))]
    else:
        arguments = [str(posts), "--text", "body", "--lm", tiny_lm, "--vocabulary", "40", "--out", str(out)]
        arguments += ["--topics", "3"] if command == "fit" else []

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


def test_odd_texts_go_the_whole_way(run, tiny_lm, tmp_path):
    texts = ["مرحبا بالعالم table", "🚀🚀 rocket orbit", "漢字かな table orbit", "\x07bell\x00 rocket",
             "table " * 900_000,
             "orbit of a rocket", "a table", "rocket table"]  # fmt: skip
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    code, out, err = run(
        "fit", path, "--lm", tiny_lm, "--topics", 2, "--vocabulary", 3, "--out", tmp_path / "m", "--quiet"
    )
    assert (code, err) == (0, "")
    assert "\x07" not in out
    assert "\x00" not in out


def test_stopped_by_hand(run, model, monkeypatch):
    from softtopic import TopicModel

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(TopicModel, "load", stopped)
    code, _, err = run("topics", model)
    assert code == 130
    assert err == "softtopic: stopped; run the same command again to go on\n"


def test_anything_else_is_one_line_and_exit_1(run, model, monkeypatch):
    from softtopic import TopicModel

    def broken(*_, **__):
        raise ZeroDivisionError("nothing to divide")

    monkeypatch.setattr(TopicModel, "load", broken)
    code, _, err = run("topics", model)
    assert code == 1
    assert "unexpected ZeroDivisionError" in err
    assert err.count("\n") == 1


def test_a_dry_run_says_what_it_will_take_and_writes_nothing(run, posts, tiny_lm, tmp_path):
    out = tmp_path / "features"
    given = ["teach", posts, "--text", "body", "--lm", tiny_lm, "--out", out, "--vocabulary", "40", "--quiet"]
    code, said, err = run(*given, "--dry-run", "--json")
    assert (code, err) == (0, "")
    cost = json.loads(said)
    assert (cost["documents"], cost["distinct"]) == (12, 12)
    assert min(cost["tokens"], cost["seconds"], cost["bytes"]) > 0
    code, said, _ = run(*given, "--dry-run")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == list(cost)
    assert not out.exists()


def test_what_is_asked_and_how_words_are_scored_is_kept(run, posts, tiny_lm, tmp_path):
    prompt = tmp_path / "mine.toml"
    prompt.write_text('instruction = "Name it."\n[[demonstrations]]\ntext = "a starter"\ntopic = "bread"\n')
    given = ["teach", posts, "--text", "body", "--lm", tiny_lm, "--vocabulary", "40", "--quiet"]
    for name, options, branches in (("a", ["--prompt", prompt], 4), ("b", ["--branches", "0"], 0)):
        code, _, err = run(*given, "--out", tmp_path / name, *options)
        assert (code, err) == (0, "")
        described = json.loads((tmp_path / name / "manifest.json").read_text())["described"]
        assert described["branches"] == branches
    (first,) = json.loads((tmp_path / "a" / "manifest.json").read_text())["described"]["prompts"]
    assert (first["instruction"], first["demonstrations"]) == ("Name it.", [["a starter", "bread"]])
    code, _, _ = run(*given, "--out", tmp_path / "d", "--prompt", "tag", "--prompt", prompt, "--cut", "windows")
    described = json.loads((tmp_path / "d" / "manifest.json").read_text())["described"]
    assert (code, len(described["prompts"]), described["cut"]) == (0, 2, "windows")
    for wrong in (["--branches", "-1"], ["--prompt", tmp_path / "none.toml"], ["--prompt", "nonsense"], ["--cut", "x"]):
        code, said, err = run(*given, "--out", tmp_path / "c", *wrong)
        assert (code, said, err.count("\n")) == (2, "", 1)
        assert not (tmp_path / "c").exists()
