"""Pieces are mixed, prompts averaged, whatever comes first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from softtopic.teacher.pooling import Pool


def answers(rng, shape):
    return log_softmax(rng.normal(size=shape).astype(np.float32) * 3, axis=-1)


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
    found = pool.output(np.float32)
    for document in range(len(counts)):
        own = owners == document
        mixed = np.log(np.exp(labels[:, own].astype(float)).mean(axis=1))
        expected = log_softmax(mixed.mean(axis=0))
        np.testing.assert_allclose(found.log_probs[document], expected, atol=0.02)
        np.testing.assert_allclose(found.hidden[document], states[:, own].mean(axis=(0, 1)), atol=1e-5)


def test_a_word_of_one_piece_alone_is_kept():
    pool = Pool(np.array([0, 0]), (1, 3, 1))
    pool.add(0, [0, 1], np.log(np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01]], np.float32)), np.zeros((2, 1)))
    found = np.exp(pool.output(np.float16).log_probs[0].astype(float))
    np.testing.assert_allclose(found, [0.495, 0.495, 0.01], atol=1e-3)


def test_no_documents():
    found = Pool(np.array([], dtype=np.int64), (2, 5, 3)).output(np.float16)
    assert found.log_probs.shape == (0, 5)
    assert found.hidden.shape == (0, 3)
