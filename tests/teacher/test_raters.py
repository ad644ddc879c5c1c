"""Raters: a language model here against its own forward pass, and servers."""

import json
import math
import re

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from softtopic.errors import InputError, LanguageModelError
from softtopic.lm.loading import find_language_model
from softtopic.teacher.raters import LocalRater, ServerRater

INSTRUCTION = "Rate the words. Reply with a number."
LISTS = ["orbit, moon, rocket", "bread, tax", "lens, photo, light, camera, sharp"]
RATINGS = ("1", "2", "3")
EXAMPLES = (("apple, pear", "3"), ("brick, monday", "1"))


def forward(folder: str, rows: list[list[int]], spellings: list[list[int]]) -> np.ndarray:
    """Log probabilities of next tokens by transformers alone; those of one answer are summed."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        logits = torch.stack([model(torch.tensor([row])).logits[0, -1] for row in rows])
    found = logits.log_softmax(1)
    return torch.stack([found[:, tokens].logsumexp(1) for tokens in spellings], dim=1).numpy()


def ones(tokenizer) -> list[list[int]]:
    return [[tokenizer.convert_tokens_to_ids(answer)] for answer in RATINGS]


def test_answers_are_those_of_a_plain_forward_pass(embedded_lm):
    folder = str(find_language_model(embedded_lm))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chats = [[{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": text}] for text in LISTS]
    rows = [tokenizer.apply_chat_template(chat, add_generation_prompt=True)["input_ids"] for chat in chats]
    found = LocalRater(embedded_lm, dtype="float32").log_probs(INSTRUCTION, LISTS, RATINGS)
    np.testing.assert_allclose(found, forward(folder, rows, ones(tokenizer)), atol=1e-3)


def test_examples_make_it_a_text_to_go_on_with(embedded_lm):
    folder = str(find_language_model(embedded_lm))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    shown = "".join(f"Words: {words}\n\nRating: {rating}\n\n" for words, rating in EXAMPLES)
    rows = [tokenizer(f"{INSTRUCTION}\n\n{shown}Words: {text}\n\nRating: ")["input_ids"] for text in LISTS]
    found = LocalRater(embedded_lm, dtype="float32").log_probs(INSTRUCTION, LISTS, RATINGS, EXAMPLES)
    np.testing.assert_allclose(found, forward(folder, rows, ones(tokenizer)), atol=1e-3)


@pytest.fixture
def plain_lm(tiny_lm, tmp_path) -> str:
    """The tiny language model without a chat template."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_lm)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path / "plain")
    AutoModelForCausalLM.from_pretrained(tiny_lm).save_pretrained(tmp_path / "plain")
    return str(tmp_path / "plain")


def test_without_a_chat_template_the_question_is_plain_text_and_a_space_is_read_first(plain_lm):
    tokenizer = AutoTokenizer.from_pretrained(plain_lm)
    assert tokenizer.chat_template is None
    rows = [tokenizer(f"{INSTRUCTION}\n\nWords: {text}\n\nRating: ")["input_ids"] for text in LISTS]
    assert {tokenizer.decode(row[-1]) for row in rows} == {" "}
    found = LocalRater(plain_lm, dtype="float32").log_probs(INSTRUCTION, LISTS, RATINGS)
    np.testing.assert_allclose(found, forward(plain_lm, rows, ones(tokenizer)), atol=1e-3)


