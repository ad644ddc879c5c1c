import numpy as np
import pytest
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.lsa import LSA, tf_idf
from softtopic.inputs.registry import (
    INPUTS,
    Inputs,
    Sources,
    check_vectors,
    inputs_from_vectors,
    make_inputs,
    split_inputs,
    split_target,
)
from softtopic.lm.static_encoder import StaticEncoder

TEXTS = ["sql table sql", "bread and flour", "nothing of it"]
WORDS = Vocabulary(("sql", "table", "bread", "flour"))
VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)
COUNTS = csr_matrix([[2, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])


def static_encoder() -> StaticEncoder:
    words = {word: number for number, word in enumerate(("[UNK]", *WORDS.words))}
    tokenizer = Tokenizer(WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokens = np.array([1, 3], dtype=np.int32)
    return StaticEncoder(tokenizer=tokenizer.to_str(), tokens=tokens, vectors=np.eye(2, dtype=np.float16))


def made(inputs: str, texts=TEXTS) -> Inputs:
    hidden = VECTORS[: len(texts)]
    sources = Sources(
        texts=texts,
        vocabulary=WORDS,
        hidden=hidden,
        encode=lambda given: VECTORS[: len(given)] + 100,
        static=static_encoder(),
    )
    return make_inputs(inputs, sources)


def test_blocks_are_joined_in_the_order_named():
    joined = made("bow+embedding+hidden")
    assert joined.widths == {"bow": 4, "embedding": 2, "hidden": 2}
    expected = [[2, 1, 0, 0, 100, 101, 0, 1], [0, 0, 1, 1, 102, 103, 2, 3], [0, 0, 0, 0, 104, 105, 4, 5]]
    np.testing.assert_array_equal(joined.dense(), expected)
    np.testing.assert_array_equal(joined.dense(1, 3), expected[1:])
    assert joined.are_continuous.tolist() == [False] * 4 + [True] * 4
    assert len(joined) == 3
    np.testing.assert_array_equal(joined.at(np.array([2, 0])).dense(), np.array(expected)[[2, 0]])


def test_normalised_counts_sum_to_1():
    expected = [[2 / 3, 1 / 3, 0, 0], [0, 0, 0.5, 0.5], [0] * 4]
    np.testing.assert_allclose(made("normalised-bow").dense(), expected, rtol=1e-3)


def test_words_are_lsa_of_the_counts():
    found = made("words+embedding")
    assert found.widths == {"words": 2, "embedding": 2}
    assert found.are_continuous.all()
    expected = LSA.fit(COUNTS, 300, seed=0).transform(COUNTS)
    np.testing.assert_allclose(found.blocks["words"], expected, atol=1e-3)


def test_tf_idf_inputs_are_scaled_square_roots():
    found = made("tf-idf+embedding")
    assert found.widths == {"tf-idf": 4, "embedding": 2}
    np.testing.assert_array_equal(found.are_continuous, [False] * 4 + [True] * 2)
    np.testing.assert_allclose(found.dense()[:, :4], 5 * np.sqrt(tf_idf(COUNTS).toarray()), atol=2e-3)


def test_new_documents_use_the_lsa_of_a_fitted_model():
    lsa = LSA.fit(COUNTS, 2, seed=0)
    sources = Sources(texts=["sql flour"], vocabulary=WORDS, fitted_lsa=lsa)
    expected = lsa.transform(csr_matrix([[1, 0, 0, 1]])).astype(np.float16)
    np.testing.assert_array_equal(make_inputs("words", sources).dense(), expected)


def test_counts_beyond_float16_are_clipped():
    dense = made("bow", ["sql " * 70000]).dense()
    assert dense[0, 0] == 65504
    assert np.isfinite(dense).all()


def test_inputs_that_are_not_named_are_not_made():
    sources = Sources(texts=TEXTS, vocabulary=WORDS, encode=lambda _: pytest.fail("encoded for nothing"))
    assert make_inputs("bow", sources).widths == {"bow": 4}


@pytest.mark.parametrize("name", INPUTS)
def test_every_registered_input_has_a_row_for_each_document(name):
    assert made(name).dense().shape[0] == 3


@pytest.mark.parametrize("wrong", ["", "word", "bow+", "bow+bow", "hidden+soft", "Bow"])
def test_unknown_inputs_list_the_known(wrong):
    with pytest.raises(InputError, match="hidden, embedding, static, words, tf-idf, bow, normalised-bow"):
        split_inputs(wrong)
    with pytest.raises(InputError, match="soft, bow"):
        split_target(wrong)


def test_static_vectors_are_made_of_the_tokens():
    np.testing.assert_array_equal(made("static").dense(), [[1, 0], [0, 1], [0, 0]])
    with pytest.raises(InputError, match="reads static"):
        make_inputs("static", Sources(texts=TEXTS, vocabulary=WORDS))


def test_missing_vectors_say_what_is_needed():
    with pytest.raises(InputError, match="reads hidden"):
        make_inputs("hidden", Sources(texts=TEXTS, vocabulary=WORDS))
    with pytest.raises(InputError, match="reads bow and embedding"):
        inputs_from_vectors({"hidden": 2, "bow": 4, "embedding": 2}, {"hidden": VECTORS, "embedding": None})


def test_arrays_alone_are_put_in_the_order_of_the_model():
    found = inputs_from_vectors({"embedding": 2, "hidden": 2}, {"hidden": VECTORS, "embedding": VECTORS + 10})
    np.testing.assert_array_equal(found.dense(), np.hstack([VECTORS + 10, VECTORS]))


@pytest.mark.parametrize(
    ("given", "widths", "said"),
    [
        (VECTORS, {"embedding": 3}, r"expected \[documents, 3\]"), (VECTORS[:2], {}, "one row for each of 3"),
        (VECTORS[:, :0], {}, "expected"), (VECTORS.astype(float) * 1e200, {}, "not finite"),
        (VECTORS[0], {}, "expected"), (VECTORS.astype(int), {}, "int64"), (VECTORS + np.float32("inf"), {}, "finite"),
        (VECTORS, {"bow": 4}, "reads bow, not embedding"), (np.float32(3), {}, "expected"),
    ],
)  # fmt: skip
def test_vectors_that_do_not_fit_are_refused(given, widths, said):
    with pytest.raises(InputError, match=said) as caught:
        check_vectors("embedding", given, 3, widths)
    assert "\n" not in str(caught.value)
