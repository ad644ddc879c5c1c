"""Rationales, several prompts and chunks, against the model's own forward over whole prompts of one document."""

import numpy as np
import pytest
import torch

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.lm.loading import load_language_model
from softtopic.lm.tokens import continuation_tokens
from softtopic.teacher import session as session_module
from softtopic.teacher.calibration import CONTENT_FREE
from softtopic.teacher.chunking import MAX_WINDOWS, check_truncation, shorten_text, split_tokens, truncation_for
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompt_groups import rationale_stop_tokens
from softtopic.teacher.prompts import Prompt

WORDS = Vocabulary(("database", "sql", "space", "cooking", "politics", "music"))
SETTINGS = {"dtype": "float32", "device": "cpu"}


def loaded(lm: str):
    return load_language_model(lm, torch.device("cpu"), torch.float32)


def forward(lm, ids):
    out = lm.model(torch.tensor([ids]), output_hidden_states=True)
    return out.logits[0, -1], out.hidden_states[-1][0, -1]


@torch.inference_mode()
def generated(lm, prompt: Prompt, text: str) -> tuple[list[int], torch.Tensor]:
    """The rationale, token by token, and the last state of the whole prompt with it."""
    encode = lambda part: lm.tokenizer(part, add_special_tokens=False)["input_ids"]  # noqa: E731
    stops = set(rationale_stop_tokens(lm.tokenizer, lm.model.get_output_embeddings().weight.shape[0]))
    ids, rationale = encode(f"{prompt.prefix} {text}{prompt.cue}"), []
    while len(rationale) < prompt.rationale_tokens:
        token = int(forward(lm, ids + rationale)[0].argmax())
        if token in stops:
            break
        rationale.append(token)
    return rationale, forward(lm, ids + rationale + encode(prompt.suffix))[1]


@pytest.mark.parametrize("beam_width", [0, 4])
@pytest.mark.parametrize("which", ["tiny_lm", pytest.param("embedded_lm", marks=pytest.mark.slow)])
def test_rationales_are_what_the_model_generates_by_itself(which, request, texts, beam_width):
    lm = request.getfixturevalue(which)
    prompt, own = Prompt(rationale="Keywords:", rationale_tokens=6), loaded(lm)
    found = Teacher(lm, prompt=prompt, beam_width=beam_width, **SETTINGS).read(texts[:2], WORDS)
    rationales, expected = zip(*(generated(own, prompt, text) for text in texts[:2]), strict=True)
    assert len({len(rationale) for rationale in rationales}) > 1 or len(rationales[0]) == 6
    np.testing.assert_allclose(found.hidden, torch.stack(expected).numpy(), atol=0.05, rtol=1e-2)


@pytest.mark.slow
def test_a_rationale_ends_at_a_line_break(embedded_lm, texts):
    """With more tokens than a line has, only the line counts."""
    own = loaded(embedded_lm)
    prompts = [Prompt(rationale="Title:", rationale_tokens=count) for count in (24, 30)]
    assert all(len(generated(own, prompts[0], text)[0]) < 24 for text in texts[:2])
    short, long = (Teacher(embedded_lm, prompt=prompt, **SETTINGS).read(texts[:2], WORDS) for prompt in prompts)
    np.testing.assert_allclose(short.hidden, long.hidden, atol=1e-2)


@pytest.mark.parametrize("document_first", [True, False])
@pytest.mark.parametrize("beam_width", [0, 4])
def test_several_prompts_are_mixed(tiny_lm, texts, document_first, beam_width):
    prompts = [
        Prompt(document_first=document_first),
        Prompt("Name it.", document_first=document_first),
        Prompt("Say it.", rationale="Keywords:", rationale_tokens=3, document_first=document_first),
    ]
    teacher = Teacher(tiny_lm, prompt=prompts, beam_width=beam_width, **SETTINGS)
    with teacher.session() as session:
        assert len(session.groups) == (1 if document_first else 3)
    found = teacher.read(texts, WORDS)
    if beam_width:
        # Words not followed have the proportions they have after the first prompt.
        assert np.isfinite(found.log_probs).all()
        return
    alone = [Teacher(tiny_lm, prompt=prompt, **SETTINGS) for prompt in prompts]
    each = [teacher.read(texts, WORDS) for teacher in alone]
    priors = [teacher.read(CONTENT_FREE, WORDS).log_probs.astype(float).mean(axis=0) for teacher in alone]
    said = [np.exp(one.log_probs - prior) for one, prior in zip(each, priors, strict=True)]
    mixed = np.mean([part / part.sum(axis=1, keepdims=True) for part in said], axis=0) * np.exp(np.mean(priors, axis=0))
    np.testing.assert_allclose(found.log_probs, np.log(mixed / mixed.sum(axis=1, keepdims=True)), atol=0.02)
    np.testing.assert_allclose(found.hidden, np.mean([one.hidden for one in each], axis=0), atol=0.05, rtol=1e-2)


