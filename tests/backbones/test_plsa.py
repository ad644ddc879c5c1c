import pytest
import torch

from softtopic.backbones.plsa import PLSA, PLSAConfig
from softtopic.errors import InputError


def build(**settings) -> PLSA:
    return PLSA(
        PLSAConfig(**({"n_inputs": 5, "n_topics": 3, "n_words": 7} | settings)), torch.Generator().manual_seed(0)
    )


def test_words_are_a_mixture_of_topics():
    model = build(dropout=0.0)
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    output = model(x)
    wanted = torch.softmax(
        model.scores(torch.nn.functional.softplus(model.second(torch.nn.functional.softplus(model.first(x))))), dim=1
    )
    torch.testing.assert_close(output.theta, wanted)
    torch.testing.assert_close(output.log_words.exp(), wanted @ torch.softmax(model.beta, dim=1))


def test_inputs_are_noisy_in_training_alone():
    model, x, read = build(dropout=0.2), torch.ones(4, 5), []
    model.first.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    model(x, torch.Generator().manual_seed(0))
    model.eval().infer(x)
    assert (read[0] != x).all()
    assert (read[0] > 0).all()
    torch.testing.assert_close(read[1], x)


def test_what_is_inferred_has_a_tail_and_the_same_order():
    model = build(dropout=0.0)
    x = 20 * torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    theta, inferred = model(x).theta, model.eval().infer(x)
    torch.testing.assert_close(inferred, 0.9 * theta + 0.1 * torch.softmax(theta.log() / 3, dim=1))
    torch.testing.assert_close(inferred.argsort(dim=1), theta.argsort(dim=1))


def test_topics_begin_where_they_are_told():
    model = build()
    wanted = torch.tensor([[0.5, 0.5, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [1 / 7] * 7])
    model.start_topics(wanted)
    torch.testing.assert_close(model.topic_word(), wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("wrong", [{"n_topics": 1}, {"n_inputs": 0}, {"dropout": 1.0}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match=r"PLSA|dropout"):
        build(**wrong)
