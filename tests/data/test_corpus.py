import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.data.corpus import Corpus, equidistant, fingerprint_strings, sample_size
from softtopic.errors import InputError

TEXTS = st.lists(st.sampled_from(["", " \n", "a", "b", "ab", "a\u2028b"]) | st.text(max_size=5), max_size=12)


def test_ids_are_positions_unless_given():
    assert Corpus.from_texts(["x", "y"]).ids == ("0", "1")
    assert Corpus.from_texts(["x", "y"], ids=[7, "b"]).ids == ("7", "b")
    assert Corpus.from_texts(["x", "y"], ids=np.array([7, 8])).ids == (7, 8)
    assert Corpus.from_texts(["x"], ids=[2**70]).ids == (str(2**70),)
    assert Corpus.from_texts(["x"], ids=[True]).ids == ("True",)


def test_texts_may_come_from_a_generator_and_values_become_strings():
    corpus = Corpus.from_texts((text for text in "xyz"), labels=[1, 2, 1], times=[2020, 2021, 2022])
    assert corpus == Corpus(("x", "y", "z"), ("0", "1", "2"), ("1", "2", "1"), ("2020", "2021", "2022"))
    assert len(corpus) == 3


def test_a_label_that_is_missing_is_none():
    labels = pd.Series(["a", None, float("nan"), pd.NA, "nan"], dtype=object)
    assert Corpus.from_texts(list("vwxyz"), labels=labels).labels == ("a", "", "", "", "nan")


def test_a_table_is_no_texts():
    with pytest.raises(InputError, match="texts is DataFrame; expected a list of strings, or one column of a table"):
        Corpus.from_texts(pd.DataFrame({"text": ["a", "b"]}))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"a.txt": "one", "b.txt": "two"}, r"texts is dict; expected a list of strings: give list\(texts.values"),
        ({"a": 1}.keys(), "texts is dict_keys, which has no order; expected a list of strings"),
        ({"one", "two"}, "texts is set, which has no order; expected a list of strings"),
        (frozenset({"one"}), "texts is frozenset, which has no order"),
        (np.array("one"), "texts is ndarray with 0 axes; expected a list of strings"),
        (np.array([["one"], ["two"]]), "texts is ndarray with 2 axes; expected a list of strings"),
        ([["one"], ["two"]], r"texts\[0\] is list, not a string"),
        (None, "texts is NoneType; expected"),
        (3, "texts is int; expected"),
    ],
)
def test_other_containers_are_refused(texts, message):
    with pytest.raises(InputError, match=f"^{message}"):
        Corpus.from_texts(texts)


def test_one_string_is_refused():
    with pytest.raises(InputError, match=r"one string; expected a list"):
        Corpus.from_texts("one document")


def test_the_name_of_a_file_is_refused_with_how_to_read_it(tmp_path):
    path = tmp_path / "posts.csv"
    path.write_text("text\na\n")
    for name in (path, str(path)):
        with pytest.raises(InputError, match=r"texts is the name of a file; read it first: softtopic\.read_corpus\('"):
            Corpus.from_texts(name)


@pytest.mark.parametrize("value", [3, 1.5, b"bytes", ["list"], True])
def test_what_is_not_a_string_is_refused_with_its_place(value):
    with pytest.raises(InputError, match=rf"^texts\[1\] is {type(value).__name__}, not a string; give texts, or"):
        Corpus.from_texts(iter(["fine", value]))


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_missing_texts_are_empty_documents_and_one_warning_counts_them(missing):
    with pytest.warns(UserWarning, match="are missing") as said:
        corpus = Corpus.from_texts(pd.Series(["one", missing, "", missing], dtype=object))
    assert (corpus.texts, corpus.blank.tolist()) == (("one", "", "", ""), [1, 2, 3])
    expected = "2 of 4 texts are missing (null or NaN) and count as empty documents"
    assert [str(one.message) for one in said] == [expected]


@pytest.mark.parametrize("column", ["ids", "labels", "times"])
def test_columns_of_another_length_are_refused(column):
    with pytest.raises(InputError, match=f"3 {column} for 2 texts"):
        Corpus.from_texts(["x", "y"], **{column: [1, 2, 3]})


def test_half_a_surrogate_pair_becomes_a_replacement_character():
    corpus = Corpus.from_texts(["cut \ud83d", "whole 🚀"], labels=["\udc00", "b"])
    assert corpus.texts == ("cut \ufffd", "whole 🚀")
    assert corpus.labels == ("\ufffd", "b")


