import sys

import numpy as np
import pytest

from softtopic.errors import InputError
from softtopic.retrieval.hybrid import WordIndex, reciprocal_rank_fusion

TEXTS = ["The rocket reached orbit", "bread and flour", "", "Orbit, orbit and a telescope in orbit"]


def test_words_are_found_in_any_case_and_rare_ones_count_more():
    index = WordIndex(TEXTS)
    scores = index.scores("ORBIT")
    assert scores.shape == (4,)
    assert np.argmax(scores) == 3
    assert scores[1] == scores[2] == 0
    assert index.scores("rocket orbit").argmax() == 0
    assert index.scores("nothing here").tolist() == [0, 0, 0, 0]


def test_texts_without_words_have_no_scores():
    assert WordIndex(["", "!?"]).scores("orbit").tolist() == [0, 0]


def test_without_bm25s_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(InputError, match=r"pip install 'softtopic\[search\]'"):
        WordIndex(TEXTS)


def test_ranks_are_summed_by_hand():
    fused = reciprocal_rank_fusion([np.array([3.0, 2.0, 1.0]), np.array([-np.inf, 5.0, 5.0])], constant=1)
    np.testing.assert_allclose(fused, [1 / 2, 1 / 3 + 1 / 2, 1 / 4 + 1 / 3])
