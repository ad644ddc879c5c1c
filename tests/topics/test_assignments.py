import numpy as np
import pytest

from softtopic.topics.assignments import class_tf_idf


def test_class_tf_idf_of_a_small_table():
    counts = np.array([[2.0, 2.0, 0.0], [0.0, 4.0, 0.0]])
    found = class_tf_idf(counts, counts.sum(axis=0), 4.0)
    # 4 words a class in the mean; the first word stands twice in all, the second six times, the third never.
    assert found == pytest.approx(np.array([[0.5 * np.log(3), 0.5 * np.log(5 / 3), 0], [0, np.log(5 / 3), 0]]))
    # Shares of a whole have the same weights.
    assert class_tf_idf(counts / 8, counts.sum(axis=0) / 8, 0.5) == pytest.approx(found)
