from dataclasses import replace

import pytest
import torch

from softtopic.backbones.etm import ETM
from softtopic.backbones.settings import ETMSettings, Sizes

# Our names → the published ones.
STATE = {
    "encoder.first": "q_theta.0",
    "encoder.second": "q_theta.2",
    "encoder.mean": "mu_q_theta",
    "encoder.log_variance": "logsigma_q_theta",
}


@pytest.fixture(scope="module")
def model(known, published) -> ETM:
    sizes = Sizes(n_inputs=12, n_topics=5, n_words=40, word_width=9)
    model = ETM(sizes, ETMSettings(n_hidden=7), torch.Generator())
    embeddings = {"word_embeddings": known["state/rho.weight"], "topic_embeddings": known["state/alphas.weight"]}
    return published(model, STATE, embeddings).eval()


@torch.no_grad()
def test_encoder_topics_and_mixture_are_the_published_ones(model, known, mixtures):
    posterior = model.encoder(known["x"])
    torch.testing.assert_close(posterior.mean, known["mu"])
    torch.testing.assert_close(posterior.log_variance, known["log_sigma"])
    torch.testing.assert_close(model.topic_word(), known["beta"])
    torch.testing.assert_close(mixtures(model, known["x"]), known["theta"])
    output = model(known["x"])
    torch.testing.assert_close(output.theta, known["theta"])
    torch.testing.assert_close(output.penalty, known["kl_prior_mean"])
    # Not a softmax of the mixture, as in the published code.
    torch.testing.assert_close(output.logits.exp(), known["mixture"])


def test_the_width_of_embeddings_is_that_of_the_settings_unless_the_sizes_name_one():
    sizes, rng = Sizes(n_inputs=3, n_topics=2, n_words=4), torch.Generator()
    assert ETM(sizes, ETMSettings(word_width=6), rng).word_embeddings.shape == (4, 6)
    assert ETM(replace(sizes, word_width=5), ETMSettings(word_width=6), rng).topic_embeddings.shape == (2, 5)
