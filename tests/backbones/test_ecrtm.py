import pytest
import torch

from softtopic.backbones.ecrtm import ECRTM
from softtopic.backbones.settings import ECRTMSettings, Sizes
from softtopic.backbones.transport import SinkhornConfig, sinkhorn, squared_distances
from softtopic.training.objective import distillation_loss, soft_labels

# Our names → the published ones.
STATE = {
    "encoder.first": "fc11",
    "encoder.second": "fc12",
    "encoder.mean": "fc21",
    "encoder.log_variance": "fc22",
    "encoder.mean_norm.0": "mean_bn",
    "encoder.mean_norm.1": "mean_bn",
    "encoder.log_variance_norm.0": "logvar_bn",
    "encoder.log_variance_norm.1": "logvar_bn",
}


@pytest.fixture(scope="module")
def model(known, published) -> ECRTM:
    sizes = Sizes(n_inputs=12, n_topics=5, n_words=40, word_width=9)
    model = ECRTM(sizes, ECRTMSettings(n_hidden=7), torch.Generator())
    others = {
        "word_norm.mean": known["state/decoder_bn.running_mean"],
        "word_norm.variance": known["state/decoder_bn.running_var"],
        "word_shift.bias": known["state/decoder_bn.bias"],
        "word_embeddings": known["state/word_embeddings"],
        "topic_embeddings": known["state/topic_embeddings"],
    }
    return published(model, STATE, others).eval()


@torch.no_grad()
def test_mixture_and_topics_are_the_published_ones(model, known, mixtures):
    torch.testing.assert_close(mixtures(model, known["x"]), known["theta"])
    beta = known["beta"]
    torch.testing.assert_close(model.topic_word(), beta / beta.sum(dim=1, keepdim=True), rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_the_whole_loss_is_the_published_one(model, known):
    output = model(known["x"])
    distilled = distillation_loss(output.logits, soft_labels(known["logits"], temperature=3.0)).mean()
    torch.testing.assert_close(distilled, known["recon_loss"])
    # Of the published value, 0.1 % is the guard against division by zero: see below.
    torch.testing.assert_close(1000 * distilled + output.penalty, known["loss"], rtol=5e-4, atol=0)
    distances = squared_distances(model.topic_embeddings, model.word_embeddings)
    transported = sinkhorn(
        distances, torch.full((5,), 1 / 5), torch.full((40,), 1 / 40), SinkhornConfig(20.0, 5e-3, 1000)
    )
    clustering = 100 * (transported.plan * distances).sum()
    torch.testing.assert_close(output.penalty - clustering, known["kl_loss"], rtol=1e-5, atol=0)
    torch.testing.assert_close(clustering, known["loss_ECR"], rtol=2e-3, atol=0)
    # The published guard, 1e-16, is larger than the sums it guards, which slows the iteration down and changes where
    # it ends; with it the published number comes out, and without it ours.
    torch.testing.assert_close(
        clustering_by_hand(distances.double(), 1e-16), known["loss_ECR"].double(), rtol=1e-5, atol=0
    )
    torch.testing.assert_close(clustering_by_hand(distances.double(), 0.0), clustering.double(), rtol=1e-3, atol=0)


def clustering_by_hand(distances, guard):
    """The textbook iteration on the kernel, with the published way to stop."""
    kernel, u, steps = torch.exp(-20 * distances), torch.full((5,), 1 / 5).double(), 0
    while True:
        v = (1 / 40) / (kernel.T @ u + guard)
        u = (1 / 5) / (kernel @ v + guard)
        steps += 1
        if steps % 50 == 1 and float((v * (kernel.T @ u) - 1 / 40).abs().sum()) <= 0.005:
            return 100 * (u[:, None] * kernel * v * distances).sum()


def test_the_transport_of_a_step_starts_from_that_of_the_step_before():
    rng = torch.Generator().manual_seed(0)
    model = ECRTM(Sizes(n_inputs=4, n_topics=6, n_words=200), ECRTMSettings(), rng)
    x = torch.randn(8, 4, generator=rng)
    first = model(x).penalty
    begun = model.potential.clone()
    assert begun.abs().max() > 0
    again = model(x).penalty
    torch.testing.assert_close(again, first, rtol=1e-2, atol=0)
    # Not in `eval` mode: results must not depend on how training ended.
    cold = model.eval()(x).logits
    model.potential.fill_(3.0)
    assert torch.equal(model(x).logits, cold)
