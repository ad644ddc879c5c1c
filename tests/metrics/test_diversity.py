import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.errors import InputError
from softtopic.metrics.diversity import inverted_rbo, topic_diversity

with gzip.open(Path(__file__).parents[1] / "golden" / "coherence_gensim.json.gz", "rt") as golden:
    GOLDEN = json.load(golden)
TOPICS = st.lists(st.permutations("abcdefgh").map(lambda words: list(words[:5])), min_size=2, max_size=5)


def test_diversity_is_that_of_the_reference():
    assert topic_diversity(GOLDEN["topics"]) == pytest.approx(GOLDEN["topic_diversity_top10"], abs=1e-12)
    assert inverted_rbo(GOLDEN["topics"]) == pytest.approx(GOLDEN["inverted_rbo_top10_p09"], abs=1e-12)


def overlap(a: list[str], b: list[str], p: float) -> float:
    """Rank-biased overlap summed to a depth where nothing is left, the last agreement going on for ever."""
    shared = [len(set(a[:d]) & set(b[:d])) / d for d in range(1, len(a) + 1)]
    shared += [shared[-1]] * 2000
    return (1 - p) * sum(p**d * agreement for d, agreement in enumerate(shared))


@settings(deadline=None)
@given(TOPICS, st.floats(0.1, 0.95))
def test_inverted_rbo_is_the_mean_of_an_endless_sum(topics, p):
    pairs = [overlap(a, b, p) for i, a in enumerate(topics) for b in topics[:i]]
    assert inverted_rbo(topics, p=p) == pytest.approx(1 - sum(pairs) / len(pairs), abs=1e-9)


def test_ends_of_the_scales():
    same, other = [["a", "b", "c"]] * 3, [["a", "b"], ["c", "d"]]
    assert (topic_diversity(same), topic_diversity(other)) == (pytest.approx(1 / 3), 1)
    assert (inverted_rbo(same), inverted_rbo(other)) == (pytest.approx(0), 1)


def test_first_words_count_more():
    first, last = [["a", "b", "c"], ["a", "x", "y"]], [["b", "c", "a"], ["x", "y", "a"]]
    assert topic_diversity(first) == topic_diversity(last)
    assert inverted_rbo(first) < inverted_rbo(last)


def test_only_the_first_words_are_measured():
    topics = [["a", "b", "z"], ["c", "d", "z"]]
    assert (topic_diversity(topics, top_n=2), inverted_rbo(topics, top_n=2)) == (1, 1)
    assert topic_diversity(topics) < 1
    # The shortest topic sets the depth of the overlap.
    assert inverted_rbo([["a", "b"], ["a", "b", "c"]]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("call", "said"),
    [(lambda: topic_diversity([]), "no topic at all"), (lambda: topic_diversity([["a"], []]), "a topic without words"),
     (lambda: inverted_rbo([["a"]]), "at least two topics"), (lambda: inverted_rbo([["a"], ["b"]], p=1.0), "p is 1.0"),
     (lambda: topic_diversity([["a"]], top_n=0), "top_n is 0")],
)  # fmt: skip
def test_what_cannot_be_measured(call, said):
    with pytest.raises(InputError, match=said):
        call()