@settings(deadline=None)
@given(TEXTS)
def test_rows_lead_from_each_document_to_its_text(texts):
    corpus = Corpus.from_texts(texts)
    distinct = corpus.distinct
    assert len(set(distinct.texts)) == len(distinct.texts)
    for text, row in zip(texts, distinct.rows, strict=True):
        assert distinct.texts[row] == text if row >= 0 else not text.strip()
    found = [text for text in texts if text.strip()]
    assert set(distinct.texts) == set(found)
    assert [texts[place] for place in distinct.first] == list(distinct.texts)
    assert distinct.first.tolist() == [texts.index(text) for text in distinct.texts]
    assert distinct.counts.tolist() == [found.count(text) for text in distinct.texts]


def test_distinct_texts_ascend_by_their_hash():
    texts = ["a", "b", "ab", "é", "a", " "]
    hashed = {hashlib.sha256(text.encode()).digest(): text for text in ("a", "b", "ab", "é")}
    assert Corpus.from_texts(texts).distinct.texts == tuple(text for _, text in sorted(hashed.items()))


@settings(deadline=None)
@given(TEXTS, st.randoms(use_true_random=False), st.integers(1, 15))
def test_another_order_of_documents_permutes_rows_and_nothing_else(texts, random, n):
    order = random.sample(range(len(texts)), len(texts))
    corpus = Corpus.from_texts(texts)
    shuffled = Corpus.from_texts([texts[place] for place in order], ids=order)
    assert shuffled.distinct.texts == corpus.distinct.texts
    assert shuffled.distinct.rows.tolist() == corpus.distinct.rows[np.array(order, dtype=int)].tolist()
    assert shuffled.distinct.counts.tolist() == corpus.distinct.counts.tolist()
    assert shuffled.fingerprint == corpus.fingerprint
    assert shuffled.sample(n).texts == corpus.sample(n).texts
    assert (shuffled.n_empty, shuffled.n_duplicates) == (corpus.n_empty, corpus.n_duplicates)


@settings(deadline=None)
@given(TEXTS)
def test_empty_duplicate_and_distinct_documents_add_up(texts):
    corpus = Corpus.from_texts(texts)
    assert corpus.n_empty == sum(not text.strip() for text in texts)
    assert corpus.n_empty + corpus.n_duplicates + len(corpus.distinct.texts) == len(texts)


def test_rows_of_features_are_distinct_whatever_their_texts():
    corpus = Corpus.from_rows(["same", "same", ""])
    assert corpus.distinct.texts == ("same", "same", "")
    np.testing.assert_array_equal(corpus.distinct.rows, [0, 1, 2])
    assert (corpus.n_empty, corpus.n_duplicates) == (0, 0)
    assert corpus.distinct.counts.tolist() == [1, 1, 1]
    assert corpus.at(np.array([2, 0])).distinct.texts == ("", "same")


def test_the_fingerprint_is_of_the_set_of_distinct_texts():
    fingerprint = Corpus.from_texts(["a", "b"]).fingerprint
    assert Corpus.from_texts(["a", "", "b", "a"], labels="wxyz").fingerprint == fingerprint
    assert Corpus.from_texts(["b", "a"]).fingerprint == fingerprint
    assert Corpus.from_rows(["b", "a"]).fingerprint != Corpus.from_rows(["a", "b"]).fingerprint
    assert Corpus.from_texts(["ab"]).fingerprint != fingerprint


@settings(deadline=None)
@given(st.lists(st.text(max_size=4)), st.lists(st.text(max_size=4)))
def test_only_equal_sequences_have_equal_fingerprints(left, right):
    assert (fingerprint_strings(left) == fingerprint_strings(right)) == (left == right)


def test_a_fingerprint_is_the_same_on_every_machine():
    assert fingerprint_strings(["ab", "é"]) == "c5889beb135c5f145d21a9a076c70c8d27d63538b3f3ee16ac482c62d356d9a3"


def test_take_keeps_the_first_documents_with_all_their_columns():
    corpus = Corpus.from_texts(list("abc"), labels="rst")
    assert corpus.take(2) == Corpus(("a", "b"), ("0", "1"), ("r", "s"))
    assert corpus.take(9) == corpus


@settings(deadline=None)
@given(TEXTS, st.integers(1, 15))
def test_a_sample_is_of_distinct_documents_in_canonical_order(texts, n):
    corpus = Corpus.from_texts(texts, labels=[f"label of {text}" for text in texts])
    sample, distinct = corpus.sample(n), corpus.distinct.texts
    assert len(sample) == min(n, len(distinct))
    assert sample.texts == tuple(distinct[place] for place in equidistant(len(distinct), n))
    assert sample.labels == tuple(f"label of {text}" for text in sample.texts)


def test_a_share_is_rounded_and_never_less_than_two():
    assert [sample_size(1000, 0.2), sample_size(7, 0.5), sample_size(1000, 0.0001)] == [200, 4, 2]
