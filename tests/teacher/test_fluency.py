"""Whether a language model can write a language: the likelihood of translations."""

import pytest
import torch

from softtopic.lm.loading import load_language_model
from softtopic.teacher.fluency import MAX_INFORMATION_RATIO, can_write, information_ratio
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompt_texts import TEXTS


@torch.inference_mode()
def information(lm, language):
    """Negative log likelihood of all texts of a language by the model's own forward."""
    total = 0.0
    begin = lm.tokenizer(":", add_special_tokens=False)["input_ids"]
    for text in TEXTS[language].texts:
        own = lm.tokenizer(f": {text}", add_special_tokens=False)["input_ids"][len(begin) :]
        logits = lm.model(torch.tensor([begin + own])).logits[0].log_softmax(dim=1)
        total -= float(logits[len(begin) - 1 : -1].gather(1, torch.tensor(own)[:, None]).sum())
    return total


def test_the_ratio_is_that_of_whole_texts(tiny_lm):
    lm = load_language_model(tiny_lm, torch.device("cpu"), torch.float32)
    teacher = Teacher(tiny_lm, dtype="float32", device="cpu")
    for language in ("de", "zh"):
        expected = information(lm, language) / information(lm, "en")
        assert information_ratio(teacher, language) == pytest.approx(expected, rel=1e-3)
    # A random model says the less of a text the longer it is.
    assert not can_write(teacher, "zh")
    assert can_write(teacher, "en")
    assert can_write(teacher, "pl")  # nothing to measure it by


def test_the_embedded_language_model_writes_english(embedded_lm):
    teacher = Teacher(embedded_lm)
    assert [language for language in TEXTS if can_write(teacher, language)] == ["en"]


@pytest.mark.slow
def test_that_is_what_its_likelihoods_say(embedded_lm):
    assert information_ratio(Teacher(embedded_lm), "fr") > MAX_INFORMATION_RATIO
