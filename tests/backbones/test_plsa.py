import pytest
import torch

from softtopic.backbones.plsa import PLSA
from softtopic.backbones.settings import PLSASettings, Sizes


def build(**settings) -> PLSA:
    sizes = Sizes(n_inputs=5, n_topics=3, n_words=7)
    return PLSA(sizes, PLSASettings(**settings), torch.Generator().manual_seed(0))


def test_words_are_a_mixture_of_topics():
    model = build(dropout=0.0)
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    output = model(x)
    softplus = torch.nn.functional.softplus
    theta = torch.softmax(model.scores(softplus(model.second(softplus(model.first(x))))), dim=1)
    torch.testing.assert_close(output.theta, theta)
    torch.testing.assert_close(output.logits.exp(), theta @ torch.softmax(model.beta, dim=1))


def test_inputs_are_noisy_in_training_alone():
    model, x, read = build(dropout=0.2), torch.ones(4, 5), []
    model.first.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    model(x, torch.Generator().manual_seed(0))
    model.eval()(x)
    assert (read[0] != x).all()
    assert (read[0] > 0).all()
    torch.testing.assert_close(read[1], x)


@pytest.mark.parametrize(("weight", "temperature"), [(0.1, 3.0), (0.4, 2.0), (0.0, 3.0)])
def test_inferred_theta_has_a_tail_and_the_same_order(weight, temperature):
    model = build(dropout=0.0, tail_weight=weight, tail_temperature=temperature)
    x = 20 * torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    theta, inferred = model(x).theta, model.eval()(x).theta
    tail = torch.softmax(theta.log() / temperature, dim=1)
    torch.testing.assert_close(inferred, (1 - weight) * theta + weight * tail)
    torch.testing.assert_close(inferred.argsort(dim=1), theta.argsort(dim=1))


def test_topics_start_from_the_initial_ones_smoothed():
    initial = torch.tensor([[0.5, 0.5, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [1 / 7] * 7])
    model = build()
    model.init_topic_word(initial)
    torch.testing.assert_close(model.topic_word(), initial, atol=1e-4, rtol=0)
    smoothed = build(init_smoothing=0.1)
    smoothed.init_topic_word(initial)
    torch.testing.assert_close(smoothed.topic_word(), (initial + 0.1) / 1.7)
