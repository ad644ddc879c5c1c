from pathlib import Path

import numpy as np
import pytest
import torch

from softtopic.backbones.etm import ETM, ETMConfig
from softtopic.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden" / "etm.npz"

# Our names → those of the stored state.
STATE = {
    "encoder.first": "q_theta.0",
    "encoder.second": "q_theta.2",
    "encoder.mean": "mu_q_theta",
    "encoder.log_variance": "logsigma_q_theta",
}


@pytest.fixture(scope="module")
def known() -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(value) for key, value in np.load(GOLDEN).items()}


@pytest.fixture(scope="module")
def model(known) -> ETM:
    model = ETM(ETMConfig(n_inputs=12, n_topics=5, n_words=40, n_hidden=7, word_width=9), torch.Generator())
    state = model.state_dict()
    for ours, theirs in STATE.items():
        state |= {f"{ours}.{field}": known[f"state/{theirs}.{field}"] for field in ("weight", "bias")}
    state["words"], state["topics"] = known["state/rho.weight"], known["state/alphas.weight"]
    model.load_state_dict(state)
    return model.eval()


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
