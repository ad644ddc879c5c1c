import io
import json
import logging
import os
import shlex
import subprocess
import sys
import warnings

import pandas as pd
import pytest

import softtopic

BASIC = ["--vocabulary", "40", "--topics", "3", "--quiet"]


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


def test_evaluate_against_a_reference(run, model, posts, texts, tmp_path):
    from softtopic.metrics.coherence import coherence
    from softtopic.metrics.reference import Reference
    from softtopic.model import TopicModel

    given = ["evaluate", model, posts, "--text", "body", "--words", 5]
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


def test_evaluate_rates_topics(run, model, posts, tiny_lm):
    from softtopic.metrics.rating import rate_topics
    from softtopic.model import TopicModel
    from softtopic.teacher.raters import LocalRater

    given = ["evaluate", model, posts, "--text", "body", "--words", 5, "--rate", "--lm", tiny_lm]
    code, out, err = run(*given, "--json", "--quiet")
    assert (code, err) == (0, "")
    found = json.loads(out)["rating"]
    wanted = rate_topics(TopicModel.load(model).topics.top_words(5), LocalRater(tiny_lm), top_n=5)
    assert found["per_topic"] == pytest.approx(wanted.per_topic)
    assert (found["lm"], found["top_n"], found["mean"]) == (tiny_lm, 5, pytest.approx(wanted.mean))
    code, out, _ = run(*given)
    assert code == 0
    assert f"rating           {wanted.mean:.3f} ± {wanted.std:.3f} (1 to 3)\n" in out
    assert f"rated by         {tiny_lm} after 3 examples, from the topics' top 5 words; 1, 2 or 3 was " in out
    code, out, _ = run(*given, "--published", "--json", "--quiet")
    assert code == 0
    published = rate_topics(TopicModel.load(model).topics.top_words(5), LocalRater(tiny_lm), top_n=5, examples=())
    assert json.loads(out)["rating"]["per_topic"] == pytest.approx(published.per_topic)


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


@pytest.mark.slow
def test_a_preview_is_printed_before_the_fit(run, posts, tiny_lm, tmp_path):
    given = ["fit", posts, "--text", "body", "--lm", tiny_lm, "--out", tmp_path / "j", *BASIC[:-1]]
    code, out, _ = run(*given)
    assert code == 0
    code, with_preview, err = run(*given, "--preview")
    assert code == 0
    preview, _, rest = with_preview.partition("The fit goes on.\n\n")
    assert preview == "Preview: topics of 12 documents, without the language model. "
    assert rest.startswith("topic  size")
    assert rest.partition("\n\n")[2] == out
    assert "preview: grouping 12 of 12 distinct documents" in err
    for option in ("--json", "--quiet"):
        code, out, _ = run(*given, "--preview", option)
        assert code == 0
        assert "Preview" not in out


def test_messages_are_written_above_a_bar(monkeypatch):
    from softtopic.cli.output import show_messages
    from softtopic.storage.progress import Progress

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    logger = logging.getLogger("softtopic")
    monkeypatch.setattr(logger, "handlers", [])
    show_messages(False)
    with Progress("reading", 2, "doc") as bar:
        logger.info("a message")
        bar.advance(2)
    # The bar is cleared before the message and drawn again after it.
    before, _, after = terminal.getvalue().partition("softtopic: a message\n")
    assert before.endswith("\r")
    assert "reading" in after


def test_teach_then_fit_any_number_of_times(run, posts, tiny_lm, tmp_path, monkeypatch):
    folder = tmp_path / "features"
    taught = run(
        "teach", posts, "--text", "body", "--label", "group", "--lm", tiny_lm, "--out", folder, "--vocabulary", 40
    )
    assert taught[0] == 0
    assert "12 documents" in taught[2]
    from softtopic.teacher.local import Teacher

    monkeypatch.setattr(Teacher, "read", lambda *_: pytest.fail("the language model was asked again"))
    for topics in (2, 5):
        code, out, _ = run("fit", "--features", folder, "--topics", topics, "--out", tmp_path / f"m{topics}", "--json")
        assert code == 0
        assert len(json.loads(out)["topics"]) == topics
        assert json.loads(out)["evaluation"]["n_documents"] == 12