def test_priors_are_estimated_anew_for_other_words(tiny_lm, texts):
    prompts, other = [Prompt(), Prompt("Name it.")], Vocabulary(tuple(reversed(WORDS.words)))
    teacher = Teacher(tiny_lm, prompt=prompts, **SETTINGS)
    first, second = (teacher.read(texts, words).log_probs for words in (WORDS, other))
    np.testing.assert_allclose(second, first[:, ::-1], atol=0.02)


def test_windows_are_mixed(tiny_lm, texts):
    long = " ".join(texts)
    teacher = Teacher(tiny_lm, max_tokens=20, truncation="windows", **SETTINGS)
    found = teacher.read([long, texts[0]], WORDS)
    with teacher.session() as session:
        (tokens,) = session.tokenize([long])
        chunks = split_tokens(tokens, 20, "windows")
        assert len(chunks) > 2
        (group,) = session.groups
        ends = [next(group.read([chunk], 0)) for chunk in chunks]
        labels = torch.cat([session.scorer(WORDS)(group.reader, end) for end in ends])
    states = torch.cat([end.states for end in ends])
    np.testing.assert_allclose(found.hidden[0], states.mean(dim=0), atol=2e-3, rtol=1e-2)
    np.testing.assert_allclose(np.exp(found.log_probs[0].astype(float)), labels.exp().mean(dim=0), atol=2e-3)
    alone = Teacher(tiny_lm, **SETTINGS).read([texts[0]], WORDS)
    np.testing.assert_array_equal(found.hidden[1], alone.hidden[0])
    np.testing.assert_array_equal(found.log_probs[1], alone.log_probs[0])
    counted = []
    teacher.read([long, texts[0]], WORDS, counted.append)
    assert sum(counted) == 2


@pytest.mark.parametrize(("truncation", "length"), [("head", 9), ("head-tail", 9), ("windows", 9), ("windows", 500)])
def test_chunks(truncation, length):
    size, gap = 7, [-1]
    found = split_tokens(range(length), size, truncation, gap)
    assert all(0 < len(chunk) <= size for chunk in found)
    assert found[0][0] == 0
    match truncation:
        case "head":
            assert found == [list(range(7))]
        case "head-tail":
            assert found == [[0, 1, 2, -1, 6, 7, 8]]
        case "windows":
            assert found[-1][-1] == length - 1
            assert len(found) == min(MAX_WINDOWS, -(-length // size))
            assert length > size * MAX_WINDOWS or {token for chunk in found for token in chunk} == set(range(length))
    assert split_tokens(range(7), size, truncation, gap) == [list(range(7))]


def test_fewer_windows():
    assert split_tokens(range(100), 7, "windows-3", [-1]) == [list(range(7)), list(range(46, 53)), list(range(93, 100))]
    assert split_tokens(range(9), 7, "windows-3", [-1]) == split_tokens(range(9), 7, "windows", [-1])
    assert len(split_tokens(range(100), 7, "windows", max_windows=5)) == 5
    assert truncation_for(5, max_windows=5) == "windows"
    assert [truncation_for(count) for count in (0, 1, 2, 7, 8, 99)] == [
        "head",
        "head",
        "windows-2",
        "windows-7",
        *2 * ["windows"],
    ]
    for truncation in ("windows-0", "windows-", "head-2", "windows--2", "Windows"):
        with pytest.raises(InputError, match="windows-2 for two"):
            check_truncation(truncation)


def test_of_a_very_long_text_only_some_is_tokenised():
    text = "".join(map(chr, range(1000, 1100)))
    assert shorten_text(text, 50, "head-tail") == shorten_text(text, 13, "windows") == text
    assert shorten_text(text, 10, "head-tail") == f"{text[:10]} {text[-10:]}"
    assert shorten_text(text, 10, "windows-3") == f"{text[:10]} {text[45:55]} {text[-10:]}"


def test_a_very_long_document_is_tokenised_in_part_and_read_like_others(tiny_lm, monkeypatch):
    teacher = Teacher(tiny_lm, max_tokens=8, truncation="windows", dtype="float32")
    long, seen = " ".join(f"word{place}" for place in range(10_000)), []

    def tokens(tokenizer, texts):
        seen.extend(map(len, texts))
        return continuation_tokens(tokenizer, texts)

    monkeypatch.setattr(session_module, "continuation_tokens", tokens)
    row, short = teacher.token_ids([long, "short"])
    assert len(short) < len(row) <= MAX_WINDOWS * 16
    assert max(seen) <= MAX_WINDOWS * (16 * 8 + 1)
    together, alone = (teacher.read(texts, WORDS).hidden[0] for texts in ([long, "short"], [long]))
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_wrong_settings(tiny_lm):
    with pytest.raises(InputError, match="head-tail"):
        Teacher(tiny_lm, truncation="tail")
    with pytest.raises(InputError, match="at least one"):
        Teacher(tiny_lm, prompt=[])
    with pytest.raises(InputError, match="max_windows is 0"):
        Teacher(tiny_lm, max_windows=0)
    with pytest.raises(InputError, match="beam_width is -1"):
        Teacher(tiny_lm, beam_width=-1)
