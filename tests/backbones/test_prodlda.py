import pytest
import torch

from softtopic.backbones.norm import WordNorm
from softtopic.backbones.prodlda import ProdLDA, ProdLDAConfig
from softtopic.errors import InputError
from softtopic.training.objective import distillation_loss, soft_labels

# Our names → those of the stored state.
STATE = {
    "encoder.first": "encoder.input_projection",
    "encoder.second": "encoder.hiddens.l_0.0",
    "encoder.mean": "encoder.f_mu",
    "encoder.log_variance": "encoder.f_sigma",
    "encoder.mean_norm": "encoder.f_mu_batchnorm",
    "encoder.log_variance_norm": "encoder.f_sigma_batchnorm",
}


@pytest.fixture(scope="module")
def model(known, published) -> ProdLDA:
    model = ProdLDA(ProdLDAConfig(n_inputs=12, n_topics=5, n_words=40, n_hidden=7), torch.Generator())
    others = {
        "word_norm.mean": known["state/beta_batchnorm.running_mean"],
        "word_norm.variance": known["state/beta_batchnorm.running_var"],
        "beta": known["state/beta"],
        "prior_mean": known["state/prior_mean"],
        "prior_log_variance": known["state/prior_variance"].log(),
    }
    return published(model, STATE, others).eval()


@torch.no_grad()
def test_encoder_mixture_and_words_are_the_published_ones(model, known):
    posterior = model.encoder(known["x"])
    torch.testing.assert_close(posterior.mean, known["mu"])
    torch.testing.assert_close(posterior.log_variance, known["log_sigma"])
    output = model(known["x"])
    torch.testing.assert_close(output.theta, known["theta_mean"])
    torch.testing.assert_close(model.infer(known["x"]), known["theta_mean"])
    torch.testing.assert_close(torch.softmax(output.log_words, dim=1), known["word_dist"])


@torch.no_grad()
def test_the_whole_loss_is_the_published_one(model, known):
    output = model(known["x"])
    labels = soft_labels(known["logits"], temperature=3.0)
    loss = len(labels) * output.penalty + 1000 * distillation_loss(output.log_words, labels).sum()
    torch.testing.assert_close(loss, known["loss_sum"], rtol=1e-5, atol=0)


def test_word_norm_is_batch_norm_in_values_gradients_and_running_statistics():
    drawn = torch.Generator().manual_seed(0)
    theta = torch.softmax(torch.randn(33, 6, generator=drawn, dtype=torch.float64), dim=1).requires_grad_()
    beta = torch.randn(6, 21, generator=drawn, dtype=torch.float64).requires_grad_()
    plain, folded = torch.nn.BatchNorm1d(21, affine=False).double(), WordNorm(21, 2.0).double()
    weights = torch.randn(33, 21, generator=drawn, dtype=torch.float64)

    def both(module, run):
        out = run(module)
        return out, *torch.autograd.grad((out * weights).sum(), (theta, beta))

    for _ in range(3):
        expected = both(plain, lambda norm: norm(theta @ beta) / 2)
        found = both(folded, lambda norm: norm(theta, beta))
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(folded.mean, plain.running_mean)
    torch.testing.assert_close(folded.variance, plain.running_var)
    torch.testing.assert_close(folded.eval()(theta, beta), plain.eval()(theta @ beta) / 2)


@pytest.mark.parametrize("wrong", [{"n_topics": 1}, {"dropout": 1.0}, {"temperature": 0.0}, {"n_words": 0}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError):
        ProdLDAConfig(**({"n_inputs": 3, "n_topics": 2, "n_words": 4} | wrong))