def test_backbone_inputs_and_target_are_options(run, posts, tiny_lm, tmp_path):
    (tmp_path / "vectors.txt").write_text("sql 0.5 1 2\norbit -1 2 0.5\n")
    chosen = ["--backbone", "ecrtm", "--inputs", "bow", "--target", "bow", "--word-vectors", tmp_path / "vectors.txt"]
    arguments = ["--text", "body", "--topics", "2", "--vocabulary", "20", "--out", tmp_path / "model"]
    code, _, err = run("fit", posts, *arguments, *chosen, "--quiet")
    assert code == 0, err
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["recipe"]["backbone"]["name"], config["word_width"], config["teacher"]) == ("ecrtm", 3, None)
    assert (config["recipe"]["inputs"], config["recipe"]["target"]) == ("bow", "bow")
    code, out, err = run("transform", tmp_path / "model", posts, "--text", "body", "--quiet")
    assert (code, len(out.splitlines())) == (0, 12), err


@pytest.mark.slow
def test_standard_input_and_words_from_a_file(texts, tiny_lm, tmp_path):
    (tmp_path / "words.txt").write_text("sql\ntable\norbit\nbread\n")
    fit = subprocess.run(
        [sys.executable, "-m", "softtopic.cli", "fit", "-", "--lm", tiny_lm, "--vocabulary", tmp_path / "words.txt",
         "--recipe", "light", "--topics", "2", "--out", tmp_path / "model", "--quiet", "--json"],
        input="\n".join(texts).encode(), capture_output=True, env=os.environ | {"SOFTTOPIC_CACHE": str(tmp_path)}, check=False,  # noqa: E501
    )  # fmt: skip
    assert fit.returncode == 0, fit.stderr
    assert {word for topic in json.loads(fit.stdout)["topics"] for word in topic["words"]} == {
        "sql",
        "table",
        "orbit",
        "bread",
    }


def test_a_part_is_taught_and_the_line_it_prints_fits_all(run, posts, tiny_lm, tmp_path, monkeypatch):
    folder, given = tmp_path / "features", ["--text", "body", "--lm", tiny_lm, "--vocabulary", "40", "--prompt", "tag"]
    code, out, _ = run(
        "teach", posts, *given, "--prompt", "theme", "--label", "group", "--sample", "50%", "--out", folder, "--quiet"
    )
    assert code == 0
    assert out.startswith("6 distinct documents")
    from softtopic.teacher.local import Teacher

    monkeypatch.setattr(Teacher, "read", lambda *_: pytest.fail("the language model was asked again"))
    hint = shlex.split(out.split("Try: softtopic ")[1])
    assert hint[0] == "fit"
    code, out, _ = run(*hint, "--topics", "2", "--out", tmp_path / "m", "--quiet", "--json")
    assert code == 0
    assert json.loads(out)["evaluation"]["n_documents"] == 12


