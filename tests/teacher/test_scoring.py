"""Whole-word scores against brute force: every spelling of every word, token by token, in full forward passes."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from softtopic.data.datasets import FILES, load
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import LanguageModelError
from softtopic.lm.loading import load_language_model
from softtopic.teacher.local import Teacher
from softtopic.teacher.trie import WordTree, word_ends

DATA = Path(os.environ.get("SOFTTOPIC_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")

WORDS = (
    "sub", "subquery", "subdomain", "query", "sql", "rocket", "rockets", "orbit", "kubernetes", "bread", "sourdough",
    "tax", "taxes", "photo", "photos", "photography",
)  # fmt: skip


def brute_force(lm: str, rendered: str, words) -> np.ndarray:
    """log P(word) over the vocabulary, from the definition and the model's own forward alone."""
    loaded = load_language_model(lm, torch.device("cpu"), torch.float32)
    model, tokenizer = loaded.model, loaded.tokenizer
    prompt = tokenizer(rendered)["input_ids"]
    ends = torch.tensor(word_ends(tokenizer, model.get_output_embeddings().weight.shape[0]))
    found = np.zeros(len(words))
    for word, spelled in enumerate(words):
        for form in {f" {spelled}", f" {spelled.capitalize()}", f" {spelled.upper()}", spelled}:
            path = tokenizer(form, add_special_tokens=False)["input_ids"]
            logits = model(torch.tensor([[*prompt, *path]]), logits_to_keep=len(path) + 1).logits[0].double()
            steps = logits.log_softmax(dim=1)
            chain = steps[range(len(path)), path].sum() + steps[-1, ends].logsumexp(dim=0)
            found[word] += float(chain.exp())
    return np.log(found) - np.log(found.sum())


def check_against_brute_force(lm: str, texts) -> None:
    """In float32, before anything is rounded for storage."""
    teacher = Teacher(lm, dtype="float32", branches=10**6)
    teacher.open()
    (asking,) = teacher._askings
    documents = teacher._document_tokens(texts)
    scorer = teacher._scorer(Vocabulary(WORDS))
    for batch in asking.reader.batches([len(tokens) for tokens in documents], 300):
        (answer,) = asking([documents[document] for document in batch], scorer.room)
        found = scorer(asking.reader, answer).numpy()
        for row, document in zip(found, batch, strict=True):
            wanted = brute_force(lm, teacher.prompts[0].render(texts[document]), WORDS)
            np.testing.assert_allclose(row, wanted, atol=1e-3, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("which", ["embedded_lm", "tiny_lm"])
def test_whole_words_are_what_brute_force_says(which, request, texts):
    # The embedded model takes ten seconds a document; twenty of them are among the slow tests.
    check_against_brute_force(request.getfixturevalue(which), texts[:1] if which == "embedded_lm" else texts[:2])


@pytest.mark.slow
@torch.inference_mode()
def test_whole_words_of_twenty_real_documents_are_what_brute_force_says(embedded_lm):
    if not (DATA / FILES["stackoverflow"]).is_file():
        pytest.skip("needs the StackOverflow titles")
    check_against_brute_force(embedded_lm, load("stackoverflow", data_dir=DATA).texts[::1000])


@torch.inference_mode()
def test_the_beginning_of_a_word_is_not_the_word(embedded_lm):
    """After "sub" the model may go on with "query"; that is no "sub"."""
    words = Vocabulary(("sub", "subquery", "subdomain"))
    text = "How can I use a subquery inside another SELECT in SQL?"
    exact = Teacher(embedded_lm, branches=4).read([text], words).log_probs[0]
    first = Teacher(embedded_lm).read([text], words).log_probs[0]
    assert np.ptp(first) == 0  # the published scoring cannot tell them apart
    assert exact.argmax() == 1


@pytest.mark.slow
@torch.inference_mode()
def test_more_branches_come_nearer_to_the_truth(embedded_lm, texts):
    words = Vocabulary(WORDS)
    tried = {
        branches: Teacher(embedded_lm, dtype="float32", branches=branches).read(texts, words).log_probs.astype(float)
        for branches in (0, 1, 4, 16, 10**6)
    }
    truth = tried.pop(10**6)
    np.testing.assert_allclose(np.exp(truth).sum(axis=1), 1, atol=5e-3)
    # KL(truth ‖ tried) in nats, mean over documents.
    far = [float((np.exp(truth) * (truth - found)).sum(axis=1).mean()) for found in tried.values()]
    assert far[0] > far[1] > far[2] > far[3] >= 0
    assert far[3] < 0.05 * far[0]


@torch.inference_mode()
def test_tokens_followed_fit_into_the_context(tiny_lm):
    fits = Teacher(tiny_lm)
    fits.open()
    # A document of one token, taken off again.
    before = len(fits._askings[0].questions[0].prefix) + len(fits.rows(["a"])[0]) - 1
    room = fits._language_model.model.config.max_position_embeddings - before
    text = ["word " * 600]
    assert Teacher(tiny_lm, max_tokens=room - 2, branches=4).read(text, Vocabulary(WORDS)).log_probs.shape == (1, 16)
    with pytest.raises(LanguageModelError, match="smaller max_tokens"):
        Teacher(tiny_lm, max_tokens=room - 1, branches=4).open()


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
