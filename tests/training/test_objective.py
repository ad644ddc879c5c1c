from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from softtopic.training.objective import cross_entropy, distillation_loss, entropy, soft_labels

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(name: str) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(value) for key, value in np.load(GOLDEN / name).items()}


@pytest.mark.parametrize("temperature", [1, 3])
@pytest.mark.parametrize("top_k", [40, 8])
def test_published_loss(temperature, top_k):
    known = golden("objective.npz")
    labels = soft_labels(known["logits"], temperature=float(temperature), top_k=top_k)
    loss = distillation_loss(known["student_probs"].log(), labels)
    torch.testing.assert_close(loss, known[f"kl_tau{temperature}_top{top_k}"], atol=5e-6, rtol=1e-5)


@given(st.integers(1, 8), st.integers(2, 30), st.floats(0.1, 9), st.integers(1, 40), st.integers(0, 1000))
def test_labels_are_distributions(docs, vocab, temperature, top_k, seed):
    scores = torch.randn(docs, vocab, generator=torch.Generator().manual_seed(seed)) * 5
    labels = soft_labels(scores, temperature=temperature, top_k=top_k)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(docs))
    assert ((labels > 0).sum(dim=1) <= max(top_k, 1)).all()
    assert (distillation_loss(scores, labels) > -1e-5).all()


def test_labels_do_not_depend_on_an_added_constant_and_the_prior_is_subtracted():
    scores = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    prior = torch.randn(9, generator=torch.Generator().manual_seed(1))
    plain = soft_labels(scores, temperature=2.0)
    torch.testing.assert_close(soft_labels(scores + 7, temperature=2.0), plain)
    torch.testing.assert_close(soft_labels(scores + prior, temperature=2.0, prior=prior), plain)


def test_the_loss_is_zero_where_words_equal_labels_and_its_gradient_is_the_difference():
    scores = torch.randn(3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    labels = torch.softmax(torch.randn(3, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64), dim=1)
    assert torch.autograd.gradcheck(lambda x: cross_entropy(x, labels), scores)
    torch.testing.assert_close(distillation_loss(labels.log(), labels), torch.zeros(3, dtype=torch.float64))
    plain = (labels * (labels.log() - torch.log_softmax(scores, dim=1))).sum(dim=1)
    torch.testing.assert_close(distillation_loss(scores, labels), plain)


def test_entropy_counts_a_zero_as_nothing():
    labels = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    torch.testing.assert_close(entropy(labels), torch.tensor([np.log(2), 0.0], dtype=torch.float32))
