"""What is fitted depends on the documents, not on their order in the file."""

import numpy as np
import pytest

from softtopic import TopicModel


@pytest.mark.parametrize(
    "options",
    [{}, pytest.param({"sample": 0.5}, marks=pytest.mark.slow), {"recipe": "prodlda"}],
    ids=["default", "sample", "prodlda"],
)
def test_shuffled_documents_give_the_same_model(texts, tiny_lm, options):
    texts = [*texts, texts[3], texts[7], " "]
    order = np.random.default_rng(0).permutation(len(texts))
    fitted, shuffled = (TopicModel(3, lm=tiny_lm, features=None, vocabulary=40, **options) for _ in range(2))
    with pytest.warns(UserWarning, match="1 of 15 documents are empty"):
        theta = fitted.fit_transform(texts)
    with pytest.warns(UserWarning, match="1 of 15 documents are empty"):
        again = shuffled.fit_transform([texts[place] for place in order])
    np.testing.assert_array_equal(again, theta[order])
    np.testing.assert_array_equal(shuffled.components_, fitted.components_)
