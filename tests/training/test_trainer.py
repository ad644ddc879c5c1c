from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from softtopic.backbones.prodlda import ProdLDA, ProdLDAConfig
from softtopic.backbones.registry import BACKBONES, build_backbone
from softtopic.errors import InputError
from softtopic.training.objective import cross_entropy
from softtopic.training.trainer import TrainingConfig, TrainingData, batches, epochs_of, tempered, train


def data(docs: int = 60, config: TrainingConfig = TrainingConfig()) -> TrainingData:
    """Three clear clusters: inputs and words say the same."""
    drawn = torch.Generator().manual_seed(0)
    cluster = torch.arange(docs) % 3
    inputs = torch.randn(docs, 8, generator=drawn) * 0.3 + torch.eye(8)[cluster] * 3
    scores = torch.randn(docs, 30, generator=drawn) * 0.3 + torch.eye(3)[cluster].repeat_interleave(10, dim=1) * 5
    labels = tempered(torch.log_softmax(scores, dim=1), config, None, inputs.device)
    return TrainingData(inputs=inputs, labels=labels, documents=torch.arange(docs))


def fitted(training: TrainingData, config: TrainingConfig, seed: int = 0):
    noise = torch.Generator().manual_seed(seed)
    model = ProdLDA(ProdLDAConfig(n_inputs=8, n_topics=3, n_words=30, temperature=config.temperature), noise)
    return model, train(model, training, config, noise)


def test_the_loss_falls_and_clusters_become_topics():
    config = TrainingConfig(epochs=60, batch_size=16, temperature=1.0, learning_rate=1e-2)
    model, report = fitted(data(config=config), config)
    assert report.losses[-1] < 0.6 * report.losses[0]
    assert report.losses[-1] > 0
    assert not model.training
    topic = model.infer(data().inputs).argmax(dim=1)
    assert len({(int(a), int(b)) for a, b in zip(topic, torch.arange(60) % 3, strict=True)}) == 3


