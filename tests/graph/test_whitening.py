import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from softtopic.graph.whitening import whiten_within_classes


def unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)


def cosines(rows: np.ndarray) -> np.ndarray:
    return unit(rows) @ unit(rows).T


def test_within_class_covariance_becomes_the_identity():
    rng = np.random.default_rng(0)
    rows, some, groups = rng.normal(size=(40, 5)).astype(np.float32), np.arange(0, 40, 2), np.arange(20) % 3
    part = unit(rows)[some]
    inside = part - np.stack([part[groups == group].mean(axis=0) for group in range(3)])[groups]
    within = inside.T @ inside / len(part)
    wanted = unit(rows) @ np.linalg.inv(sqrtm(within + np.trace(within) / 5 * np.eye(5)).real)
    found = whiten_within_classes(rows, some, groups)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    # The same up to a rotation, which no cosine sees.
    np.testing.assert_allclose(cosines(found), cosines(wanted - wanted.mean(axis=0)), atol=1e-3)
    # Constant columns change nothing.
    wide = np.hstack([rows, np.zeros((40, 7), dtype=np.float32)])
    np.testing.assert_allclose(cosines(whiten_within_classes(wide, some, groups)), cosines(found), atol=1e-3)


def test_zero_vectors_stay_zero():
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(30, 4)).astype(np.float32)
    rows[:5] = 0
    found = whiten_within_classes(rows, np.arange(30), np.arange(30) % 3)
    assert not found[:5].any()
    np.testing.assert_allclose(found[5:].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(cosines(found)[:5], 0)


def test_directions_that_vary_within_classes_count_less():
    rng = np.random.default_rng(1)
    group = np.arange(200) % 4
    rows = np.hstack([np.eye(4)[group] + 0.3 * rng.normal(size=(200, 4)), 1.5 * rng.normal(size=(200, 6))])
    rows = rows.astype(np.float32)

    def same(rows: np.ndarray) -> float:
        near = cosines(rows)
        np.fill_diagonal(near, -1)
        return float((group[np.argsort(-near, axis=1)[:, :5]] == group[:, None]).mean())

    assert same(whiten_within_classes(rows, np.arange(200), group)) > same(rows) + 0.1


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 12), st.integers(0, 2**16))
def test_any_rows_and_groups_give_finite_numbers(documents, width, n_groups, seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(documents, width)).astype(np.float32) * rng.integers(0, 2, size=(documents, 1))
    members = np.arange(0, documents, 2)
    found = whiten_within_classes(rows.astype(np.float32), members, rng.integers(0, n_groups, size=len(members)))
    assert found.shape == rows.shape
    assert np.isfinite(found).all()
