"""Whole-word scores against brute force: every spelling of every word, token by token, in full forward passes."""

import numpy as np
import pytest
import torch

from softtopic.teacher.model import Teacher
from softtopic.teacher.tree import WordTree, word_ends
from softtopic.vocabulary import Vocabulary

WORDS = (
    "sub", "subquery", "subdomain", "query", "sql", "rocket", "rockets", "orbit", "kubernetes", "bread", "sourdough",
    "tax", "taxes", "photo", "photos", "photography",
)  # fmt: skip


def brute_force(teacher: Teacher, text: str, words) -> np.ndarray:
    """log P(word) over the vocabulary, from the definition and the model's own forward alone."""
    loaded = Teacher(teacher.lm, dtype="float32")._language_model
    model, tokenizer = loaded.model, loaded.tokenizer
    prompt = tokenizer(teacher.prompt.render(text))["input_ids"]
    size = model.get_output_embeddings().weight.shape[0]
    ends = torch.tensor(word_ends(tokenizer, size))
    tree = WordTree.build(tokenizer, words)
    found = np.zeros(len(words))
    for path, word in zip(tree.paths, tree.words, strict=True):
        if word < 0:
            continue
        logits = model(torch.tensor([[*prompt, *path]])).logits[0].double().log_softmax(dim=1)
        chain = sum(float(logits[len(prompt) - 1 + place, token]) for place, token in enumerate(path))
        found[word] += np.exp(chain + float(logits[-1, ends].logsumexp(dim=0)))
    return np.log(found) - np.log(found.sum())


@torch.inference_mode()
@pytest.mark.parametrize("which", ["embedded_lm", "tiny_lm"])
def test_whole_words_are_what_brute_force_says(which, request, texts):
    teacher = Teacher(request.getfixturevalue(which), dtype="float32", branches=10**6)
    found = teacher.read(texts[:3], Vocabulary(WORDS)).log_probs.astype(np.float64)
    for text, row in zip(texts[:3], found, strict=True):
        # Stored in float16: a log probability of 10 is off by up to .004.
        np.testing.assert_allclose(row, brute_force(teacher, text, WORDS), atol=1e-3, rtol=5e-4)


@torch.inference_mode()
def test_the_beginning_of_a_word_is_not_the_word(embedded_lm):
    """After "sub" the model may go on with "query"; that is no "sub"."""
    words = Vocabulary(("sub", "subquery", "subdomain"))
    text = "How can I use a subquery inside another SELECT in SQL?"
    exact = Teacher(embedded_lm, branches=4).read([text], words).log_probs[0]
    first = Teacher(embedded_lm).read([text], words).log_probs[0]
    assert np.ptp(first) == 0  # the published scoring cannot tell them apart
    assert exact.argmax() == 1


@torch.inference_mode()
def test_few_branches_keep_the_followed_words_in_proportion(embedded_lm, texts):
    words = Vocabulary(WORDS)
    few, many = (
        Teacher(embedded_lm, dtype="float32", branches=n).read(texts, words).log_probs.astype(float) for n in (2, 10**6)
    )
    for one, other in zip(few, many, strict=True):
        best = np.argsort(-other)[:2]
        assert set(best) <= set(np.argsort(-one)[:4])
        np.testing.assert_allclose(np.exp(one).sum(), 1, atol=5e-3)


def test_every_spelling_is_in_the_tree(embedded_lm):
    tokenizer = Teacher(embedded_lm)._language_model.tokenizer
    tree = WordTree.build(tokenizer, WORDS)
    spelled = {tokenizer.decode(path) for path, word in zip(tree.paths, tree.words, strict=True) if word >= 0}
    assert {" sub", " Sub", " SUB", "sub", " Kubernetes", " KUBERNETES"} <= spelled
    assert len(spelled) == 4 * len(WORDS)
    for node, path in enumerate(tree.paths):
        first, count = tree.children[node]
        below = tree.paths[first : first + count]
        assert all(child[:-1] == path for child in below)
        assert count == sum(other[:-1] == path for other in tree.paths)
        assert tree.parents[node] == (tree.paths.index(path[:-1]) if len(path) > 1 else -1)


def test_a_word_ends_before_space_and_punctuation(embedded_lm):
    loaded = Teacher(embedded_lm)._language_model
    tokenizer = loaded.tokenizer
    ends = set(word_ends(tokenizer, len(tokenizer)))
    over = {" the": True, "\n": True, ".": True, "-": True, "ing": False, "2": False, "é": False}
    for text, ended in over.items():
        token = tokenizer(text, add_special_tokens=False)["input_ids"][0]
        assert (token in ends) is ended, text
    assert tokenizer.eos_token_id in ends
    # The fast way says what decoding every token says.
    anchor = tokenizer(":", add_special_tokens=False)["input_ids"][-1]
    for token in set(range(0, len(tokenizer), 97)) - set(tokenizer.all_special_ids):
        text = tokenizer.decode([anchor, token])[1:]
        continues = text[:1].isalnum() or text[:1] in ("_", "\ufffd")
        assert (token in ends) is not continues, text
