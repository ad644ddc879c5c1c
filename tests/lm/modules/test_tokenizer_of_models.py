import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from softtopic.lm.config import MULTILINGUAL_ENCODER, SENTENCE_ENCODER
from softtopic.lm.encoder import find_encoder
from softtopic.lm.loading import find_language_model
from softtopic.lm.modules.tokenizer import Tokenizer
from softtopic.storage.assets import has_asset

OPTIONS = [
    {},
    {"add_special_tokens": False},
    {"add_special_tokens": False, "split_special_tokens": True},
    {"truncation": True, "max_length": 5},
]
TEXTS = ["", "Hello <|im_start|> world [MASK]", "a\n\tb  c", "Ünï café 😀", "日本語 ผม حتى", "long words " * 300]


@pytest.fixture(scope="module", params=["lm", SENTENCE_ENCODER, "tiny"])
def pair(request, embedded_lm, tiny_encoder):
    names = {"lm": lambda: find_language_model(embedded_lm), "tiny": lambda: Path(tiny_encoder)}
    folder = names.get(request.param, lambda: find_encoder(request.param))()
    return Tokenizer(folder), AutoTokenizer.from_pretrained(folder)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_tokens_are_those_of_transformers(pair, text):
    own, theirs = pair
    for options in OPTIONS:
        assert own(text, **options)["input_ids"] == theirs(text, **options)["input_ids"]


def test_batches_and_tables_are_those_of_transformers(pair):
    own, theirs = pair
    for options in OPTIONS:
        assert own(TEXTS, **options)["input_ids"] == theirs(TEXTS, **options)["input_ids"]
    assert len(own) == len(theirs)
    assert sorted(own.all_special_ids) == sorted(theirs.all_special_ids)
    assert own.chat_template == theirs.chat_template
    ids = range(0, len(own), 17)
    assert own.convert_ids_to_tokens(ids) == theirs.convert_ids_to_tokens(list(ids))
    rows = [[token, 7] for token in ids]
    assert own.batch_decode(rows) == theirs.batch_decode(rows, clean_up_tokenization_spaces=False)
    assert own.decode(rows[3]) == theirs.decode(rows[3], clean_up_tokenization_spaces=False)


def test_chats_are_rendered_by_their_template(embedded_lm):
    folder = find_language_model(embedded_lm)
    chat = [{"role": "user", "content": "Name a topic."}]
    expected = AutoTokenizer.from_pretrained(folder).apply_chat_template(chat, tokenize=False)
    assert "Name a topic." in expected
    assert Tokenizer(folder).apply_chat_template(chat, tokenize=False) == expected


def test_threads_may_truncate_to_different_lengths(tiny_encoder):
    tokenizer = Tokenizer(Path(tiny_encoder))
    with ThreadPoolExecutor(4) as pool:
        lengths = [3 + place % 5 for place in range(200)]
        rows = pool.map(lambda most: tokenizer("the rocket " * 9, truncation=True, max_length=most), lengths)
        assert [len(row["input_ids"]) for row in rows] == lengths


FORKING = """
import os, sys, threading, time
from pathlib import Path
from softtopic.lm.modules.tokenizer import Tokenizer

tokenizer = Tokenizer(Path(sys.argv[1]))
done = False

def tokenise():
    while not done:
        tokenizer(["the rocket " * 2000] * 9)

thread = threading.Thread(target=tokenise)
thread.start()
for _ in range(5):
    time.sleep(0.05)
    child = os.fork()
    if not child:
        os._exit(len(tokenizer("the rocket")["input_ids"]) == 0)
    assert os.waitpid(child, 0)[1] == 0
done = True
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_may_be_forked_while_a_thread_tokenises(tiny_encoder):
    done = subprocess.run([sys.executable, "-c", FORKING, tiny_encoder], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "settings",
    [
        {"cls_token": {"content": "[CLS]"}, "add_bos_token": True, "pad_token": None, "sep_token": "[NONE]"},
        {"extra_special_tokens": {"first": "[CLS]"}},
        {"additional_special_tokens": ["[CLS]", {"content": "[CLS]"}]},
    ],
)
def test_special_tokens_of_all_spellings_are_found(tiny_encoder, tmp_path, settings):
    (tmp_path / "tokenizer.json").write_bytes((Path(tiny_encoder) / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = Tokenizer(tmp_path)
    assert tokenizer.all_special_ids == [2]
    assert len(tokenizer("the rocket " * 900, truncation=True)["input_ids"]) == 1802


@pytest.mark.skipif(not has_asset(MULTILINGUAL_ENCODER), reason="softtopic fetch multilingual")
def test_multilingual_tokens_are_those_of_transformers():
    folder = find_encoder(MULTILINGUAL_ENCODER)
    own, theirs = Tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    assert own(TEXTS)["input_ids"] == theirs(TEXTS)["input_ids"]
    assert own.all_special_ids == theirs.all_special_ids
