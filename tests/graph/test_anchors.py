import numpy as np

from softtopic.graph.anchors import anchored_centers, seed_documents
from softtopic.graph.clustering import kmeans
from softtopic.graph.config import GuidesConfig

CORNERS = np.array([[10, 0, 0], [0, 10, 0], [0, 0, 10], [10, 10, 0]], dtype=np.float32)


def blobs(rng, n=30):
    return np.concatenate([corner + rng.normal(scale=0.3, size=(n, 3)) for corner in CORNERS]).astype(np.float32)


def test_documents_stand_for_the_guide_they_fit_best():
    scores = np.array([[0.9, 0.8], [0.7, 0.1], [0.2, 0.6], [0.1, 0.3], [0.0, 0.05]], dtype=np.float32)
    rows = seed_documents(scores, 2, GuidesConfig(seed_share=1.0))
    assert [part.tolist() for part in rows] == [[0, 1], [2, 3]]


def test_a_guide_that_no_document_fits_best_has_one_all_the_same():
    scores = np.array([[0.9, 0.8], [0.7, 0.1]], dtype=np.float32)
    assert [len(part) for part in seed_documents(scores, 2, GuidesConfig())] == [1, 1]


def test_the_first_centres_are_those_of_the_anchors_in_their_order():
    points = blobs(np.random.default_rng(0))
    anchors = CORNERS[[2, 0]]
    centers = anchored_centers(points, anchors, 4, 0, GuidesConfig(), 3)
    np.testing.assert_allclose(centers[:2], anchors, atol=0.3)
    free = centers[2:][np.argsort(centers[2:, 0])]
    np.testing.assert_allclose(free, CORNERS[[1, 3]], atol=0.3)


def test_an_anchor_far_from_all_documents_keeps_its_centre_near():
    points = blobs(np.random.default_rng(1))
    anchor = np.array([[0, 0, -10]], dtype=np.float32)
    light, heavy = (
        anchored_centers(points, anchor, 4, 0, GuidesConfig(anchor_weight=weight), 3)[0] for weight in (0.1, 10.0)
    )
    assert np.linalg.norm(heavy - anchor[0]) < np.linalg.norm(light - anchor[0]) + 1e-6
    assert np.linalg.norm(heavy - anchor[0]) < 2


def test_anchors_for_all_centres_leave_none_free():
    points = blobs(np.random.default_rng(2))
    centers = anchored_centers(points, CORNERS, 4, 0, GuidesConfig(), 1)
    np.testing.assert_allclose(centers, CORNERS, atol=0.3)


def test_points_of_weight_zero_do_not_count():
    points = np.array([[0.0], [1.0], [100.0]], dtype=np.float32)
    weights = np.array([1.0, 1.0, 0.0])
    assert kmeans(points, 1, 0, n_init=1, sample_weight=weights).cluster_centers_[0, 0] == np.float32(0.5)
