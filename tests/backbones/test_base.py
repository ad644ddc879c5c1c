"""Dropout and multiplicative noise."""

import pytest
import torch

from softtopic.backbones.base import dropout, multiplicative_noise


@pytest.mark.parametrize("noisy", [dropout, multiplicative_noise])
def test_mean_and_variance_are_those_of_dropout(noisy):
    found = noisy(torch.full((200_000,), 2.0), 0.2, torch.Generator().manual_seed(0))
    assert found.mean().item() == pytest.approx(2, abs=0.01)
    assert found.var().item() == pytest.approx(4 * 0.2 / 0.8, abs=0.02)


@pytest.mark.parametrize("p", [0.25, 0.9])
def test_multiplicative_noise_zeroes_nothing_and_keeps_the_sign(p):
    found = multiplicative_noise(torch.ones(100_000), p, torch.Generator().manual_seed(0))
    assert found.min() >= 0
    assert (found == 0).sum() <= 1


@pytest.mark.parametrize("noisy", [dropout, multiplicative_noise])
def test_without_a_generator_or_a_rate_nothing_changes(noisy):
    x = torch.arange(3.0)
    assert noisy(x, 0.2, None) is x
    assert noisy(x, 0.0, torch.Generator()) is x
