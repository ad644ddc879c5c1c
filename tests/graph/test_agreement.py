import numpy as np
import pytest

from softtopic.graph.agreement import view_agreements, weigh_by_agreement
from softtopic.graph.config import AgreementConfig
from softtopic.graph.neighbours import View

RNG = np.random.default_rng(0)
CLASSES = np.repeat(np.arange(4), 30)


def clustered(noise: float) -> np.ndarray:
    return (np.eye(4)[CLASSES] + noise * RNG.normal(size=(120, 4))).astype(np.float32)


def test_a_view_of_noise_loses_its_weight():
    views = [View(clustered(0.05), 1.0), View(clustered(0.05), 0.9), View(RNG.normal(size=(120, 4)).astype("f4"), 0.4)]
    first, second, noise = weigh_by_agreement(views, 4, AgreementConfig(), 0)
    assert min(first.weight, second.weight) > 0.8
    assert noise.weight < 0.05
    np.testing.assert_array_equal(first.vectors, views[0].vectors)


def test_agreement_is_the_share_of_neighbours_in_the_own_group():
    views = [View(np.eye(4, dtype=np.float32)[CLASSES] + 0.001 * clustered(0.1), 1.0) for _ in range(2)]
    np.testing.assert_allclose(view_agreements(views, 4, AgreementConfig(), 0), 1)


def test_weights_stay_as_they_are_where_nothing_can_be_compared():
    one = [View(clustered(0.1), 0.7)]
    assert [view.weight for view in weigh_by_agreement(one, 4, AgreementConfig(), 0)] == [0.7]
    two = [*one, View(clustered(0.1), 0.3)]
    assert [view.weight for view in weigh_by_agreement(two, 4, None, 0)] == [0.7, 0.3]
    assert [view.weight for view in weigh_by_agreement(two, 4, AgreementConfig(power=0.0), 0)] == [0.7, 0.3]


def test_few_documents_for_many_groups_have_one_neighbour():
    views = [View(RNG.normal(size=(5, 3)).astype("f4"), 1.0) for _ in range(2)]
    assert view_agreements(views, 4, AgreementConfig(), 0).shape == (2,)


@pytest.mark.parametrize("count", [2, 12])
def test_weights_stay_as_they_are_where_each_document_is_a_group_of_its_own(count):
    views = [View(np.eye(count, dtype=np.float32), weight) for weight in (0.7, 0.3)]
    weighed = weigh_by_agreement(views, count, AgreementConfig(), 0)
    assert [view.weight for view in weighed] == [0.7, 0.3]


def test_a_sample_smaller_than_the_number_of_groups_is_enlarged():
    views = [View(clustered(0.1), 1.0) for _ in range(2)]
    assert view_agreements(views, 20, AgreementConfig(max_documents=10), 0).shape == (2,)


def test_constant_vectors_give_no_warning(recwarn):
    views = [View(np.zeros((30, 2), dtype=np.float32), 1.0), View(clustered(0.1)[:30], 1.0)]
    assert np.isfinite([view.weight for view in weigh_by_agreement(views, 4, AgreementConfig(), 0)]).all()
    assert not recwarn.list