def letters_lm(folder, words: list[str]) -> str:
    """A language model of single bytes and a few words, Ġ being a space."""
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *words]
    merges = [(word[0], word[1]) for word in words]
    tokenizer = Tokenizer(models.BPE(vocab={piece: place for place, piece in enumerate(pieces)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        LlamaForCausalLM(LlamaConfig(vocab_size=len(pieces), initializer_range=0.3, **sizes)).save_pretrained(folder)
    return str(folder)


def test_an_answer_after_a_space_is_the_same_answer(tmp_path):
    lm = letters_lm(tmp_path / "lm", ["Ġ1", "Ġ2", "Ġ3"])
    tokenizer = AutoTokenizer.from_pretrained(lm)
    spellings = [tokenizer.convert_tokens_to_ids([answer, f"Ġ{answer}"]) for answer in RATINGS]
    rows = [tokenizer(f"{INSTRUCTION}\n\nWords: {text}\n\nRating:")["input_ids"] for text in LISTS]
    found = LocalRater(lm, dtype="float32").log_probs(INSTRUCTION, LISTS, RATINGS)
    np.testing.assert_allclose(found, forward(lm, rows, spellings), atol=1e-3)


def test_answers_of_several_tokens_are_refused(tiny_lm):
    with pytest.raises(LanguageModelError, match="no token of its own for each of the ratings 1, 10; choose another"):
        LocalRater(tiny_lm).log_probs(INSTRUCTION, LISTS, ("1", "10"))


def test_a_template_without_a_system_takes_all_from_the_user(tiny_lm, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_lm)
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "user: {{ messages[0]['content'] }}\nmodel: "
    )
    tokenizer.save_pretrained(tmp_path / "lm")
    AutoModelForCausalLM.from_pretrained(tiny_lm).save_pretrained(tmp_path / "lm")
    tokens = LocalRater(str(tmp_path / "lm")).tokens(INSTRUCTION, "bread, tax")
    assert tokenizer.decode(tokens) == f"user: {INSTRUCTION}\n\nbread, tax\nmodel: "


def test_questions_do_not_change_each_other(tiny_lm):
    answers = LocalRater(tiny_lm, dtype="float32")
    together = answers.log_probs(INSTRUCTION, [*LISTS, LISTS[0]], RATINGS)
    alone = np.concatenate([answers.log_probs(INSTRUCTION, [text], RATINGS) for text in [*LISTS, LISTS[0]]])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert answers.log_probs(INSTRUCTION, [], RATINGS).shape == (0, 3)


def chat(listed: dict[str, float]):
    """What a server says whose likeliest first tokens are these."""
    content = [{"token": token, "logprob": math.log(share)} for token, share in listed.items()]
    return lambda _: (200, {"choices": [{"logprobs": {"content": [{"token": "x", "top_logprobs": content}]}}]})


def test_a_server_is_asked_for_the_first_token_and_its_alternatives(server):
    server.paths["/v1/chat/completions"] = chat({"1": 0.5, " 3": 0.1, "3": 0.2, "The": 0.1, "2": 0.05})
    found = ServerRater(server.url, model="m", n_probs=7).log_probs(INSTRUCTION, LISTS, RATINGS)
    np.testing.assert_allclose(np.exp(found), [[0.5, 0.05, 0.3]] * 3, atol=1e-12)
    bodies = [body for _, body, _ in server.heard]
    assert {"model": "m", "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": 7}.items() <= bodies[
        0
    ].items()
    assert bodies[0]["messages"][0] == {"role": "system", "content": INSTRUCTION}
    assert {body["messages"][1]["content"] for body in bodies} == set(LISTS)


def test_examples_are_earlier_turns_of_the_chat(server):
    server.paths["/v1/chat/completions"] = chat({"1": 0.5})
    ServerRater(server.url).log_probs(INSTRUCTION, LISTS[:1], RATINGS, EXAMPLES)
    (body,) = (body for _, body, _ in server.heard)
    said = [INSTRUCTION, "apple, pear", "3", "brick, monday", "1", LISTS[0]]
    assert [turn["content"] for turn in body["messages"]] == said
    assert [turn["role"] for turn in body["messages"]] == ["system", *["user", "assistant"] * 2, "user"]


def test_answers_stay_with_their_questions(server):
    """Several questions are under way at a time."""

    def reply(body):
        return chat({"1": len(body["messages"][1]["content"]) / 1000, "2": 0.5})(body)

    server.paths["/v1/chat/completions"] = reply
    questions = ["word, " * count for count in range(1, 20)]
    found = ServerRater(server.url).log_probs(INSTRUCTION, questions, RATINGS)
    np.testing.assert_allclose(np.exp(found[:, 0]), [len(text) / 1000 for text in questions])
    assert np.isneginf(found[:, 2]).all()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"choices": [{"logprobs": None}]}), "gives no log probabilities of tokens; use one that does"),
        ((400, {"error": {"message": "at most 5"}}), r"refuses /chat/completions \(400 at most 5\); check what it"),
        ((404, b""), r"refuses /chat/completions \(404 Not Found\); check the address, which often ends in /v1"),
        ((500, b""), r"fails \(500 Internal Server Error\); look at its log"),
    ],
)
def test_what_a_server_says_is_one_line(server, answer, said):
    server.paths["/v1/chat/completions"] = lambda _: answer
    with pytest.raises(LanguageModelError, match=f"^server {re.escape(server.url)} {said}") as error:
        ServerRater(server.url).log_probs(INSTRUCTION, LISTS, RATINGS)
    assert "\n" not in str(error.value)
    assert len(server.heard) == 1


def test_a_server_that_is_not_there_and_options_that_are_none(free_port):
    with pytest.raises(LanguageModelError, match="does not answer"):
        ServerRater(f"http://127.0.0.1:{free_port}/v1").log_probs(INSTRUCTION, LISTS, RATINGS)
    with pytest.raises(InputError, match="n_probs is 0; give a whole number of at least 1"):
        ServerRater("http://localhost/v1", n_probs=0)
    with pytest.raises(InputError, match="is not an address"):
        ServerRater("localhost")


def test_nobody_reads_the_key(server, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_API_KEY", "top-secret")
    server.paths["/v1/chat/completions"] = chat({"1": 0.5})
    answers = ServerRater(server.url, model="m")
    answers.log_probs(INSTRUCTION, LISTS, RATINGS)
    assert {headers["Authorization"] for *_, headers in server.heard} == {"Bearer top-secret"}
    assert "top-secret" not in answers.name + json.dumps([body for _, body, _ in server.heard])


@pytest.mark.slow
def test_a_real_server_answers_as_the_language_model_does_here(real, embedded_lm):
    """The same weights in another program with other rounding."""
    here = LocalRater(embedded_lm, dtype="float32").log_probs(INSTRUCTION, LISTS, RATINGS)
    there = ServerRater(real, n_probs=1000).log_probs(INSTRUCTION, LISTS, RATINGS)
    np.testing.assert_allclose(there, here, atol=0.2)
