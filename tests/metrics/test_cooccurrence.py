import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import softtopic.metrics.cooccurrence as cooccurrence
from softtopic.errors import InputError
from softtopic.metrics.cooccurrence import Windows
from softtopic.metrics.reference import Reference

LETTERS = "abcdef"
DOCUMENTS = st.lists(st.lists(st.sampled_from(LETTERS), max_size=14), min_size=1, max_size=5).filter(any)
SIZES = st.none() | st.integers(1, 9)


def windows(documents: list[list[str]], size: int | None) -> list[set[str]]:
    """Every window as a set, one by one."""
    found = []
    for document in filter(None, documents):
        wide = len(document) if size is None else min(size, len(document))
        found += [set(document[i : i + wide]) for i in range(len(document) - wide + 1)]
    return found


@settings(deadline=None)
@given(DOCUMENTS, SIZES)
def test_counts_are_those_of_looking_at_every_window(documents, size):
    words = [*LETTERS, "absent"]
    expected = windows(documents, size)
    found = Windows.over(Reference.from_tokens(documents), size).count(words)
    assert found.n_windows == len(expected)
    assert found.joint.tolist() == [[sum({a, b} <= window for window in expected) for b in words] for a in words]


def test_counting_in_pieces_changes_nothing(monkeypatch):
    tokens = np.random.default_rng(0).choice(list(LETTERS), size=(4, 300)).tolist()
    over = Windows.over(Reference.from_tokens(tokens), 7)
    whole = over.count(LETTERS)
    monkeypatch.setattr(cooccurrence, "_CHUNK", 5)
    assert (over.count(LETTERS).joint == whole.joint).all()


@pytest.mark.parametrize("size", [0, -3])
def test_a_window_has_a_word(size):
    with pytest.raises(InputError, match=f"window is {size} words; give at least 1, or None"):
        Windows.over(Reference.from_tokens([["a"]]), size)
