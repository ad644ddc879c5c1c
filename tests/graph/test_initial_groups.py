import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from softtopic.graph.initial_groups import Guide, GuideConfig, guide, own_share


def groups(documents: int, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which group each document is of, vectors that tell it, and noisy labels that hardly do."""
    rng = np.random.default_rng(0)
    group = np.arange(documents) % 3
    vectors = np.eye(3)[group] + noise * rng.normal(size=(documents, 3))
    labels = rng.dirichlet(np.ones(12), size=documents) * 0.9
    labels[:, :9] += 0.1 * np.eye(3)[group].repeat(3, axis=1) / 3
    return group, vectors.astype(np.float32), (labels / labels.sum(axis=1, keepdims=True)).astype(np.float32)


def found(documents: int = 90, **settings) -> tuple[np.ndarray, Guide]:
    group, vectors, labels = groups(documents)
    return group, guide([labels], [(vectors, 1.0)], 3, GuideConfig(**settings), 0)


def agreement(group: np.ndarray, theta: np.ndarray) -> float:
    return np.mean([np.bincount(group[theta.argmax(axis=1) == topic], minlength=3).max() for topic in range(3)]) / 30


def test_groups_come_out_of_labels_that_hardly_show_them():
    group, guided = found()
    assert agreement(group, guided.theta) > 0.9
    assert agreement(group, found(rounds=0)[1].theta) < 0.7
    for topic in range(3):
        own = np.bincount(group[guided.theta.argmax(axis=1) == topic]).argmax()
        assert guided.topic_word[topic, :9].reshape(3, 3).sum(axis=1).argmax() == own


def test_many_documents_are_compared_where_their_groups_are_round():
    rng = np.random.default_rng(2)
    group, _, labels = groups(600)
    # Three columns tell the groups, six are noise in which all documents differ much.
    vectors = np.hstack([np.eye(3)[group] + 0.3 * rng.normal(size=(600, 3)), 1.3 * rng.normal(size=(600, 6))])
    views = [(vectors.astype(np.float32), 1.0)]

    def share(documents: int) -> float:
        part = [(rows[:documents], weight) for rows, weight in views]
        topics = guide([labels[:documents]], part, 3, GuideConfig(), 0).theta.argmax(axis=1)
        found = [np.bincount(group[:documents][topics == topic], minlength=3).max() for topic in range(3)]
        return sum(found) / documents

    assert share(600) > share(499) + 0.1


@pytest.mark.parametrize(("documents", "words"), [(2, 8), (40, 2)])
def test_few_documents_or_words_lose_nothing_to_fewer_dimensions(documents, words):
    group = np.arange(documents) % min(words, documents)
    labels = np.eye(words, dtype=np.float32)[group]
    made = guide([labels], [(labels, 1.0)], int(group.max()) + 1, GuideConfig(neighbours=1), 0)
    assert len(set(made.theta.argmax(axis=1))) == group.max() + 1
    assert made.theta.max(axis=1).min() > 0.9


def test_the_largest_share_is_as_promised_where_groups_are_blurred_and_more_where_they_are_clear():
    group, vectors, labels = groups(90)
    blurred, clear = (
        guide([said], [(seen, 1.0)], 3, GuideConfig(), 0).theta
        for said, seen in ((labels, vectors), (np.eye(3, dtype=np.float32)[group], np.eye(3, dtype=np.float32)[group]))
    )
    assert blurred.max(axis=1).mean() == pytest.approx(1 / 3 + 0.6 * 2 / 3, abs=0.01)
    # Cosines are 1 and 0 here: nothing is sharpened by less than 15, nor by more where that is enough.
    np.testing.assert_allclose(np.log(clear.max(axis=1) / clear.min(axis=1)), 15, rtol=1e-3)


def test_documents_that_say_nothing_do_not_sharpen_the_others():
    _, vectors, labels = groups(90)
    alone = guide([labels], [(vectors, 1.0)], 3, GuideConfig(), 0).theta
    # Far from all others, so that no label spreads to them.
    vectors = np.vstack([np.pad(vectors, ((0, 0), (0, 1))), np.tile([[0, 0, 0, 1]], (60, 1))]).astype(np.float32)
    silent = np.zeros((60, 12), dtype=np.float32)
    beside = guide([np.vstack([labels, silent])], [(vectors, 1.0)], 4, GuideConfig(), 0).theta
    np.testing.assert_allclose(beside[90:], 0.25, atol=1e-6)
    assert beside[:90].max(axis=1).mean() == pytest.approx(0.25 + 0.6 * 0.75, abs=0.01)
    assert alone.max(axis=1).mean() == pytest.approx(1 / 3 + 0.6 * 2 / 3, abs=0.01)
    nothing = guide([np.zeros((20, 12), dtype=np.float32)], [(vectors[:20], 1.0)], 3, GuideConfig(), 0)
    np.testing.assert_allclose(nothing.theta, 1 / 3, atol=1e-6)


def test_noise_is_not_sharpened_without_bound():
    rng = np.random.default_rng(5)
    labels = rng.dirichlet(np.ones(12) * 50, size=300).astype(np.float32)
    theta = guide([labels], [(rng.normal(size=(300, 4)).astype(np.float32), 1.0)], 10, GuideConfig(), 0).theta
    assert theta.max(axis=1).mean() < 0.4


def test_even_a_topic_that_hardly_any_document_has_has_its_own():
    theta = np.array([[1 - 1e-3, 1e-3], [1 - 1e-4, 1e-4]], dtype=np.float32)
    np.testing.assert_allclose(own_share(theta).sum(axis=0), 1, rtol=1e-5)


def test_equal_seeds_give_equal_guides():
    first, again = found()[1], found()[1]
    assert np.array_equal(first.theta, again.theta)
    assert np.array_equal(first.topic_word, again.topic_word)


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 40), st.integers(2, 9), st.integers(0, 2**16))
def test_distributions_for_any_number_of_documents_and_topics(documents, topics, seed):
    topics = min(documents, topics)
    rng = np.random.default_rng(seed)
    soft = rng.dirichlet(np.ones(6), size=documents).astype(np.float16)
    words = csr_matrix(rng.poisson(0.3, size=(documents, 6)).astype(np.float32))
    made = guide([soft, words], [(rng.normal(size=(documents, 4)).astype(np.float32), 1.0), (words.toarray(), 0.25)],
                 topics, GuideConfig(), 0)  # fmt: skip
    assert made.theta.shape == (documents, topics)
    assert made.topic_word.shape == (topics, 6)
    np.testing.assert_allclose(made.theta.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(made.topic_word.sum(axis=1), 1, atol=1e-5)


def test_documents_that_say_the_same_are_no_error():
    same = np.full((8, 4), 0.25, dtype=np.float32)
    made = guide([same], [(np.ones((8, 3), dtype=np.float32), 1.0)], 3, GuideConfig(), 0)
    np.testing.assert_allclose(made.theta, 1 / 3, atol=0.34)


@pytest.mark.parametrize("silent", [0, 5])
def test_words_of_a_topic_follow_its_documents_and_not_their_neighbours(silent):
    _, vectors, labels = groups(30)
    labels[:silent] = 0
    made = guide([labels], [(vectors, 1.0)], 3, GuideConfig(), 0)
    share = made.theta**2.5 / (made.theta**2.5).sum(axis=0)
    wanted = share.T @ labels
    np.testing.assert_allclose(made.topic_word, wanted / wanted.sum(axis=1, keepdims=True), atol=1e-5)
