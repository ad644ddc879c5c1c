import numpy as np
import pytest
from scipy.sparse import csr_matrix

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.lsa import WordSpace, tf_idf
from softtopic.inputs.registry import Inputs, check_vectors, from_vectors, gather, split_inputs, split_target

TEXTS = ["sql table sql", "bread and flour", "nothing of it"]
WORDS = Vocabulary(("sql", "table", "bread", "flour"))
VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)


def made(inputs: str, texts=TEXTS) -> Inputs:
    return gather(inputs, texts, WORDS, VECTORS[: len(texts)], lambda given: VECTORS[: len(given)] + 100, space)


def space(counts: csr_matrix) -> WordSpace:
    return WordSpace.fit(counts, seed=0)


def test_parts_stand_side_by_side_in_the_order_named():
    joined = made("bow+embedding+hidden")
    assert joined.widths == {"bow": 4, "embedding": 2, "hidden": 2}
    expected = [[2, 1, 0, 0, 100, 101, 0, 1], [0, 0, 1, 1, 102, 103, 2, 3], [0, 0, 0, 0, 104, 105, 4, 5]]
    np.testing.assert_array_equal(joined.dense(), expected)
    np.testing.assert_array_equal(joined.dense(1, 3), expected[1:])
    assert joined.are_continuous.tolist() == [False] * 4 + [True] * 4
    assert len(joined) == 3


def test_normalised_counts_are_shares_of_a_document():
    np.testing.assert_allclose(
        made("normalised-bow").dense(), [[2 / 3, 1 / 3, 0, 0], [0, 0, 0.5, 0.5], [0] * 4], rtol=1e-3
    )


def test_words_are_placed_in_the_space_that_is_asked_for():
    counts = csr_matrix([[2, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])
    found = made("words+embedding")
    assert found.widths == {"words": 2, "embedding": 2}
    assert found.are_continuous.all()
    np.testing.assert_allclose(found.parts["words"], space(counts).of(counts), atol=1e-3)
    assert list(found.vectors) == ["embedding"]
    np.testing.assert_array_equal(found.words, found.parts["words"])
    assert made("bow+embedding").words is None


def test_words_by_themselves_are_roots_of_tf_idf():
    found = made("tf-idf+embedding")
    assert found.widths == {"tf-idf": 4, "embedding": 2}
    np.testing.assert_array_equal(found.are_continuous, [False] * 4 + [True] * 2)
    shares = tf_idf(csr_matrix([[2, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])).toarray()
    np.testing.assert_allclose(found.dense()[:, :4], 5 * np.sqrt(shares), atol=2e-3)


def test_a_count_beyond_float16_is_the_largest_there_is():
    dense = made("bow", ["sql " * 70000]).dense()
    assert dense[0, 0] == 65504
    assert np.isfinite(dense).all()


def test_what_is_not_named_is_not_worked_out():
    found = gather("bow", TEXTS, WORDS, None, lambda _: pytest.fail("embedded for nothing"), space)
    assert found.widths == {"bow": 4}


@pytest.mark.parametrize("wrong", ["", "word", "bow+", "bow+bow", "hidden+soft", "Bow"])
def test_unknown_inputs_list_the_known(wrong):
    with pytest.raises(InputError, match="hidden, embedding, words, tf-idf, bow, normalised-bow"):
        split_inputs(wrong)
    with pytest.raises(InputError, match="soft, bow"):
        split_target(wrong)


def test_missing_vectors_say_what_is_needed():
    with pytest.raises(InputError, match="reads hidden"):
        gather("hidden", TEXTS, WORDS, None, lambda _: VECTORS, space)
    with pytest.raises(InputError, match="reads bow and embedding"):
        from_vectors({"hidden": 2, "bow": 4, "embedding": 2}, {"hidden": VECTORS, "embedding": None})


def test_arrays_alone_are_put_in_the_order_of_the_model():
    found = from_vectors({"embedding": 2, "hidden": 2}, {"hidden": VECTORS, "embedding": VECTORS + 10})
    np.testing.assert_array_equal(found.dense(), np.hstack([VECTORS + 10, VECTORS]))


@pytest.mark.parametrize(
    ("given", "widths", "said"),
    [
        (VECTORS, {"embedding": 3}, r"expected \[documents, 3\]"), (VECTORS[:2], {}, "one row for each of 3"),
        (VECTORS[0], {}, "expected"), (VECTORS.astype(int), {}, "int64"), (VECTORS + np.float32("inf"), {}, "finite"),
        (VECTORS, {"bow": 4}, "reads bow, not embedding"), (np.float32(3), {}, "expected"),
    ],
)  # fmt: skip
def test_vectors_that_do_not_fit_are_refused(given, widths, said):
    with pytest.raises(InputError, match=said) as caught:
        check_vectors("embedding", given, 3, widths)
    assert "\n" not in str(caught.value)
