from pathlib import Path

import numpy as np
import pytest
import torch

from softtopic.backbones.fastopic import FASTopic, FASTopicConfig
from softtopic.errors import InputError
from softtopic.objective import cross_entropy, soft_labels

GOLDEN = Path(__file__).parents[1] / "golden" / "fastopic.npz"


@pytest.fixture(scope="module")
def known() -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(np.asarray(value)) for key, value in np.load(GOLDEN).items()}


@pytest.fixture
def model(known) -> FASTopic:
    model = FASTopic(FASTopicConfig(n_inputs=12, n_topics=5, n_words=40), torch.Generator())
    state = model.state_dict()
    state["topics"], state["words"] = known["state/topic_embeddings"], known["state/word_embeddings"]
    state["topic_weights"] = known["state/DT_ETP.b_dist"].flatten()
    state["word_weights"] = known["state/TW_ETP.b_dist"].flatten()
    model.load_state_dict(state)
    return model


def test_plans_topics_and_loss_are_the_published_ones(model, known):
    labels = soft_labels(known["logits"], temperature=3.0, top_k=8)
    output = model(known["x_normalised"])
    torch.testing.assert_close(output.theta, known["theta"], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(model.topic_word(), known["beta"], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(output.penalty, known["loss_ETP"].float(), rtol=1e-4, atol=0)
    distilled = cross_entropy(output.log_words, labels, normalised=output.normalised).mean()
    torch.testing.assert_close(distilled, known["loss_DSR"].float(), rtol=1e-4, atol=0)
    torch.testing.assert_close(distilled + output.penalty, known["loss"].float(), rtol=1e-4, atol=0)


@torch.no_grad()
def test_theta_at_inference_is_the_row_of_the_plan_and_no_longer_of_the_batch(model, known):
    x = known["x_normalised"]
    model.eval().settle(iter([x[:10], x[10:]]))
    torch.testing.assert_close(model.infer(x), known["theta"], rtol=1e-3, atol=1e-4)
    # The published theta of three documents alone is another one.
    torch.testing.assert_close(model.infer(x[:3]), known["theta"][:3], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(model.infer(x * 17), model.infer(x))


@pytest.mark.parametrize("wrong", [{"n_topics": 1}, {"sharpness_words": 0.0}, {"n_words": 0}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError):
        FASTopicConfig(**({"n_inputs": 3, "n_topics": 2, "n_words": 4} | wrong))
