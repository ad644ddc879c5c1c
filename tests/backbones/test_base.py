"""Noise that a backbone adds to what it reads while it is trained."""

import pytest
import torch

from softtopic.backbones.base import dropout, jitter


@pytest.mark.parametrize("noisy", [dropout, jitter])
def test_mean_and_variance_are_those_of_dropout(noisy):
    found = noisy(torch.full((200_000,), 2.0), 0.2, torch.Generator().manual_seed(0))
    assert found.mean().item() == pytest.approx(2, abs=0.01)
    assert found.var().item() == pytest.approx(4 * 0.2 / 0.8, abs=0.02)


@pytest.mark.parametrize("share", [0.25, 0.9])
def test_jitter_leaves_nothing_out_and_turns_nothing_round(share):
    found = jitter(torch.ones(100_000), share, torch.Generator().manual_seed(0))
    assert found.min() >= 0
    assert (found == 0).sum() <= 1


@pytest.mark.parametrize("noisy", [dropout, jitter])
def test_without_noise_nothing_changes(noisy):
    x = torch.arange(3.0)
    assert noisy(x, 0.2, None) is x
    assert noisy(x, 0.0, torch.Generator()) is x
