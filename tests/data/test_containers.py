import sys

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from softtopic.data.containers import in_container


class Named(TransformerMixin, BaseEstimator):
    def transform(self, X):
        return X

    def get_feature_names_out(self, input_features=None):
        return np.array(["a", "b"], dtype=object)


def test_a_table_has_the_names_of_the_features():
    array = np.eye(2)
    table = in_container(array, ["x", "y"], Named().set_output(transform="pandas"))
    assert list(table.columns) == ["a", "b"]
    assert in_container(array, ["x", "y"], Named()) is array


def test_without_the_function_of_scikit_learn_the_array_is_returned_and_a_message_says_so(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "sklearn.utils._set_output", None)
    array = np.eye(2)
    assert in_container(array, None, Named()) is array
    assert "set_output has no effect" in caplog.text
