import pytest
import torch

from softtopic.backbones.etm import ETM, ETMConfig
from softtopic.errors import InputError

# Our names → those of the stored state.
STATE = {
    "encoder.first": "q_theta.0",
    "encoder.second": "q_theta.2",
    "encoder.mean": "mu_q_theta",
    "encoder.log_variance": "logsigma_q_theta",
}


@pytest.fixture(scope="module")
def model(known, published) -> ETM:
    model = ETM(ETMConfig(n_inputs=12, n_topics=5, n_words=40, n_hidden=7, word_width=9), torch.Generator())
    return published(model, STATE, {"words": known["state/rho.weight"], "topics": known["state/alphas.weight"]}).eval()


@torch.no_grad()
def test_encoder_topics_and_mixture_are_the_published_ones(model, known):
    posterior = model.encoder(known["x"])
    torch.testing.assert_close(posterior.mean, known["mu"])
    torch.testing.assert_close(posterior.log_variance, known["log_sigma"])
    torch.testing.assert_close(model.topic_word(), known["beta"])
    torch.testing.assert_close(model.infer(known["x"]), known["theta"])
    output = model(known["x"])
    torch.testing.assert_close(output.theta, known["theta"])
    torch.testing.assert_close(output.penalty, known["kl_prior_mean"])
    # Not a softmax of the mixture, as in the published code.
    torch.testing.assert_close(output.log_words.exp(), known["mixture"])


@pytest.mark.parametrize("wrong", [{"n_topics": 1}, {"dropout": 1.0}, {"word_width": 0}, {"n_words": 0}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError):
        ETMConfig(**({"n_inputs": 3, "n_topics": 2, "n_words": 4} | wrong))
