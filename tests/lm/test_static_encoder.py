import pickle
from dataclasses import replace

import numpy as np
import pytest

from softtopic.errors import InputError
from softtopic.lm.config import StaticEncoderConfig
from softtopic.lm.distillation import distill, principal_components
from softtopic.lm.encoder import SentenceEncoder
from softtopic.lm.static_encoder import StaticEncoder, token_counts

CONFIG = StaticEncoderConfig(n_components=8, batch_size=4, n_batches=30)
ROWS = np.arange(0, 12, 2)


@pytest.fixture(scope="module")
def encoder(tiny_encoder) -> SentenceEncoder:
    return SentenceEncoder(tiny_encoder, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def static(encoder, texts) -> StaticEncoder:
    return distill(encoder, texts, ROWS, encoder(texts)[ROWS], CONFIG, seed=0)


def test_tokens_are_encoded_alone(encoder):
    numbers = encoder._open()[1].convert_tokens_to_ids(["orbit", "bread"])
    vectors = encoder.encode_tokens(numbers)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, encoder(["orbit", "bread"]), atol=1e-5)


def test_a_static_encoder_gives_the_directions_it_was_trained_on(encoder, static, texts):
    goal = principal_components(encoder(texts)[ROWS], 8)
    vectors = static(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    untrained = distill(encoder, texts, ROWS, encoder(texts)[ROWS], replace(CONFIG, n_batches=0), seed=0)
    cosines = [(one(texts)[ROWS] * goal).sum(axis=1).mean() for one in (static, untrained)]
    assert cosines[0] > cosines[1]
    assert cosines[0] > 0.8


def test_a_static_vector_depends_on_its_own_text_alone(static, texts):
    mixed = [*texts, "orbit " * 400, "", "words unheard of", "\ud800 orbit"]
    alone = np.vstack([static([text]) for text in mixed])
    np.testing.assert_array_equal(alone, static(mixed))
    assert static([]).shape == (0, 8)
    # An unknown word is a token too, which did not occur.
    np.testing.assert_array_equal(static(["", "unheard"]), 0)


def test_what_stands_past_the_last_token_does_not_count(encoder, texts):
    static = distill(encoder, texts, ROWS, encoder(texts)[ROWS], replace(CONFIG, max_tokens=3), seed=0)
    np.testing.assert_array_equal(static([texts[0]]), static([f"{texts[0]} orbit orbit orbit"]))


def test_equal_documents_give_equal_encoders(encoder, static, texts):
    again = distill(encoder, texts, ROWS, encoder(texts)[ROWS], CONFIG, seed=0)
    np.testing.assert_array_equal(again.vectors, static.vectors)
    assert again.tokenizer == static.tokenizer


def test_targets_may_be_of_any_width(encoder, texts):
    vectors = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float16)
    assert distill(encoder, texts, ROWS, vectors, CONFIG, seed=0).width == 5


def test_a_static_encoder_can_be_pickled(static, texts):
    static(texts[:1])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(static))(texts), static(texts))


def test_tokens_are_counted(static):
    counts = token_counts(static._tokenizer, ["orbit orbit bread", ""])
    assert sorted(counts[0].data.tolist()) == [1, 2]
    assert counts.shape == (2, static._n_tokens)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tokens": np.array([1, 2], dtype=np.int32)}, "expected a vector for each"),
        ({"tokens": np.array([2, 1, 3], dtype=np.int32)}, "not ascending"),
        ({"tokens": np.array([1, 2, 99999], dtype=np.int32)}, "not ascending numbers below"),
        ({"tokenizer": "{}"}, "cannot be read"),
    ],
)
def test_parts_that_do_not_fit_are_refused(static, changes, said):
    parts = {"tokens": static.tokens[:3], "vectors": static.vectors[:3], "tokenizer": static.tokenizer}
    with pytest.raises(InputError, match=said):
        StaticEncoder(**parts | changes)
