"""Chunks and prompts are mixed, in any order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from softtopic.teacher.calibration import Calibration
from softtopic.teacher.pooling import Pool


def calibrations(priors):
    return [Calibration(prior.astype(np.float32), "content-free") for prior in priors]


def answers(rng, shape):
    return log_softmax(rng.normal(size=shape).astype(np.float32) * 3, axis=-1)


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(1, 3), st.integers(0, 99))
def test_labels_and_states_of_documents(counts, prompts, seed):
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(len(counts)), counts)
    labels = answers(rng, (prompts, len(owners), 5))
    states = rng.normal(size=(prompts, len(owners), 3)).astype(np.float32)
    pool = Pool(owners, (prompts, 5, 3))
    for prompt in rng.permutation(prompts):
        for batch in np.array_split(rng.permutation(len(owners)), 2):
            pool.add(int(prompt), batch.tolist(), labels[prompt][batch], states[prompt][batch])
    priors = answers(rng, (prompts, 5))
    found = pool.output(np.float32, calibrations(priors) if prompts > 1 else ())
    for document in range(len(counts)):
        own = owners == document
        mixed = np.exp(labels[:, own].astype(float)).mean(axis=1)
        quotients = mixed / np.exp(priors)
        quotients /= quotients.sum(axis=1, keepdims=True)
        together = quotients.mean(axis=0) * np.exp(priors.mean(axis=0))
        expected = np.log(together / together.sum()) if prompts > 1 else np.log(mixed[0])
        np.testing.assert_allclose(found.log_probs[document], expected, atol=0.02)
        np.testing.assert_allclose(found.hidden[document], states[:, own].mean(axis=(0, 1)), atol=1e-5)


def test_a_word_of_one_chunk_alone_is_cached():
    pool = Pool(np.array([0, 0]), (1, 3, 1))
    pool.add(0, [0, 1], np.log(np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01]], np.float32)), np.zeros((2, 1)))
    found = np.exp(pool.output(np.float16).log_probs[0].astype(float))
    np.testing.assert_allclose(found, [0.495, 0.495, 0.01], atol=1e-3)


def test_no_documents():
    found = Pool(np.array([], dtype=np.int64), (2, 5, 3)).output(np.float16)
    assert found.log_probs.shape == (0, 5)
    assert found.hidden.shape == (0, 3)


def test_a_word_that_a_prompt_makes_likely_is_no_answer():
    """The first prompt likes the first word whatever is read, the second has no such habit and hears the last."""
    habit, document = np.log([[0.8, 0.1, 0.1], [0.3, 0.4, 0.3]]), np.log([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
    pool = Pool(np.array([0]), (2, 3, 1))
    for prompt, said in enumerate(document.astype(np.float32)):
        pool.add(prompt, [0], said[None], np.zeros((1, 1), np.float32))
    found = pool.output(np.float16, calibrations(habit)).log_probs[0] - habit.mean(axis=0)
    # Of the first a third each; of the second 1/3 : 1/4 : 8/3. Mixed as they are they would say .23, .12, .65.
    np.testing.assert_allclose(softmax(found), [0.218, 0.205, 0.577], atol=2e-3)


def test_what_is_all_but_impossible_stays_a_number():
    said = np.array([[-0.0, -300.0, -650.0]], np.float32)
    pool = Pool(np.array([0]), (2, 3, 1))
    for prompt in range(2):
        pool.add(prompt, [0], said, np.zeros((1, 1), np.float32))
    found = pool.output(np.float16, calibrations(np.full((2, 3), -np.log(3))))
    np.testing.assert_allclose(found.log_probs, said, rtol=1e-3)


def test_calibrations_are_of_what_is_collected():
    rng = np.random.default_rng(0)
    labels, pool = answers(rng, (2, 4, 5)), Pool(np.arange(4), (2, 5, 1))
    for prompt in range(2):
        pool.add(prompt, [0, 1, 2, 3], labels[prompt], np.zeros((4, 1), np.float32))
    np.testing.assert_allclose([each.prior for each in pool.calibrations], labels.mean(axis=1), atol=1e-3)
