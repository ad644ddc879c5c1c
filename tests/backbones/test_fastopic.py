import pytest
import torch

from softtopic.backbones.fastopic import FASTopic
from softtopic.backbones.settings import FASTopicSettings, Sizes
from softtopic.training.objective import cross_entropy, soft_labels


@pytest.fixture
def model(known, published) -> FASTopic:
    others = {
        "topic_embeddings": known["state/topic_embeddings"],
        "word_embeddings": known["state/word_embeddings"],
        "topic_weights": known["state/DT_ETP.b_dist"].flatten(),
        "word_weights": known["state/TW_ETP.b_dist"].flatten(),
    }
    sizes = Sizes(n_inputs=12, n_topics=5, n_words=40)
    return published(FASTopic(sizes, FASTopicSettings(), torch.Generator()), {}, others)


def test_plans_topics_and_loss_are_the_published_ones(model, known):
    labels = soft_labels(known["logits"], temperature=3.0, top_k=8)
    output = model(known["x_normalised"])
    torch.testing.assert_close(output.theta, known["theta"], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(model.topic_word(), known["beta"], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(output.penalty, known["loss_ETP"].float(), rtol=1e-4, atol=0)
    distilled = cross_entropy(output.logits, labels, normalized=output.normalized).mean()
    torch.testing.assert_close(distilled, known["loss_DSR"].float(), rtol=1e-4, atol=0)
    torch.testing.assert_close(distilled + output.penalty, known["loss"].float(), rtol=1e-4, atol=0)


@torch.no_grad()
def test_theta_at_inference_is_normalised_by_the_training_set_and_not_by_the_batch(model, known, mixtures):
    x = known["x_normalised"]
    model.eval().finalize(iter([x[:10], x[10:]]))
    attraction = torch.exp(-3 * torch.cdist(x, model.topic_embeddings).square())
    expected = attraction / attraction.sum(dim=0)
    expected /= expected.sum(dim=1, keepdim=True)
    torch.testing.assert_close(mixtures(model, x), expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(mixtures(model, x[:3]), expected[:3], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(mixtures(model, x * 17), expected, rtol=1e-4, atol=1e-6)
    # With topics of equal mass it is near the published plan, which depends on all documents at once.
    assert (mixtures(model, x).argmax(dim=1) == known["theta"].argmax(dim=1)).all()
    assert (mixtures(model, x) - known["theta"]).abs().max() < 0.15
