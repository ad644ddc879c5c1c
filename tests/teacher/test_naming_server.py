"""Names by a server: what is sent, what it costs, and what is made of answers."""

import pytest

from softtopic.errors import InputError, LanguageModelError
from softtopic.teacher.naming_server import (
    INSTRUCTION,
    THAT_OF_TEXTS,
    clean_name,
    estimate_tokens,
    name_requests,
    request_names,
)


def test_each_topic_is_one_request(server):
    server.paths["/v1/chat/completions"] = lambda body: (
        200,
        {"choices": [{"message": {"content": f'"{body["messages"][1]["content"].split()[1].strip(",")} things."'}}]},
    )
    requests = name_requests([["sql", "table"], ["orbit"]], [["Two tables"], []])
    assert requests == ["Words: sql, table\nText: Two tables\nName:", "Words: orbit\nName:"]
    assert request_names(server.url, requests, model="m") == ["sql things", "orbit things"]
    bodies = [body for _, body, _ in server.heard]
    assert {body["model"] for body in bodies} == {"m"}
    assert all(body["messages"][0]["content"] == INSTRUCTION.format(language=THAT_OF_TEXTS) for body in bodies)


def test_an_answer_without_text_is_an_error(server):
    server.paths["/v1/chat/completions"] = lambda _: (200, {"choices": []})
    with pytest.raises(LanguageModelError, match="gives no text"):
        request_names(server.url, ["Words: sql\nName:"])


def test_an_address_is_checked():
    with pytest.raises(InputError, match="is not an address"):
        request_names("localhost", ["Words: sql\nName:"])


@pytest.mark.parametrize(
    ("answer", "name"),
    [('\n "Space"\nmore', "Space"), ("Name: **hockey season**.", "hockey season"), ("", ""), ("a\tb", "a b")],
)
def test_names_are_one_line_without_quotes(answer, name):
    assert clean_name(answer) == name


def test_tokens_are_counted_by_characters():
    assert estimate_tokens(["x" * 400]) - estimate_tokens(["x" * 200]) == 50