def test_labels_of_any_teacher_from_a_file(run, tmp_path):
    probs = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]] * 20
    columns = {"id": list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"), "probs": probs, "group": ["x", "y"] * 20,
               "embedding": [[1.0, 0.0], [0.0, 1.0]] * 20, "label": ["x", "y"] * 20}  # fmt: skip
    pd.DataFrame(columns).to_parquet("labels.parquet")
    (tmp_path / "words.txt").write_text("sql\norbit\nbread\ntax\n")
    given = ["fit", "--labels", "labels.parquet", "--topics", "2", "--quiet", "--out", "m"]
    code, out, _ = run(*given, "--vocabulary", "words.txt", "--dry-run")
    assert (code, (tmp_path / "m").exists()) == (0, False)
    assert "soft labels of all 40 distinct documents exist already" in out
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
    wrong = {
        "keeps soft labels of top_k 8, asked for is all words": [],
        "give a whole number of at least 1": ["--top-k", "0"],
    }
    for said, options in wrong.items():
        code, out, err = run(*given, *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


@pytest.mark.slow
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


def test_a_dry_run_says_what_it_will_take_and_writes_nothing(run, posts, tiny_lm, tmp_path):
    out = tmp_path / "features"
    given = ["teach", posts, "--text", "body", "--lm", tiny_lm, "--out", out, "--vocabulary", "40", "--quiet"]
    code, said, err = run(*given, "--dry-run", "--json")
    assert (code, err) == (0, "")
    plan = json.loads(said)
    assert "reads all 12 distinct documents" in plan["plan"][0]
    cost = plan["reading"]
    assert (cost["documents"], cost["distinct"]) == (12, 12)
    assert min(cost["tokens"], cost["seconds"], cost["bytes"]) > 0
    code, said, _ = run(*given, "--dry-run")
    assert code == 0
    lines = said.splitlines()
    assert lines[:3] == [*plan["plan"], "", "Reading:"]
    assert [line.split()[0] for line in lines[3:]] == list(cost)
    assert not out.exists()


def test_what_is_asked_and_how_words_are_scored_is_kept(run, posts, tiny_lm, tmp_path):
    prompt = tmp_path / "mine.toml"
    prompt.write_text('instruction = "Name it."\n[[demonstrations]]\ntext = "a starter"\ntopic = "bread"\n')
    given = ["teach", posts, "--text", "body", "--lm", tiny_lm, "--vocabulary", "40", "--quiet"]
    for name, options, beam_width in (("a", ["--prompt", prompt], 4), ("b", ["--beam-width", "0"], 0)):
        code, _, err = run(*given, "--out", tmp_path / name, *options)
        assert (code, err) == (0, "")
        described = json.loads((tmp_path / name / "manifest.json").read_text())["teacher_description"]
        assert described["beam_width"] == beam_width
    (first,) = json.loads((tmp_path / "a" / "manifest.json").read_text())["teacher_description"]["prompts"]
    assert (first["instruction"], first["demonstrations"]) == ("Name it.", [["a starter", "bread"]])
    code, _, _ = run(
        *given, "--out", tmp_path / "d", "--prompt", "tag", "--prompt", prompt, "--truncation", "head-tail"
    )
    described = json.loads((tmp_path / "d" / "manifest.json").read_text())["teacher_description"]
    assert (code, len(described["prompts"]), described["truncation"]) == (0, 2, "head-tail")
    for name, options, how in (("e", [], (80, "head")), ("f", ["--max-tokens", "9"], (9, "head"))):
        assert run(*given, "--out", tmp_path / name, *options)[0] == 0
        described = json.loads((tmp_path / name / "manifest.json").read_text())["teacher_description"]
        assert (described["max_tokens"], described["truncation"]) == how
    for wrong in (
        ["--beam-width", "-1"],
        ["--prompt", tmp_path / "none.toml"],
        ["--prompt", "nonsense"],
        ["--truncation", "x"],
    ):
        code, said, err = run(*given, "--out", tmp_path / "c", *wrong)
        assert (code, said, err.count("\n")) == (2, "", 1)
        assert not (tmp_path / "c").exists()


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"softtopic {softtopic.__version__}\n", "")


@pytest.mark.parametrize("options", [["--words", "-3"], ["--words", "0"], ["--words", "many"]])
def test_a_number_of_words_below_one_is_refused(run, model, options):
    code, out, err = run("topics", model, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--words" in err


def test_the_cache_is_listed_cleared_and_limited(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    for name in ("embeddings/a.npy", "assets/model/weights"):
        path = tmp_path / "cache" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 2_000_000)
    assert "4.0 MB in" in run("cache", "ls")[1]
    assert json.loads(run("cache", "ls", "--json")[1])["bytes"] == 4_000_000
    assert run("cache", "cap", "5MB")[:2] == (0, "removed 0 entries, 0.0 MB\n")
    assert run("cache", "cap", "1MB")[:2] == (0, "removed 1 entry, 2.0 MB\n")
    assert run("cache", "clear", "assets")[:2] == (0, "removed 1 entry, 2.0 MB\n")
    code, _, err = run("cache", "cap", "much")
    assert (code, err) == (2, "softtopic: 'much' is no size; give e.g. 500MB or 2GB\n")
