"""A teacher behind a server: a fake one for what can go wrong, and a real one of llama.cpp where there is one."""

import json
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

import softtopic.teacher.endpoint as endpoint
from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, LanguageModelError, StoreMismatchError
from softtopic.features.extraction import extract_into
from softtopic.features.store import FeatureStore
from softtopic.model import TopicModel
from softtopic.teacher.local import Teacher
from softtopic.teacher.opening import teacher_from_description
from softtopic.teacher.server import ServerTeacher, first_tokens, listed_token_ids, next_tokens, word_log_probs

WORDS = Vocabulary(("database", "space", "baking", "politics"))
LIKELY = {" database": -1.0, " spa": -2.0, " the": -0.5, " politics": -4.0, " ": -0.1}


def completion(_: dict) -> tuple[int, object]:
    return 200, {"choices": [{"text": " the", "logprobs": {"top_logprobs": [LIKELY]}}]}


def embeddings(body: dict) -> tuple[int, object]:
    rows = [{"index": place, "embedding": [len(text), 1.0, -2.0]} for place, text in enumerate(body["input"])]
    return 200, {"data": rows[::-1]}


@pytest.fixture
def fake(server) -> SimpleNamespace:
    """A server that completes and embeds."""
    server.paths |= {"/v1/completions": completion, "/v1/embeddings": embeddings}
    return server


def test_answers_become_labels_and_vectors(fake):
    heard: list[int] = []
    output = ServerTeacher(fake.url, model="m", n_probs=7).read(["one", " three "], WORDS, heard.append)
    # " spa" stands for "space", no string for "baking": it gets the least listed.
    wanted = np.array([-1.0, -2.0, -4.0, -4.0])
    wanted -= np.log(np.exp(wanted).sum())
    np.testing.assert_allclose(output.log_probs[0], wanted, atol=2e-3)
    assert output.hidden.tolist() == [[3, 1, -2], [5, 1, -2]]
    assert heard == [2]
    questions = [body for path, body, _ in fake.heard if path == "/v1/completions"]
    assert {"model": "m", "max_tokens": 1, "temperature": 0, "logprobs": 7}.items() <= questions[-1].items()
    assert sorted(body["prompt"] for body in questions)[-1].endswith("Document: three\n\nTopic:")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"choices": [{"logprobs": {"top_logprobs": [{"Ġsub": -1, "▁two": -2}]}}]}, {" sub": -1, " two": -2}),
        (
            {"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": " a", "logprob": -1}] * 2}]}}]},
            {" a": -1 + math.log(2)},
        ),
        ({"choices": [{"logprobs": None}]}, {}),
        ({"choices": []}, {}),
        ({"error": "no"}, {}),
        ([], {}),
    ],
)
def test_both_forms_of_log_probabilities_are_read(answer, found):
    assert next_tokens(answer) == pytest.approx(found)


def test_the_longest_listed_beginning_stands_for_a_word():
    starts = [(" subquery", " subq", " sub"), (" subway", " sub"), (" tax",)]
    found = word_log_probs({" sub": -2.0, " subq": -1.0, " x": -9.0}, starts)
    np.testing.assert_allclose(found - found[0], [0, -1, -8], atol=1e-12)
    assert np.exp(found).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("strings", "found"),
    [
        ([(5, " sub"), (6, "query"), (1, "\n"), (7, " tax")], [(5, " sub"), (7, " tax")]),
        ([(5, " sub"), (6, "query\n"), (7, " tax")], None),
        ([(5, " sub"), (1, "\n"), (1, "\n"), (7, " tax")], None),
        ([(5, " other"), (1, "\n"), (7, " tax")], None),
    ],
)
def test_first_tokens_of_words_are_found_or_not_at_all(strings, found):
    answer = {"tokens": [{"id": token, "piece": string} for token, string in strings]}
    assert first_tokens(answer, [" subquery", " tax"]) == found


@pytest.mark.parametrize("answer", [{}, {"tokens": [1, 2]}, [], {"tokens": [{"id": None, "piece": ""}]}])
def test_a_server_that_does_not_say_tokens(answer):
    assert first_tokens(answer, [" tax"]) is None
    assert listed_token_ids(answer) == {}


