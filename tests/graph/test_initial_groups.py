import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from softtopic.graph.config import GraphConfig, GroupsConfig
from softtopic.graph.initial_groups import (
    InitialGroups,
    document_graph,
    document_weights,
    initial_groups,
    label_points,
    normalize_views,
)
from softtopic.graph.neighbours import View

GROUPS = GroupsConfig()


def fit_groups(labels, views, n_topics: int, config: GraphConfig = GraphConfig(), seed: int = 0) -> InitialGroups:
    """The steps from labels and views to groups."""
    views = normalize_views(labels, [View(*view) for view in views], config, GROUPS, seed)
    points = label_points(labels, document_graph(views, n_topics, config), n_topics, config, GROUPS, seed)
    return initial_groups(points, labels, n_topics, GROUPS, seed)


def groups(documents: int, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which group each document is of, vectors that tell it, and noisy labels that hardly do."""
    rng = np.random.default_rng(0)
    group = np.arange(documents) % 3
    vectors = np.eye(3)[group] + noise * rng.normal(size=(documents, 3))
    labels = rng.dirichlet(np.ones(12), size=documents) * 0.9
    labels[:, :9] += 0.1 * np.eye(3)[group].repeat(3, axis=1) / 3
    return group, vectors.astype(np.float32), (labels / labels.sum(axis=1, keepdims=True)).astype(np.float32)


def found(documents: int = 90, **settings) -> tuple[np.ndarray, InitialGroups]:
    group, vectors, labels = groups(documents)
    return group, fit_groups([labels], [(vectors, 1.0)], 3, GraphConfig(**settings))


def agreement(group: np.ndarray, theta: np.ndarray) -> float:
    return np.mean([np.bincount(group[theta.argmax(axis=1) == topic], minlength=3).max() for topic in range(3)]) / 30


def test_propagation_reveals_groups_in_noisy_labels():
    group, guided = found()
    assert agreement(group, guided.mixtures) > 0.9
    assert agreement(group, found(n_steps=0)[1].mixtures) < 0.7
    for topic in range(3):
        own = np.bincount(group[guided.mixtures.argmax(axis=1) == topic]).argmax()
        assert guided.topic_word[topic, :9].reshape(3, 3).sum(axis=1).argmax() == own


def test_views_of_many_documents_are_normalised_within_classes():
    rng = np.random.default_rng(2)
    group, _, labels = groups(600)
    # Three columns tell the groups, six are noise in which all documents differ much.
    vectors = np.hstack([np.eye(3)[group] + 0.3 * rng.normal(size=(600, 3)), 1.3 * rng.normal(size=(600, 6))])
    views = [(vectors.astype(np.float32), 1.0)]

    def share(documents: int) -> float:
        part = [(rows[:documents], weight) for rows, weight in views]
        topics = fit_groups([labels[:documents]], part, 3).mixtures.argmax(axis=1)
        found = [np.bincount(group[:documents][topics == topic], minlength=3).max() for topic in range(3)]
        return sum(found) / documents

    assert share(600) > share(499) + 0.1


@pytest.mark.parametrize(("documents", "words"), [(2, 8), (40, 2)])
def test_few_documents_or_words(documents, words):
    group = np.arange(documents) % min(words, documents)
    labels = np.eye(words, dtype=np.float32)[group]
    made = fit_groups([labels], [(labels, 1.0)], int(group.max()) + 1, GraphConfig(n_neighbors=1))
    assert len(set(made.mixtures.argmax(axis=1))) == group.max() + 1
    assert made.mixtures.max(axis=1).min() > 0.9


def test_mean_of_the_largest_share_and_its_lower_bound():
    group, vectors, labels = groups(90)
    blurred, clear = (
        fit_groups([said], [(seen, 1.0)], 3).mixtures
        for said, seen in ((labels, vectors), (np.eye(3, dtype=np.float32)[group], np.eye(3, dtype=np.float32)[group]))
    )
    assert blurred.max(axis=1).mean() == pytest.approx(1 / 3 + 0.6 * 2 / 3, abs=0.01)
    # Cosines are 1 and 0 here: nothing is sharpened by less than 15, nor by more where that is enough.
    np.testing.assert_allclose(np.log(clear.max(axis=1) / clear.min(axis=1)), 15, rtol=1e-3)


def test_documents_without_labels_do_not_change_the_temperature():
    _, vectors, labels = groups(180)
    alone = fit_groups([labels], [(vectors, 1.0)], 3).mixtures
    # Far from all others, so that no label spreads to them.
    vectors = np.vstack([np.pad(vectors, ((0, 0), (0, 1))), np.tile([[0, 0, 0, 1]], (60, 1))]).astype(np.float32)
    silent = np.zeros((60, 12), dtype=np.float32)
    beside = fit_groups([np.vstack([labels, silent])], [(vectors, 1.0)], 4).mixtures
    np.testing.assert_allclose(beside[180:], 0.25, atol=1e-6)
    assert beside[:180].max(axis=1).mean() == pytest.approx(0.25 + 0.6 * 0.75, abs=0.01)
    assert alone.max(axis=1).mean() == pytest.approx(1 / 3 + 0.6 * 2 / 3, abs=0.01)
    nothing = fit_groups([np.zeros((20, 12), dtype=np.float32)], [(vectors[:20], 1.0)], 3)
    np.testing.assert_allclose(nothing.mixtures, 1 / 3, atol=1e-6)


def test_inverse_temperature_is_bounded():
    rng = np.random.default_rng(5)
    labels = rng.dirichlet(np.ones(12) * 50, size=300).astype(np.float32)
    theta = fit_groups([labels], [(rng.normal(size=(300, 4)).astype(np.float32), 1.0)], 10).mixtures
    assert theta.max(axis=1).mean() < 0.4


def test_document_weights_of_a_rare_topic_sum_to_1():
    theta = np.array([[1 - 1e-3, 1e-3], [1 - 1e-4, 1e-4]], dtype=np.float32)
    np.testing.assert_allclose(document_weights(theta, 2.5).sum(axis=0), 1, rtol=1e-5)


def test_groups_are_deterministic():
    first, again = found()[1], found()[1]
    assert np.array_equal(first.mixtures, again.mixtures)
    assert np.array_equal(first.topic_word, again.topic_word)


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 40), st.integers(2, 9), st.integers(0, 2**16))
def test_rows_sum_to_1_for_any_number_of_documents_and_topics(documents, topics, seed):
    topics = min(documents, topics)
    rng = np.random.default_rng(seed)
    soft = rng.dirichlet(np.ones(6), size=documents).astype(np.float16)
    words = csr_matrix(rng.poisson(0.3, size=(documents, 6)).astype(np.float32))
    views = [(rng.normal(size=(documents, 4)).astype(np.float32), 1.0), (words.toarray(), 0.25)]
    made = fit_groups([soft, words], views, topics)
    assert made.mixtures.shape == (documents, topics)
    assert made.topic_word.shape == (topics, 6)
    np.testing.assert_allclose(made.mixtures.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(made.topic_word.sum(axis=1), 1, atol=1e-5)


def test_identical_documents():
    same = np.full((8, 4), 0.25, dtype=np.float32)
    made = fit_groups([same], [(np.ones((8, 3), dtype=np.float32), 1.0)], 3)
    np.testing.assert_allclose(made.mixtures, 1 / 3, atol=0.34)


@pytest.mark.parametrize("silent", [0, 5])
def test_words_of_a_group_are_those_of_its_documents(silent):
    _, vectors, labels = groups(30)
    labels[:silent] = 0
    made = fit_groups([labels], [(vectors, 1.0)], 3)
    share = made.mixtures**2.5 / (made.mixtures**2.5).sum(axis=0)
    wanted = share.T @ labels
    np.testing.assert_allclose(made.topic_word, wanted / wanted.sum(axis=1, keepdims=True), atol=1e-5)


def test_earlier_mixtures_have_a_weight_and_a_margin():
    groups = InitialGroups(mixtures=np.full((2, 3), 1 / 3, np.float32), topic_word=np.full((3, 2), 0.5, np.float32))
    earlier = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    mixed = groups.mixed_with(earlier, np.array([0.75, 0.75]), 0.2).mixtures
    np.testing.assert_allclose(mixed[0], [0.25 / 3 + 0.75 * 0.8, 0.25 / 3 + 0.75 * 0.2, 0.25 / 3], atol=1e-6)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)
    assert mixed[1, 0] > mixed[1, 1]
