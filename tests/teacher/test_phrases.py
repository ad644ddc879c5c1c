"""Phrases decoded from several documents, against the model's own forward over whole prompts."""

from dataclasses import replace

import pytest
import torch

from softtopic.lm.loading import load_language_model
from softtopic.teacher.calibration import CONTENT_FREE
from softtopic.teacher.config import NamingConfig
from softtopic.teacher.local import Teacher
from softtopic.teacher.naming import PROMPT, Spelling, decode_phrases, topic_batches

# A tiny model with random weights finds no end likely.
ANY_END = NamingConfig(end_log_probability=-100.0)
CONFIG = replace(ANY_END, phrase_tokens=3, beam_width=2)
DATA, SPACE, FOOD = (0, 5, 10), (1, 6, 11), (2, 7)


@pytest.fixture(scope="module")
def teacher(tiny_lm):
    return Teacher(tiny_lm, dtype="float32", device="cpu")


@torch.inference_mode()
def pooled(lm, texts, tokens):
    """Log probabilities of the next token by the mean of the logits after whole prompts, and after these tokens."""
    rows = [[*lm.tokenizer(PROMPT.render(text), add_special_tokens=False)["input_ids"], *tokens] for text in texts]
    logits = torch.stack([lm.model(torch.tensor([row])).logits[0, -1] for row in rows])
    return logits.mean(dim=0).log_softmax(dim=0)


def contrastive(lm, own, others, tokens, ends):
    """Score of a phrase for documents against others, per token, with its end."""
    total = 0.0
    for place in range(len(tokens) + 1):
        ensemble, contrast = (pooled(lm, texts, tokens[:place]) for texts in (own, others))
        if place < len(tokens):
            total += float(ensemble[tokens[place]] - CONFIG.contrast * contrast[tokens[place]])
        else:
            total += float(ensemble[ends].logsumexp(0) - CONFIG.contrast * contrast[ends].logsumexp(0))
    return total / (len(tokens) + 1)


@pytest.mark.parametrize("which", ["tiny_lm", pytest.param("embedded_lm", marks=pytest.mark.slow)])
def test_scores_are_those_of_whole_prompts(which, request, texts):
    name = request.getfixturevalue(which)
    lm = load_language_model(name, torch.device("cpu"), torch.float32)
    topics = [[texts[row] for row in rows] for rows in (DATA, SPACE)]
    found = decode_phrases(Teacher(name, dtype="float32", device="cpu"), topics, CONFIG)
    ends = Spelling.of(lm.tokenizer, lm.model.config.vocab_size, torch.device("cpu")).ends
    for own, others, phrases in zip(topics, topics[::-1], found, strict=True):
        assert phrases
        for phrase in phrases:
            tokens = lm.tokenizer(f" {phrase.text}", add_special_tokens=False)["input_ids"]
            # The same text may have been spelled with other tokens.
            if lm.tokenizer.decode(tokens).strip() == phrase.text and len(tokens) <= CONFIG.phrase_tokens:
                assert phrase.score >= contrastive(lm, own, others, tokens, ends) - 2e-3
    best = found[0][0]
    tokens = lm.tokenizer(f" {best.text}", add_special_tokens=False)["input_ids"]
    assert best.score == pytest.approx(contrastive(lm, topics[0], topics[1], tokens, ends), abs=5e-3)


def test_a_single_topic_has_inputs_without_content_as_its_contrast(teacher, tiny_lm, texts):
    lm = load_language_model(tiny_lm, torch.device("cpu"), torch.float32)
    own = [texts[row] for row in DATA]
    (found,) = decode_phrases(teacher, [own], CONFIG)
    ends = Spelling.of(lm.tokenizer, lm.model.config.vocab_size, torch.device("cpu")).ends
    tokens = lm.tokenizer(f" {found[0].text}", add_special_tokens=False)["input_ids"]
    assert found[0].score == pytest.approx(contrastive(lm, own, CONTENT_FREE, tokens, ends), abs=5e-3)


def test_phrases_are_short_and_on_one_line(teacher, texts):
    topics = [[texts[row] for row in rows] for rows in (DATA, SPACE, FOOD)]
    for phrases in decode_phrases(teacher, topics, replace(ANY_END, max_words=2)):
        assert len({phrase.text.casefold() for phrase in phrases}) == len(phrases) > 0
        assert all(len(phrase.text.split()) <= 2 and phrase.text.isprintable() for phrase in phrases)
        assert [phrase.score for phrase in phrases] == sorted((phrase.score for phrase in phrases), reverse=True)


def test_a_phrase_that_hardly_ends_is_none(teacher, texts):
    topics = [[texts[row] for row in rows] for rows in (DATA, SPACE)]
    assert decode_phrases(teacher, topics, replace(CONFIG, end_log_probability=0.0)) == [[], []]


def test_decoding_is_deterministic(teacher, texts):
    topics = [[texts[row] for row in rows] for rows in (DATA, SPACE, FOOD)]
    assert decode_phrases(teacher, topics, CONFIG) == decode_phrases(teacher, topics, CONFIG)


def test_batches_hold_every_topic_once_and_never_one_alone():
    for sizes in ([10], [3000, 3000], [3000] * 7, [100] * 50):
        batches = topic_batches(sizes)
        assert sorted(topic for batch in batches for topic in batch) == list(range(len(sizes)))
        assert len(sizes) == 1 or min(map(len, batches)) > 1


@pytest.mark.slow
def test_names_by_the_embedded_language_model(embedded_lm, texts):
    topics = [[texts[row] for row in rows] for rows in (DATA, SPACE)]
    first, second = decode_phrases(Teacher(embedded_lm), topics, NamingConfig())
    # Which of several good phrases come first depends on rounding: most of them are about the topic.
    words_of_topics = (("sql",), ("space", "orbit", "rocket", "astronaut"))
    for phrases, words in zip((first, second), words_of_topics, strict=True):
        assert sum(any(word in phrase.text.lower() for word in words) for phrase in phrases[:5]) >= 3