def llama(fake, biased: bool) -> None:
    """Make the fake server split words as llama.cpp does, and list the tokens it is asked for, or others."""

    def tokenize(body):
        pieces = [(10 + place, line[:4]) for place, line in enumerate(body["content"].split("\n"))]
        joined = [one for piece in pieces for one in (piece, (1, "\n"))][:-1]
        return 200, {"tokens": [{"id": token, "piece": piece} for token, piece in joined]}

    def complete(body):
        if "logit_bias" not in body:
            return completion(body)
        listed = [{"id": int(token), "prob": 0.1 * (int(token) - 9)} for token in body["logit_bias"]]
        return 200, {"choices": [{"logprobs": {"content": [{"top_probs": listed if biased else listed[1:]}]}}]}

    fake.paths |= {"/tokenize": tokenize, "/v1/completions": complete}


def test_tokens_asked_for_are_all_there_is_to_it(fake):
    llama(fake, biased=True)
    output = ServerTeacher(fake.url).read(["one"], WORDS)
    np.testing.assert_allclose(np.exp(output.log_probs[0].astype(float)), [0.1, 0.2, 0.3, 0.4], atol=1e-3)


def test_a_server_that_takes_no_bias_lists_the_likeliest(fake):
    llama(fake, biased=False)
    output = ServerTeacher(fake.url).read(["one"], WORDS)
    # Of the first tokens " dat", " spa", " bak" and " pol" one is listed.
    found = output.log_probs[0].astype(float)
    np.testing.assert_allclose(found - found[1], [-2, 0, -2, -2], atol=2e-3)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"choices": [{"text": "x", "logprobs": None}]}), "gives no log probabilities of tokens; use one that"),
        ((200, b"<html>"), "answers with something other than JSON; give the address of an OpenAI-compatible one"),
        (
            (400, {"error": {"message": "at most 20"}}),
            r"refuses /completions \(400 at most 20\); check what it supports",
        ),
        ((401, {"error": {"message": "no key"}}), r"refuses /completions \(401 no key\); set SOFTTOPIC_API_KEY"),
        ((404, b""), r"refuses /completions \(404 Not Found\); check the address, which often ends in /v1"),
        ((302, b""), r"refuses /completions \(302 Found\); check the address"),
        ((503, {"error": "loading"}), r"fails \(503 loading\); look at its log"),
    ],
)
def test_what_a_server_says_is_one_line(fake, answer, said):
    fake.paths["/v1/completions"] = lambda _: answer
    with pytest.raises(LanguageModelError, match=f"^server {re.escape(fake.url)} {said}") as error:
        ServerTeacher(fake.url).open()
    assert "\n" not in str(error.value)


def test_no_server_there_is_said_at_once(free_port):
    url = f"http://127.0.0.1:{free_port}/v1"
    with pytest.raises(LanguageModelError, match=r"does not answer \(Connection refused\); start it, or check the"):
        ServerTeacher(url).open()


@pytest.mark.parametrize("url", ["localhost:8080", "http://", "file:///etc/passwd", "http://host/v1?key=1"])
def test_an_address_that_is_none(url):
    with pytest.raises(InputError, match="is not an address; expected one such as http://localhost:8080/v1"):
        ServerTeacher(url)


def test_an_address_with_a_password_is_refused_and_not_shown():
    with pytest.raises(InputError, match="holds a password; give a key in SOFTTOPIC_API_KEY") as error:
        ServerTeacher("http://me:secret@host/v1")
    assert "secret" not in str(error.value)


def test_what_passes_is_asked_again(fake):
    answers = iter([(200, None), (503, b""), (429, b"")])

    def busy(body):
        code, _ = next(answers, (200, None))
        return completion(body) if code == 200 else (code, b"")

    fake.paths["/v1/completions"] = busy
    assert len(ServerTeacher(fake.url).read(["one"], WORDS).log_probs) == 1
    assert len([path for path, *_ in fake.heard if path == "/v1/completions"]) == 4


