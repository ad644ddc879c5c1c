import numpy as np
import pytest

from softtopic.data.corpus import Corpus
from softtopic.features.store import Features
from softtopic.inputs.registry import Inputs
from softtopic.pipeline.subsample import Learnt

TEXTS = Corpus.from_texts([f"text {row}" for row in range(12)]).distinct.texts


def features(rows: int) -> Features:
    """Their one column says which row they are."""
    column = np.arange(rows, dtype=np.float32)[:, None]
    return Features(column, column)


def learnt(corpus: Corpus, rows: int | None, most: int) -> Learnt:
    inputs = Inputs({"embedding": features(len(corpus.distinct.texts)).hidden})
    return Learnt.of(corpus, inputs, None if rows is None else features(rows), most)


@pytest.mark.parametrize(("rows", "read"), [(None, 12), (12, 12), (5, 5)])
def test_all_are_learnt_from_where_they_are_few(rows, read):
    corpus = Corpus.from_texts([*TEXTS, "", TEXTS[3]])
    found = learnt(corpus, rows, 12)
    assert found.corpus is corpus
    assert (len(found.inputs), len(found.read)) == (12, read)
    assert (found.read[0], found.read[-1]) == (0, 11)


def test_of_many_a_part_with_its_own_features():
    found = learnt(Corpus.from_texts(["", TEXTS[0], *TEXTS]), 12, 5)
    assert found.rows.tolist() == [0, 3, 6, 8, 11]
    assert found.corpus.distinct.texts == tuple(TEXTS[row] for row in found.rows)
    for part in (found.inputs.dense(), found.features.hidden):
        np.testing.assert_array_equal(part[:, 0], found.rows)


@pytest.mark.parametrize(("most", "size"), [(8, 8), (5, 5), (3, 5)])
def test_what_was_read_is_learnt_from(most, size):
    """The documents read are those that the corpus alone decides, whatever is learnt from."""
    corpus = Corpus.from_texts(TEXTS)
    found = learnt(corpus, 5, most)
    assert len(found.rows) == size
    assert tuple(found.corpus.texts[place] for place in found.read) == corpus.sample(5).texts
    assert len(found.features) == 5


def test_rows_brought_along_stay_documents_of_their_own():
    found = learnt(Corpus.from_rows(["the same text"] * 12), 12, 5)
    assert len(found.corpus.distinct.texts) == len(found.inputs) == 5
