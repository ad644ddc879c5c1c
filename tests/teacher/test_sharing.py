"""Teachers as values: compared, copied, and used by several threads and processes."""

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from softtopic.data.vocabulary import Vocabulary
from softtopic.lm import loading
from softtopic.teacher import shared_model
from softtopic.teacher.local import Teacher
from softtopic.teacher.opening import teacher_from_description
from softtopic.teacher.prompts import PROMPTS, Prompt
from softtopic.teacher.server import ServerTeacher

WORDS = Vocabulary(("database", "space", "baking", "politics"))


@pytest.fixture
def loads(monkeypatch) -> list[str]:
    """The language models loaded, by name."""
    seen: list[str] = []

    def counting(lm, *rest):
        seen.append(lm)
        return loading.load_language_model(lm, *rest)

    monkeypatch.setattr(shared_model, "load_language_model", counting)
    return seen


def test_teachers_with_the_same_settings_are_equal(tiny_lm):
    teacher = Teacher(tiny_lm, dtype="float32", prompt=[Prompt("N", [("a", "b")])])
    assert teacher == Teacher(tiny_lm, dtype="float32", prompt=Prompt("N", [("a", "b")], from_corpus=True))
    assert len({teacher, pickle.loads(pickle.dumps(teacher)), Teacher.from_description(teacher.description)}) == 1
    others = [Teacher(tiny_lm, dtype="float16", prompt=teacher.prompts), teacher.with_settings(beam_width=1),
              teacher.with_prompts(Prompt()), ServerTeacher("http://localhost/v1"), None]  # fmt: skip
    assert len({teacher, *others}) == len(others) + 1
    assert Teacher("nobody/no-such-model") == Teacher("nobody/no-such-model"), "nothing is looked up"


def test_servers_with_the_same_settings_are_equal():
    server = ServerTeacher("http://localhost:1/v1/", n_probs=5)
    assert server == ServerTeacher("http://localhost:1/v1", n_probs=5)
    assert (
        len({server, pickle.loads(pickle.dumps(server)), server.hidden_only, ServerTeacher("http://localhost:1/v1")})
        == 3
    )


def test_a_copy_of_a_server_a_file_named_is_trusted_no_more():
    named = ServerTeacher.from_description(ServerTeacher("http://example.org/v1").description)
    for teacher in (pickle.loads(pickle.dumps(named)), named.hidden_only):
        assert not teacher._endpoint.trusted


@pytest.mark.parametrize("teacher", [
    Teacher(dtype="float32", device="cpu", beam_width=4, truncation="windows-3",
            prompt=[Prompt(rationale="Keywords:", rationale_tokens=3, document_first=True), PROMPTS["four-shot"]]),
    ServerTeacher("http://localhost:1/v1", n_probs=7),
])  # fmt: skip
def test_descriptions_of_earlier_versions(teacher):
    earlier = json.loads(
        json.dumps(teacher.description)
        .replace("rationale", "reasoning")
        .replace("truncation", "cut")
        .replace("beam_width", "branches")
        .replace(', "from_corpus": false', "")
    )
    for new in ("max_windows", "content_free"):
        earlier.pop(new, None)
    found = teacher_from_description(earlier, device="cpu")
    assert found == teacher
    assert found.fingerprint == teacher.fingerprint


@pytest.mark.parametrize(
    ("settings", "fingerprint"),
    [
        ({}, "e69374c31dfd076ac7a115682870c4724d7bdbc08933195c9c67da4e7cfcecd8"),
        (
            {"prompt": [PROMPTS["published"], PROMPTS["four-shot"]], "beam_width": 4, "truncation": "windows-3"},
            "e141c5e9addb0cf48d7c80c0b181da916d0c8892dda270da9faf02b1416e6539",
        ),
        (
            {"truncation": "windows", "max_tokens": 99},
            "d7f1c2fcc72505b8d442748c3a0604753ad9761eebcd4d41f9901da1a53d51a7",
        ),
        (
            {"truncation": "head-tail", "beam_width": 1},
            "3016295ed6e298bc4d6bc25b67463e091345c6c2f565beef52df8bce6618dae2",
        ),
        (
            {"prompt": Prompt(rationale="Keywords:", rationale_tokens=3, document_first=True)},
            "61a025b56b2c7018c2fb59b2cba1bc8621af9fd3282d06388416afdca70e51c7",
        ),
    ],
)
def test_features_of_earlier_versions_are_still_known(settings, fingerprint):
    """Fingerprints name the features that users keep."""
    assert Teacher(device="cpu", dtype="float32", **settings).fingerprint == fingerprint