def test_a_server_that_went_away_is_given_up(fake):
    seen = []

    def once(body):
        seen.append(body)
        return completion(body) if len(seen) == 1 else (500, b"")

    fake.paths["/v1/completions"] = once
    with pytest.raises(LanguageModelError, match=r"fails \(500 Internal Server Error\)"):
        ServerTeacher(fake.url).read(["one"], WORDS)
    assert len(seen) == 1 + 5


def test_the_key_goes_to_the_server_and_nowhere_else(fake, monkeypatch, tmp_path):
    monkeypatch.setenv(endpoint.KEY, "top-secret")
    corpus = Corpus.from_texts([f"text {number}" for number in range(5)])
    teacher = ServerTeacher(fake.url)
    store = extract_into(tmp_path / "f", corpus, WORDS, teacher)
    store.write_documents(corpus)
    assert {headers["Authorization"] for *_, headers in fake.heard} == {"Bearer top-secret"}
    assert not [file for file in store.path.iterdir() if b"top-secret" in file.read_bytes()]
    assert "top-secret" not in json.dumps(teacher.description)


def test_vectors_of_another_address_have_a_key_of_their_own(fake, monkeypatch):
    monkeypatch.setenv(endpoint.KEY, "of-the-model")
    monkeypatch.setenv(endpoint.VECTORS_KEY, "of-vectors")
    fake.paths["/vectors/embeddings"] = embeddings
    ServerTeacher(fake.url, vectors=fake.url.replace("/v1", "/vectors")).read(["one"], WORDS)
    sent = {path: headers["Authorization"] for path, _, headers in fake.heard}
    assert sent.pop("/vectors/embeddings") == "Bearer of-vectors"
    assert set(sent.values()) == {"Bearer of-the-model"}


def test_a_model_folder_does_not_choose_where_texts_go(fake, texts, tmp_path, monkeypatch):
    elsewhere = fake.url.replace("127.0.0.1", "127.1")  # the same machine, by a name that is not known to be it
    monkeypatch.setenv(endpoint.KEY, "top-secret")
    TopicModel(2, recipe="light", lm=elsewhere, vocabulary=list(WORDS.words), features=None).fit(texts).save(
        tmp_path / "model"
    )
    fake.heard.clear()
    with pytest.raises(InputError, match=f"file names server {elsewhere}, .* set SOFTTOPIC_SERVERS={elsewhere}"):
        TopicModel.load(tmp_path / "model").transform(texts)
    assert not fake.heard
    monkeypatch.setenv(endpoint.SERVERS, f"http://other.example/v1, {elsewhere}/")
    assert len(TopicModel.load(tmp_path / "model").transform(texts)) == len(texts)
    assert fake.heard


def test_a_redirect_is_not_followed_with_the_key(fake, monkeypatch):
    monkeypatch.setenv(endpoint.KEY, "top-secret")
    fake.paths["/v1/completions"] = lambda _: (307, b"")
    with pytest.raises(LanguageModelError, match="307"):
        ServerTeacher(fake.url).open()
    assert [path for path, *_ in fake.heard] == ["/v1/completions"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((501, {"error": {"message": "start it with --embeddings"}}), "refuses /embeddings .501 start it with"),
        ((200, {"data": [{"index": 0}]}), "gives no embeddings; start it with them on, or give vectors="),
        ((200, {"data": []}), r"gives vectors of shape \(0,\) for 1 documents"),
        ((200, {"data": [{"index": 0, "embedding": [1.0, None]}]}), "expected one row of finite numbers"),
    ],
)
def test_vectors_that_are_none(fake, answer, said):
    fake.paths["/v1/embeddings"] = lambda _: answer
    with pytest.raises(LanguageModelError, match=said):
        ServerTeacher(fake.url).read(["one"], WORDS)


