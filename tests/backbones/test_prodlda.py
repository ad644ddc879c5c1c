import pytest
import torch

from softtopic.backbones.norm import WordNorm
from softtopic.backbones.prodlda import ProdLDA
from softtopic.backbones.settings import ProdLDASettings, Sizes
from softtopic.errors import InputError
from softtopic.training.objective import distillation_loss, soft_labels

# Our names → the published ones.
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
    settings = ProdLDASettings(n_hidden=7, temperature=3.0)
    model = ProdLDA(Sizes(n_inputs=12, n_topics=5, n_words=40), settings, torch.Generator())
    others = {
        "word_norm.mean": known["state/beta_batchnorm.running_mean"],
        "word_norm.variance": known["state/beta_batchnorm.running_var"],
        "beta": known["state/beta"],
        "prior_mean": known["state/prior_mean"],
        "prior_log_variance": known["state/prior_variance"].log(),
    }
    return published(model, STATE, others).eval()


@torch.no_grad()
def test_encoder_mixture_and_words_are_the_published_ones(model, known, mixtures):
    posterior = model.encoder(known["x"])
    torch.testing.assert_close(posterior.mean, known["mu"])
    torch.testing.assert_close(posterior.log_variance, known["log_sigma"])
    output = model(known["x"])
    torch.testing.assert_close(output.theta, known["theta_mean"])
    torch.testing.assert_close(mixtures(model, known["x"]), known["theta_mean"])
    torch.testing.assert_close(torch.softmax(output.logits, dim=1), known["word_dist"])


@torch.no_grad()
def test_the_whole_loss_is_the_published_one(model, known):
    output = model(known["x"])
    labels = soft_labels(known["logits"], temperature=3.0)
    loss = len(labels) * output.penalty + 1000 * distillation_loss(output.logits, labels).sum()
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


def test_the_temperature_is_that_of_the_labels_unless_the_settings_name_one():
    sizes, rng = Sizes(n_inputs=3, n_topics=2, n_words=4), torch.Generator()
    assert ProdLDA(sizes, ProdLDASettings().resolved(2.0), rng).word_norm.temperature == 2
    assert ProdLDASettings(temperature=1.5).resolved(2.0) == ProdLDASettings(temperature=1.5)
    with pytest.raises(InputError, match=r"temperature of ProdLDA is None; set it, or call settings\.resolved"):
        ProdLDA(sizes, ProdLDASettings(), rng)


def test_the_prior_starts_at_the_laplace_approximation_of_a_dirichlet():
    sizes = Sizes(n_inputs=3, n_topics=4, n_words=4)
    for alpha in (1.0, 0.02):
        model = ProdLDA(sizes, ProdLDASettings(temperature=1.0, dirichlet_alpha=alpha), torch.Generator())
        # Srivastava & Sutton (2017): 1/alpha (1 - 2/K) + 1/K² Σ 1/alpha.
        variance = 1 / alpha * (1 - 2 / 4) + 4 / (alpha * 4**2)
        torch.testing.assert_close(model.prior_log_variance.exp(), torch.full((4,), variance))
        assert (model.prior_mean == 0).all()
