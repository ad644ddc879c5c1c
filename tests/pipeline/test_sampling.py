from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from softtopic.errors import InputError
from softtopic.pipeline.sampling import check_sample, documents_to_read, documents_to_train_on, medoids, n_affordable
from softtopic.recipes import MedoidsConfig, ReadConfig, Recipe, TokenBudget


@pytest.mark.parametrize(
    ("sample", "max_documents", "size"),
    [(None, None, 100), (None, 30, 30), (None, 500, 100), (0.5, 30, 50), (1.0, 30, 100)],
)
def test_a_sample_named_by_the_caller_goes_before_the_recipe(sample, max_documents, size):
    read = documents_to_read(100, sample, max_documents)
    assert len(set(read.tolist())) == size
    assert (np.diff(read) > 0).all()


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(1, 60), st.integers(2, 60))
def test_all_documents_read_are_trained_on(count, n_read, max_documents):
    read = documents_to_read(count, None, n_read)
    train = documents_to_train_on(count, read, max_documents)
    assert set(read.tolist()) <= set(train.tolist()) or len(read) == count
    assert len(train) == min(count, max(max_documents, len(read) if len(read) < count else 0))
    assert (np.diff(train) > 0).all()


@pytest.mark.parametrize("sample", [0, 0.0, 1.5, -1, "half", True, float("nan")])
def test_impossible_samples_are_refused(sample):
    with pytest.raises(InputError, match=r"sample is .*; give a share above 0 and at most 1"):
        check_sample(sample)


def test_medoids_are_one_document_of_each_cluster():
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(5, 8))
    vectors = np.repeat(centers, 20, axis=0) + 0.01 * rng.normal(size=(100, 8))
    chosen = medoids(vectors, 5, MedoidsConfig())
    assert len(chosen) == 5
    assert np.all(np.diff(chosen) > 0)
    many = medoids(vectors, 30, MedoidsConfig())
    assert len(np.unique(many)) == 30
    assert set(many // 20) == set(range(5))


def test_medoids_do_not_depend_on_the_number_of_threads_and_are_enough_for_equal_vectors():
    vectors = np.random.default_rng(1).normal(size=(300, 6))
    expected = medoids(vectors, 40, MedoidsConfig())
    with threadpool_limits(1):
        np.testing.assert_array_equal(medoids(vectors, 40, MedoidsConfig()), expected)
    assert len(medoids(np.ones((50, 3)), 7, MedoidsConfig())) == 7


def test_long_documents_are_read_less_often_than_short_ones():
    short, long = ["two words"] * 5000, ["word " * 200] * 5000
    read = Recipe(read=ReadConfig(prompts=("published", "four-shot"), max_documents=3000, budget=TokenBudget()))
    assert n_affordable(short, replace(read, read=replace(read.read, budget=None))) == 3000
    few, many = n_affordable(long, read), n_affordable(short, read)
    assert few < many <= 3000
    # The longer the corpus, the more may be read of it.
    assert n_affordable(long * 4, read) > few
    without_limit = replace(read, read=replace(read.read, max_documents=None))
    assert n_affordable(long[:10], without_limit) >= TokenBudget().min_documents


def test_medoids_of_large_float16_vectors_are_those_of_the_same_float32_vectors():
    vectors = (100 * np.random.default_rng(2).normal(size=(200, 30))).astype(np.float16)
    expected = medoids(vectors.astype(np.float32), 20, MedoidsConfig())
    np.testing.assert_array_equal(medoids(vectors, 20, MedoidsConfig()), expected)