def test_vectors_come_from_a_function_or_another_server(fake):
    function = ServerTeacher(fake.url, vectors=lambda texts: np.array([[len(text), 7.0] for text in texts]))
    assert function.read(["one", "three"], WORDS).hidden.tolist() == [[3, 7], [5, 7]]
    assert not [path for path, *_ in fake.heard if path == "/v1/embeddings"]
    again = teacher_from_description(function.description)
    assert isinstance(again, ServerTeacher)
    with pytest.raises(InputError, match="came from a function of yours; give hidden= instead"):
        again.read(["one"], WORDS)
    elsewhere = fake.url.replace("/v1", "/vectors")
    fake.paths["/vectors/embeddings"] = embeddings
    ServerTeacher(fake.url, vectors=elsewhere).read(["one"], WORDS)
    assert fake.heard[-1][0] == "/vectors/embeddings"


def test_a_folder_made_with_a_function_is_fitted_on(fake, texts, tmp_path):
    teacher = ServerTeacher(fake.url, vectors=lambda texts: np.array([[len(text), 7.0] for text in texts]))
    store = extract_into(tmp_path / "f", Corpus.from_texts(texts), WORDS, teacher)
    store.write_documents(Corpus.from_texts(texts))
    assert TopicModel(2, features=tmp_path / "f").fit().probabilities_.shape == (12, 2)


def test_a_server_that_fails_for_a_moment_is_not_taken_for_another_kind(fake):
    llama(fake, biased=True)
    fine = fake.paths["/tokenize"]
    fake.paths["/tokenize"] = lambda body: fine(body) if len(fake.heard) > 3 else (503, b"")
    output = ServerTeacher(fake.url).read(["one"], WORDS)
    np.testing.assert_allclose(np.exp(output.log_probs[0].astype(float)), [0.1, 0.2, 0.3, 0.4], atol=1e-3)


def test_an_extraction_goes_on_where_it_stopped_and_other_settings_are_refused(fake, tmp_path):
    corpus = Corpus.from_texts([f"text {number}" for number in range(100)])
    fine = fake.paths["/v1/completions"]
    fake.paths["/v1/completions"] = lambda body: fine(body) if "text 70" not in body["prompt"] else (500, b"")
    with pytest.raises(LanguageModelError, match="500"):
        extract_into(tmp_path / "f", corpus, WORDS, ServerTeacher(fake.url))
    store = FeatureStore.open(tmp_path / "f")
    (failed, *later) = store.missing()
    assert "text 70" in corpus.distinct.texts[failed.start : failed.stop]
    assert store.shards[-1 - len(later)] == failed
    fake.paths["/v1/completions"] = fine
    fake.heard.clear()
    extract_into(tmp_path / "f", corpus, WORDS, ServerTeacher(fake.url))
    asked = [body["prompt"] for path, body, _ in fake.heard if path == "/v1/completions"]
    assert len(asked) == 1 + sum(map(len, (failed, *later)))
    with pytest.raises(StoreMismatchError, match="another language model"):
        extract_into(tmp_path / "f", corpus, WORDS, ServerTeacher(fake.url, n_probs=5))


def test_a_model_learns_from_a_server_and_asks_it_for_vectors_alone(fake, texts, tmp_path):
    model = TopicModel(2, recipe="light", lm=fake.url, vocabulary=list(WORDS.words), features=None).fit(texts)
    model.save(tmp_path / "model")
    fake.heard.clear()
    theta = TopicModel.load(tmp_path / "model").transform(texts[:3])
    np.testing.assert_allclose(theta, model.transform(texts[:3]), atol=1e-6)
    assert {path for path, *_ in fake.heard} == {"/v1/embeddings"}


@pytest.mark.slow
def test_a_real_server_says_what_the_language_model_says_here(real, embedded_lm, texts):
    """The same weights in another program with other rounding: mean KL in nats over documents."""
    titles = [*texts, *(f"How do I use {text.split()[-1]} in {text.split()[0]}?" for text in texts)][:20]
    words = Vocabulary.from_texts([*titles, *titles])
    here = Teacher(embedded_lm, dtype="float32").read(titles, words).log_probs.astype(float)
    there = ServerTeacher(real).read(titles, words)
    assert there.hidden.shape == (20, 576)
    far = (np.exp(here) * (here - there.log_probs.astype(float))).sum(axis=1)
    assert 0 <= far.mean() < 0.02
    np.testing.assert_array_equal(there.log_probs.argmax(axis=1), here.argmax(axis=1))
