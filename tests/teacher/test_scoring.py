"""Whole-word scores against brute force: every spelling of every word, token by token, in full forward passes."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from softtopic.data.datasets import FILES, load
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import LanguageModelError
from softtopic.lm.loading import load_language_model
from softtopic.teacher.local import Teacher
from softtopic.teacher.scoring import likely_forms
from softtopic.teacher.trie import WordTrie, spell, word_end_tokens

DATA = Path(os.environ.get("SOFTTOPIC_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")

WORDS = (
    "sub", "subquery", "subdomain", "query", "sql", "rocket", "rockets", "orbit", "kubernetes", "bread", "sourdough",
    "tax", "taxes", "photo", "photos", "photography",
)  # fmt: skip


def tokenizer_of(lm: str):
    return AutoTokenizer.from_pretrained(lm)


def brute_force(lm: str, rendered: str, words) -> np.ndarray:
    """log P(word) over the vocabulary, from the definition and the model's own forward alone."""
    loaded = load_language_model(lm, torch.device("cpu"), torch.float32)
    model, tokenizer = loaded.model, loaded.tokenizer
    prompt = tokenizer(rendered)["input_ids"]
    ends = torch.tensor(word_end_tokens(tokenizer, model.get_output_embeddings().weight.shape[0]))
    found = np.zeros(len(words))
    for word, spelled in enumerate(words):
        capitals = (
            {f" {spelled.upper()}"} if len(spelled) <= 5 else set()
        )  # longer words are not looked for in capitals
        for form in {f" {spelled}", f" {spelled.capitalize()}", spelled} | capitals:
            path = tokenizer(form, add_special_tokens=False)["input_ids"]
            logits = model(torch.tensor([[*prompt, *path]]), logits_to_keep=len(path) + 1).logits[0].double()
            steps = logits.log_softmax(dim=1)
            chain = steps[range(len(path)), path].sum() + steps[-1, ends].logsumexp(dim=0)
            found[word] += float(chain.exp())
    return np.log(found) - np.log(found.sum())


def check_against_brute_force(lm: str, texts, atol: float = 1e-3) -> None:
    """In float32, before anything is rounded for storage."""
    teacher = Teacher(lm, dtype="float32", beam_width=10**6)
    with teacher.session() as session:
        (group,) = session.groups
        documents = session.tokenize(texts)
        scorer = session.scorer(Vocabulary(WORDS))
        for batch in group.reader.batches([len(tokens) for tokens in documents], 300):
            (end,) = group.read([documents[document] for document in batch], scorer.n_followed)
            found = scorer(group.reader, end).numpy()
            for row, document in zip(found, batch, strict=True):
                expected = brute_force(lm, teacher.prompts[0].render(texts[document]), WORDS)
                np.testing.assert_allclose(row, expected, atol=atol, rtol=0)


@torch.inference_mode()
def test_whole_words_are_what_brute_force_says(tiny_lm, texts):
    # The embedded model takes ten seconds a document; some real ones are among the slow tests.
    check_against_brute_force(tiny_lm, texts[:2])


@pytest.mark.slow
@pytest.mark.timeout(900)
@torch.inference_mode()
def test_whole_words_of_real_documents_are_what_brute_force_says(embedded_lm):
    if not (DATA / FILES["stackoverflow"]).is_file():
        pytest.skip("needs the StackOverflow titles")
    # Words without a space before them are unlikely after its prompt, and left out.
    check_against_brute_force(embedded_lm, load("stackoverflow", data_dir=DATA).texts[::2500], atol=0.15)


@torch.inference_mode()
def test_the_beginning_of_a_word_is_not_the_word(embedded_lm):
    """After "sub" the model may go on with "query"; that is no "sub"."""
    words = Vocabulary(("sub", "subquery", "subdomain"))
    text = "How can I use a subquery inside another SELECT in SQL?"
    teacher = Teacher(embedded_lm, beam_width=4)
    exact, first = (one.read([text], words).log_probs[0] for one in (teacher, teacher.with_settings(beam_width=0)))
    assert np.ptp(first) == 0  # the published scoring cannot tell them apart
    assert exact.argmax() == 1


@pytest.mark.slow
@torch.inference_mode()
def test_a_wider_beam_comes_nearer_to_the_truth(embedded_lm, texts):
    words = Vocabulary(WORDS)
    tried = {
        beam_width: Teacher(embedded_lm, dtype="float32", beam_width=beam_width)
        .read(texts, words)
        .log_probs.astype(float)
        for beam_width in (0, 1, 4, 16, 10**6)
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
    with fits.session() as session:
        # A document of one token, taken off again.
        before = len(session.groups[0].prompts[0].prefix) + len(fits.token_ids(["a"])[0]) - 1
        room = session.model.context_length - before
    text = ["word " * 600]
    assert Teacher(tiny_lm, max_tokens=room - 2, beam_width=4).read(text, Vocabulary(WORDS)).log_probs.shape == (1, 16)
    with pytest.raises(LanguageModelError, match="smaller max_tokens"):
        Teacher(tiny_lm, max_tokens=room - 1, beam_width=4).open()


def test_every_spelling_is_in_the_trie(tiny_lm):
    tokenizer = tokenizer_of(tiny_lm)
    trie = WordTrie.build(spell(tokenizer, WORDS))
    spelled = {tokenizer.decode(path) for path, word in zip(trie.paths, trie.words, strict=True) if word >= 0}
    assert {" sub", " Sub", " SUB", "sub", " Kubernetes"} <= spelled
    # Long words are not looked for in capitals.
    assert " KUBERNETES" not in spelled
    assert len(spelled) == sum(4 if len(word) <= 5 else 3 for word in WORDS)
    for node, path in enumerate(trie.paths):
        first, count = trie.children[node]
        below = trie.paths[first : first + count]
        assert all(child[:-1] == path for child in below)
        assert count == sum(other[:-1] == path for other in trie.paths)
        assert trie.parents[node] == (trie.paths.index(path[:-1]) if len(path) > 1 else -1)


def test_a_word_end_tokens_before_space_and_punctuation(tiny_lm):
    tokenizer = tokenizer_of(tiny_lm)
    ends = set(word_end_tokens(tokenizer, len(tokenizer)))
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


def logits_of(*prompts):
    """Logits of tokens after each prompt."""
    return lambda tokens: torch.tensor(prompts)[:, tokens]


def test_unlikely_forms_of_spelling_are_left_out():
    forms = spaced, capitalised, _ = [(0,), (1, 4)], [(2,), (0, 4)], [(3,), (4,)]
    assert likely_forms(forms, logits_of([0.0, 1.0, 2.0, -6.0, -7.0])) == [spaced, capitalised]
    assert likely_forms(forms, logits_of([0.0] * 5)) == list(forms)  # none stands out


def test_a_form_likely_after_one_of_several_prompts_is_kept():
    forms = [[(0,)], [(1,)]]
    assert likely_forms(forms, logits_of([0.0, -9.0], [-9.0, 0.0])) == forms
    assert likely_forms(forms, logits_of([0.0, -9.0], [0.0, -9.0])) == forms[:1]
