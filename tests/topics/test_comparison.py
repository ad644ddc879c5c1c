from dataclasses import dataclass

import numpy as np
import pytest

from softtopic.errors import InputError
from softtopic.topics.comparison import compare, topic_similarity
from softtopic.topics.words import Topics
from softtopic.types import DocTopic

WORDS = [f"word{n}" for n in range(40)]


@dataclass
class Model:
    """What is compared of a fitted model."""

    topics: Topics
    probabilities_: DocTopic


def model_of(*starts, noise=0.0, words=WORDS, width=8):
    """Topics over `width` consecutive words each, from these places on."""
    rng = np.random.default_rng(0)
    rows = np.full((len(starts), len(words)), 1e-4)
    for row, start in zip(rows, starts, strict=True):
        row[start : start + width] += 1 + noise * rng.random(width)
    return Model(Topics(rows / rows.sum(axis=1, keepdims=True), words), np.eye(len(starts), dtype=np.float32))


def pairs(comparison, change):
    part = comparison.changes.query("Change == @change")
    return list(zip(part["Topic_A"].tolist(), part["Topic_B"].tolist(), strict=True))


def test_permuted_topics_are_kept():
    found = compare(model_of(0, 8, 16), model_of(16, 0, 8, noise=0.5))
    assert pairs(found, "kept") == [(0, 1), (1, 2), (2, 0)]
    assert found.counts == {"kept": 3, "appeared": 0, "vanished": 0, "split": 0, "merged": 0}


def test_topics_nearest_to_each_other_are_kept_whatever_that_leaves_for_others():
    # The sum of similarities is largest where the first topic is matched with the second and the other way round.
    found = compare(model_of(10, 17, width=10), model_of(13, 6, width=10), threshold=0.8)
    assert pairs(found, "kept") == [(0, 0)]
    assert found.counts == {"kept": 1, "appeared": 1, "vanished": 1, "split": 0, "merged": 0}


def test_topics_appear_and_vanish():
    found = compare(model_of(0, 8), model_of(0, 24, 32))
    assert found.counts == {"kept": 1, "appeared": 2, "vanished": 1, "split": 0, "merged": 0}
    appeared = found.changes.query("Change == 'appeared'")
    assert appeared["Topic_A"].isna().all()
    assert appeared["Share_B"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert (appeared["Similarity"] < found.threshold).all()


def test_topics_split_and_merge():
    whole, parts = model_of(0, 24, width=10), model_of(0, 24, width=10)
    halves = model_of(0, 5, 24, width=6)
    found = compare(whole, halves, threshold=0.6)
    assert found.counts["split"] == 1
    assert pairs(found, "split")[0][0] == 0
    back = compare(halves, parts, threshold=0.6)
    assert back.counts["merged"] == 1
    assert pairs(back, "merged")[0][1] == 0


def test_other_seeds_set_the_threshold():
    a, again = model_of(0, 8, 16), model_of(0, 8, 16, noise=1.0)
    matched = np.diag(topic_similarity(a.topics, again.topics))
    assert compare(a, a, baseline=again).threshold == pytest.approx(np.quantile(matched, 0.05))
    assert compare(a, a, baseline=[again] * 2).threshold == pytest.approx(np.quantile(np.tile(matched, 2), 0.05))


def test_words_of_one_model_alone_count_nothing():
    other = model_of(0, 8, words=[*WORDS[:12], *(f"other{n}" for n in range(28))])
    similarity = topic_similarity(model_of(0, 8).topics, other.topics)
    assert similarity[0, 0] == pytest.approx(1, abs=0.01)
    assert similarity[1, 1] == pytest.approx(0.5, abs=0.02)


def test_what_cannot_be_compared_is_one_line():
    with pytest.raises(InputError, match="no word in common"):
        compare(model_of(0), model_of(0, words=[f"mot{n}" for n in range(40)]))
    with pytest.raises(InputError, match=r"threshold is 1\.5; give a number"):
        compare(model_of(0), model_of(0), threshold=1.5)