def test_equal_seeds_give_equal_models_and_others_do_not():
    config = TrainingConfig(epochs=2, batch_size=16)
    first, again, other = (fitted(data(), config, seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["beta"], other["beta"])


@given(st.integers(2, 300), st.integers(2, 70))
def test_every_document_once_and_no_batch_of_one(docs, size):
    found = list(batches(torch.arange(docs), TrainingConfig(batch_size=size), torch.Generator().manual_seed(0)))
    assert sorted(torch.cat(found).tolist()) == list(range(docs))
    assert min(map(len, found)) > 1
    assert max(map(len, found)) <= 1.5 * size + 1


def test_many_documents_have_fewer_epochs():
    config = TrainingConfig(epochs=60, batch_size=512, least_batches=32, most_batches=2000)
    assert [epochs_of(config, documents) for documents in (100, 2000, 16_384, 20_000, 50_000)] == [60, 60, 60, 51, 20]
    assert epochs_of(config, 512 * 5000) == 1
    assert epochs_of(TrainingConfig(epochs=7), 10**6) == 7
    few = TrainingConfig(epochs=9, batch_size=20, most_batches=6, temperature=1.0)
    assert len(fitted(data(60, few), few)[1].losses) == 2


def test_few_documents_are_cut_into_smaller_batches():
    config = TrainingConfig(batch_size=512, least_batches=32)
    sizes = [len(batch) for batch in batches(torch.arange(2000), config, torch.Generator().manual_seed(0))]
    assert len(sizes) == 32
    assert sum(sizes) == 2000
    assert [len(batch) for batch in batches(torch.arange(5), config, torch.Generator())] == [3, 2]


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
    seen = list(batches(twice.documents, TrainingConfig(batch_size=4), torch.Generator().manual_seed(0)))
    assert torch.cat(seen).bincount(minlength=6).tolist() == [1, 1, 1, 1, 1, 3]
    assert len(fitted(twice, config)[1].losses) == 1


def test_stops_early_only_when_asked():
    patient = TrainingConfig(epochs=12, batch_size=16, learning_rate=1e-9, patience=2)
    assert len(fitted(data(), patient)[1].losses) < 12
    assert len(fitted(data(), TrainingConfig(epochs=12, batch_size=16, learning_rate=1e-9))[1].losses) == 12


def test_one_document_and_impossible_settings_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        fitted(data(1), TrainingConfig(epochs=1))
    for wrong in ({"epochs": 0}, {"batch_size": 1}, {"learning_rate": 0.0}, {"patience": 0}, {"temperature": -1.0}):
        with pytest.raises(InputError):
            TrainingConfig(**wrong)


def test_a_diverging_run_says_so():
    training = data()
    broken = TrainingData(inputs=training.inputs * float("nan"), labels=training.labels, documents=training.documents)
    with pytest.raises(InputError, match="diverged"):
        fitted(broken, TrainingConfig(epochs=1))


def test_counts_are_trained_by_their_negative_log_likelihood():
    counts = csr_matrix(np.asarray([[3, 0, 1], [0, 0, 0], [0, 2, 0]]))
    training = TrainingData.count(torch.randn(3, 8), counts, torch.arange(3))
    assert training.weights.tolist() == [4, 0, 2]
    torch.testing.assert_close(training.labels.float().sum(dim=1), torch.tensor([1.0, 0.0, 1.0]))
    scores = torch.randn(3, 3, requires_grad=True)
    expected = -(torch.from_numpy(counts.toarray()) * torch.log_softmax(scores, dim=1)).sum(dim=1).mean()
    for normalised, log_words in ((False, scores), (True, torch.log_softmax(scores, dim=1))):
        loss = (training.weights * cross_entropy(log_words, training.labels.float(), normalised=normalised)).mean()
        torch.testing.assert_close(loss, expected.float())
        wanted, found = (torch.autograd.grad(value, scores, retain_graph=True)[0] for value in (expected, loss))
        torch.testing.assert_close(found, wanted.float(), rtol=1e-3, atol=1e-4)


def test_a_mixture_keeps_the_soft_label_of_a_document_without_words():
    soft = TrainingData(inputs=torch.randn(2, 8), labels=torch.tensor([[0.5, 0.5], [0.2, 0.8]]).half(),
                        documents=torch.arange(2))  # fmt: skip
    mixed = soft.mixed(csr_matrix(np.asarray([[4, 0], [0, 0]])), 0.25)
    torch.testing.assert_close(mixed.labels.float(), torch.tensor([[0.625, 0.375], [0.2, 0.8]]), rtol=1e-3, atol=0)
    assert mixed.weights is None


def test_all_documents_can_be_one_batch():
    found = list(batches(torch.arange(301), TrainingConfig(batch_size=None), torch.Generator().manual_seed(0)))
    assert len(found) == 1
    assert sorted(found[0].tolist()) == list(range(301))


@pytest.mark.parametrize("name", BACKBONES)
def test_one_loop_trains_every_backbone(name):
    config = TrainingConfig(epochs=80, batch_size=None if name == "fastopic" else 16, temperature=1.0,
                            learning_rate=1e-2)  # fmt: skip
    noise = torch.Generator().manual_seed(0)
    training = data(config=config)
    if name == "plsa":  # it has no prior: what it is guided to decides
        training = replace(training, theta=torch.eye(3)[torch.arange(60) % 3])
    model = build_backbone(name, {"n_inputs": 8, "n_topics": 3, "n_words": 30}, noise)
    report = train(model, training, config, noise)
    assert report.losses[-1] < 0.8 * report.losses[0]
    theta = model.infer(training.inputs)
    assert torch.equal(theta, model.infer(training.inputs))
    # Mixtures of a cluster are more alike than those of different ones.
    apart = torch.cdist(theta, theta)
    same = (torch.arange(60) % 3)[:, None] == torch.arange(60) % 3
    assert apart[same].mean() < 0.5 * apart[~same].mean()


def test_theta_goes_where_it_is_guided():
    config = TrainingConfig(epochs=160, batch_size=16, temperature=1.0, learning_rate=1e-2)
    wanted = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.6, 0.2]])[torch.arange(60) % 3]
    guided = replace(data(config=config), theta=wanted)
    for guidance, near in ((0.0, False), (10.0, True)):
        model = build_backbone("plsa", {"n_inputs": 8, "n_topics": 3, "n_words": 30}, torch.Generator().manual_seed(0))
        train(model, guided, replace(config, guidance=guidance), torch.Generator().manual_seed(0))
        assert bool((model.infer(guided.inputs) - wanted).abs().mean() < 0.05) == near
    with pytest.raises(InputError, match="guidance is -1"):
        TrainingConfig(guidance=-1.0)
