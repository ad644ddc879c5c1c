"""The sample of a stream: distinct texts, whatever their order and however often they occur."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic import Corpus
from softtopic.data.sample import draw_sample
from softtopic.errors import InputError

TEXTS = st.lists(st.text(max_size=3).map(lambda text: f"{text}x"), min_size=1, max_size=40)


def batches(texts, size: int = 7) -> list[Corpus]:
    return [Corpus.from_texts(texts[start : start + size]) for start in range(0, len(texts), size)]


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, n=st.integers(2, 12), size=st.integers(1, 9), data=st.data())
def test_the_sample_depends_on_neither_order_nor_batches_nor_repetitions(texts, n, size, data):
    sample = draw_sample(batches(texts), n)
    again = draw_sample(batches(data.draw(st.permutations(texts + texts[:5])), size), n)
    assert sample.corpus.texts == again.corpus.texts
    distinct = {text for text in Corpus.from_texts(texts).texts if text.strip()}
    assert len(sample.corpus) == len(set(sample.corpus.texts)) == min(n, len(distinct))
    assert set(sample.corpus.texts) <= distinct
    if len(distinct) < n:
        assert (sample.n_distinct, sample.is_whole) == (len(distinct), True)


def test_every_text_is_as_likely_and_another_seed_gives_another_sample():
    texts = [f"text {number}" for number in range(100)]
    counts = np.zeros(100)
    for seed in range(300):
        for text in draw_sample(batches(texts, 50), 20, seed=seed).corpus.texts:
            counts[int(text.split()[1])] += 1
    # 300 draws of 20 of 100: 60 each, with a standard deviation of 6.9.
    assert np.abs(counts - 60).max() < 5 * 6.9
    assert counts.std() < 2 * 6.9


def test_documents_are_counted_and_distinct_ones_estimated():
    texts = [f"text {number % 3000}" for number in range(6000)] + ["", " "]
    sample = draw_sample(batches(texts, 100), 500)
    assert (sample.n_documents, sample.n_blank, sample.is_whole) == (6002, 2, False)
    # The standard error of the estimate is 1 in sqrt(500).
    assert abs(sample.n_distinct / 3000 - 1) < 4 / np.sqrt(500)


def test_each_text_comes_with_the_id_label_and_time_of_its_first_document():
    parts = [
        Corpus.from_texts(["b", "a"], ids=[10, 11], labels=["B", None], times=["2020", "2021"]),
        Corpus.from_texts(["a", "c"], ids=[12, 13], labels=["A", "C"], times=["2022", "2023"]),
    ]
    corpus = draw_sample(parts, 9).corpus
    found = dict(zip(corpus.texts, zip(corpus.ids, corpus.labels, corpus.times, strict=True), strict=True))
    assert found == {"b": (10, "B", "2020"), "a": (11, "", "2021"), "c": (13, "C", "2023")}


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(InputError, match="sample size is 1; give a whole number of at least 2"):
        draw_sample(batches(["a"]), 1)
    with pytest.raises(InputError, match="2 documents, all of them blank; choose the column of texts"):
        draw_sample(batches(["", " "]), 2)
