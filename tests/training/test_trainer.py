from dataclasses import replace

import pytest
import torch

from softtopic.backbones.base import Backbone
from softtopic.backbones.registry import BACKBONES, build_backbone, default_settings
from softtopic.backbones.settings import Sizes
from softtopic.errors import InputError
from softtopic.training.config import TrainingConfig
from softtopic.training.dataset import TrainingData, soft_label_targets
from softtopic.training.trainer import train

SIZES = Sizes(n_inputs=8, n_topics=3, n_words=30)


def data(docs: int = 60, config: TrainingConfig = TrainingConfig()) -> TrainingData:
    """Three clear clusters: inputs and words say the same."""
    drawn = torch.Generator().manual_seed(0)
    cluster = torch.arange(docs) % 3
    inputs = torch.randn(docs, 8, generator=drawn) * 0.3 + torch.eye(8)[cluster] * 3
    scores = torch.randn(docs, 30, generator=drawn) * 0.3 + torch.eye(3)[cluster].repeat_interleave(10, dim=1) * 5
    labels = soft_label_targets(torch.log_softmax(scores, dim=1), config, None, inputs.device)
    return TrainingData(inputs=inputs, labels=labels, documents=torch.arange(docs))


def fitted(training: TrainingData, config: TrainingConfig, seed: int = 0):
    rng = torch.Generator().manual_seed(seed)
    model = build("prodlda", config.temperature, rng)
    return model, train(model, training, config, rng)


def build(name: str, temperature: float, rng: torch.Generator) -> Backbone:
    return build_backbone(default_settings(name).resolved(temperature), SIZES, rng)


def test_the_loss_falls_and_clusters_become_topics(mixtures):
    config = TrainingConfig(epochs=60, batch_size=16, temperature=1.0, learning_rate=1e-2)
    model, report = fitted(data(config=config), config)
    assert report.losses[-1] < 0.6 * report.losses[0]
    assert report.losses[-1] > 0
    assert not model.training
    topic = mixtures(model, data().inputs).argmax(dim=1)
    assert len({(int(a), int(b)) for a, b in zip(topic, torch.arange(60) % 3, strict=True)}) == 3


def test_equal_seeds_give_equal_models_and_others_do_not():
    config = TrainingConfig(epochs=2, batch_size=16)
    first, again, other = (fitted(data(), config, seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["beta"], other["beta"])


def test_a_limit_on_batches_means_fewer_epochs():
    few = TrainingConfig(epochs=9, batch_size=20, max_batches=6, temperature=1.0)
    assert len(fitted(data(60, few), few)[1].losses) == 2


@pytest.mark.parametrize("docs", [2, 3, 17, 65])
def test_any_number_of_documents_trains(docs):
    config = TrainingConfig(epochs=1, batch_size=16)
    _, report = fitted(data(docs), config)
    assert len(report.losses) == 1
    assert report.documents_per_second > 0


def test_a_document_that_stands_twice_counts_twice():
    config = TrainingConfig(epochs=1, batch_size=4)
    one = data(6)
    twice = TrainingData(inputs=one.inputs, labels=one.labels, documents=torch.tensor([0, 1, 2, 3, 4, 5, 5, 5]))
    assert len(fitted(twice, config)[1].losses) == 1


def test_training_stops_early_only_with_a_patience():
    patient = TrainingConfig(epochs=12, batch_size=16, learning_rate=1e-9, patience=2)
    assert len(fitted(data(), patient)[1].losses) < 12
    assert len(fitted(data(), TrainingConfig(epochs=12, batch_size=16, learning_rate=1e-9))[1].losses) == 12


def test_one_document_is_refused():
    with pytest.raises(InputError, match="at least 2"):
        fitted(data(1), TrainingConfig(epochs=1))


def test_a_diverging_run_says_so():
    training = data()
    broken = TrainingData(inputs=training.inputs * float("nan"), labels=training.labels, documents=training.documents)
    with pytest.raises(InputError, match="diverged"):
        fitted(broken, TrainingConfig(epochs=1))


@pytest.mark.parametrize("name", BACKBONES)
def test_one_loop_trains_every_backbone(name, mixtures):
    batch_size = None if name == "fastopic" else 16
    config = TrainingConfig(epochs=80, batch_size=batch_size, temperature=1.0, learning_rate=1e-2)
    rng = torch.Generator().manual_seed(0)
    training = data(config=config)
    if name == "plsa":  # without a prior it depends on target mixtures
        training = replace(training, target_mixtures=torch.eye(3)[torch.arange(60) % 3])
    model = build(name, 3.0, rng)
    report = train(model, training, config, rng)
    assert report.losses[-1] < 0.8 * report.losses[0]
    theta = mixtures(model, training.inputs)
    assert torch.equal(theta, mixtures(model, training.inputs))
    # Mixtures of a cluster are more alike than those of different ones.
    apart = torch.cdist(theta, theta)
    same = (torch.arange(60) % 3)[:, None] == torch.arange(60) % 3
    assert apart[same].mean() < 0.5 * apart[~same].mean()


def test_theta_matches_the_target_mixtures_where_they_have_weight(mixtures):
    config = TrainingConfig(epochs=160, batch_size=16, temperature=1.0, learning_rate=1e-2)
    targets = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.6, 0.2]])[torch.arange(60) % 3]
    training = replace(data(config=config), target_mixtures=targets)
    for weight, near in ((0.0, False), (10.0, True)):
        model = build("plsa", 1.0, torch.Generator().manual_seed(0))
        train(model, training, replace(config, theta_weight=weight), torch.Generator().manual_seed(0))
        assert bool((mixtures(model, training.inputs) - targets).abs().mean() < 0.05) == near