def test_settings_that_change_the_output_change_the_fingerprint(tiny_lm):
    prompts = [Prompt(), PROMPTS["tag"]]
    teachers = [
        Teacher(tiny_lm, truncation="windows", prompt=prompts, **settings)
        for settings in ({}, {"max_windows": 3}, {"content_free": ("-",)})
    ]
    assert len({teacher.fingerprint for teacher in teachers}) == 3
    for teacher in teachers:
        assert Teacher.from_description(teacher.description).fingerprint == teacher.fingerprint


def test_the_language_model_is_opened_once_for_all_settings(tiny_lm, texts, loads):
    teacher = Teacher(tiny_lm, beam_width=4, dtype="float32")
    hidden = teacher.hidden_only.read(texts, WORDS).hidden
    np.testing.assert_allclose(hidden, teacher.read(texts, WORDS).hidden, atol=2e-3)
    teacher.with_prompts(PROMPTS["tag"]).with_settings(max_tokens=9).read(texts, WORDS)
    assert loads == [tiny_lm]
    teacher.close()
    teacher.hidden_only.read(texts, WORDS)
    assert loads == [tiny_lm] * 2


def test_a_pickled_teacher_leaves_the_language_model_out(tiny_lm, texts):
    teacher = Teacher(tiny_lm, beam_width=4, dtype="float32")
    closed = len(pickle.dumps(teacher))
    read = teacher.read(texts, WORDS)
    teacher.hidden_only.open()
    data = pickle.dumps(teacher)
    assert len(data) < 2 * closed
    np.testing.assert_array_equal(pickle.loads(data).read(texts, WORDS).log_probs, read.log_probs)


def test_threads_read_what_one_reads(tiny_lm, texts, loads):
    expected = Teacher(tiny_lm, beam_width=4, dtype="float32").read(texts, WORDS)
    loads.clear()
    teacher = Teacher(tiny_lm, beam_width=4, dtype="float32")
    together = threading.Barrier(4)

    def read(own: Teacher):
        together.wait()
        return [own.read(texts, WORDS) for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(read, [teacher, teacher, teacher.with_prompts(*teacher.prompts), teacher.hidden_only]))
    assert loads == [tiny_lm]
    for place, outputs in enumerate(runs):
        for output in outputs:
            np.testing.assert_array_equal(output.hidden, expected.hidden)
            if place < 3:
                np.testing.assert_array_equal(output.log_probs, expected.log_probs)


def read_hidden(teacher: Teacher, texts: list[str]) -> np.ndarray:
    return teacher.read(texts, WORDS).hidden


def test_spawned_workers_read_what_one_reads(tiny_lm, texts):
    teacher = Teacher(tiny_lm, dtype="float32")
    expected = read_hidden(teacher, texts)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(read_hidden, (teacher, texts))
    np.testing.assert_allclose(found, expected, atol=2e-3)


# In a process of its own, in which torch has started threads; it forks while another thread opens or reads.
FORKING = """
import os, sys, threading, time
import numpy as np, torch
from softtopic.data.vocabulary import Vocabulary
from softtopic.teacher import shared_model
from softtopic.teacher.local import Teacher

torch.set_num_threads(2)
words, texts = Vocabulary(("database", "space")), ["a text", "another text", "a third one"]
teacher = Teacher(sys.argv[1], beam_width=2, dtype="float32")
expected = teacher.read(texts, words).hidden
(torch.ones(900, 900) @ torch.ones(900, 900)).softmax(1)
load = shared_model.load_language_model

for when in ("open", "closed", "opening", "reading"):
    begun, going = threading.Event(), threading.Event()
    def pause():
        begun.set()
        assert going.wait(60)
    def slow(*options):
        pause()
        return load(*options)
    if when in ("closed", "opening"):
        teacher.close()
    if when == "opening":
        shared_model.load_language_model = slow
        threading.Thread(target=teacher.open).start()
        begun.wait()
    if when == "reading":
        threading.Thread(target=teacher.read, args=(texts, words, lambda _: pause())).start()
        begun.wait()
    child = os.fork()
    if not child:
        shared_model.load_language_model = load
        np.testing.assert_allclose(teacher.read(texts, words).hidden, expected, atol=2e-3)
        os._exit(0)
    done = 0
    for _ in range(1200):
        done, code = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
    shared_model.load_language_model = load
    going.set()
    assert done and not code, f"{when}: the child hangs or failed"
    np.testing.assert_array_equal(teacher.read(texts, words).hidden, expected)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_worker_reads_what_its_parent_reads(tiny_lm):
    done = subprocess.run([sys.executable, "-c", FORKING, tiny_lm], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
