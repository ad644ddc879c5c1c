from dataclasses import replace

import numpy as np
import pytest
from fitted_states import fitted_state

from softtopic.topics import map as maps
from softtopic.topics.map import color_numbers, document_map, topic_centers


@pytest.fixture(scope="module")
def state():
    return fitted_state(300, blank=[5])


@pytest.fixture(scope="module")
def coordinates(state):
    return document_map(state)


def test_documents_of_one_topic_are_nearest_to_each_other(state, coordinates):
    rows = state.with_text
    distances = np.linalg.norm(coordinates[rows, None] - coordinates[None, rows], axis=-1)
    np.fill_diagonal(distances, np.inf)
    same = state.columns[rows][distances.argmin(axis=1)] == state.columns[rows]
    assert same.mean() > 0.95


def test_the_map_is_finite_and_within_the_square(coordinates):
    assert coordinates.shape == (300, 2)
    assert 0.99 < np.abs(coordinates).max() <= 1
    assert coordinates[5].tolist() == [0, 0]


def test_equal_states_have_equal_maps(state, coordinates):
    np.testing.assert_array_equal(document_map(replace(state)), coordinates)


def test_documents_outside_the_sample_are_among_their_neighbours(state, monkeypatch):
    monkeypatch.setattr(maps, "_MAP_SAMPLE", 100)
    found = document_map(state)
    assert len(np.unique(found, axis=0)) == 300
    centers = topic_centers(state, found)
    nearest = np.linalg.norm(found[:, None] - centers[None], axis=-1).argmin(axis=1)
    rows = state.with_text
    assert (nearest[rows] == state.columns[rows]).mean() > 0.95


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 12])
def test_few_documents_have_a_map(n):
    found = document_map(fitted_state(n, 2))
    assert found.shape == (n, 2)
    assert np.isfinite(found).all()


def test_equal_documents_have_a_map():
    state = fitted_state(12, 2)
    equal = replace(state, theta=np.repeat(state.theta[:1], 12, axis=0), vectors=None)
    assert np.isfinite(document_map(equal)).all()


def test_models_without_vectors_have_a_map(state):
    assert np.isfinite(document_map(replace(state, vectors=None))).all()


def test_centers_of_topics_without_documents_are_finite(state, coordinates):
    theta = state.theta * np.array([0, 1, 1, 1, 1, 1], dtype=np.float32) + 1e-3
    empty = replace(state, theta=theta / theta.sum(axis=1, keepdims=True))
    assert empty.counts[0] == 0
    assert np.isfinite(topic_centers(empty, coordinates)).all()


def test_neighbouring_topics_have_different_colors():
    centers = np.array([[0, 0], [0.1, 0], [0.2, 0], [5, 0], [5.1, 0], [5.2, 0]])
    colors = color_numbers(centers, np.array([6, 5, 4, 3, 2, 1]), 3)
    assert sorted(colors[:3]) == sorted(colors[3:]) == [0, 1, 2]
