import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softtopic.errors import InputError
from softtopic.pipeline.sampling import check_sample, documents_to_read, documents_to_train_on


@pytest.mark.parametrize(
    ("sample", "max_documents", "size"),
    [(None, None, 100), (None, 30, 30), (None, 500, 100), (0.5, 30, 50), (1.0, 30, 100)],
)
def test_a_sample_named_by_the_caller_goes_before_the_recipe(sample, max_documents, size):
    read = documents_to_read(100, sample, max_documents)
    assert len(set(read.tolist())) == size
    assert (np.diff(read) > 0).all()


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
