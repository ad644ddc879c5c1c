import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from softtopic.training import dataset
from softtopic.training.config import TrainingConfig
from softtopic.training.dataset import TrainingData, l1_normalized, minibatches, soft_label_targets
from softtopic.training.objective import cross_entropy, soft_labels


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@given(st.integers(2, 300), st.integers(2, 70))
def test_every_document_once_and_no_batch_of_one(docs, size):
    found = list(minibatches(torch.arange(docs), TrainingConfig(batch_size=size), rng()))
    assert sorted(torch.cat(found).tolist()) == list(range(docs))
    assert min(map(len, found)) > 1
    assert max(map(len, found)) <= 1.5 * size + 1


def test_batches_of_few_documents_are_of_nearly_equal_size():
    config = TrainingConfig(batch_size=512, min_batches_per_epoch=32)
    sizes = [len(batch) for batch in minibatches(torch.arange(2000), config, rng())]
    assert len(sizes) == 32
    assert sum(sizes) == 2000
    assert [len(batch) for batch in minibatches(torch.arange(5), config, rng())] == [3, 2]


def test_a_document_that_stands_twice_counts_twice():
    documents = torch.tensor([0, 1, 2, 3, 4, 5, 5, 5])
    seen = list(minibatches(documents, TrainingConfig(batch_size=4), rng()))
    assert torch.cat(seen).bincount(minlength=6).tolist() == [1, 1, 1, 1, 1, 3]


def test_all_documents_can_be_one_batch():
    found = list(minibatches(torch.arange(301), TrainingConfig(batch_size=None), rng()))
    assert len(found) == 1
    assert sorted(found[0].tolist()) == list(range(301))


def test_counts_are_trained_by_their_negative_log_likelihood():
    counts = csr_matrix(np.asarray([[3, 0, 1], [0, 0, 0], [0, 2, 0]]))
    training = TrainingData.from_counts(torch.randn(3, 8), counts, torch.arange(3))
    assert training.weights.tolist() == [4, 0, 2]
    torch.testing.assert_close(training.labels.float().sum(dim=1), torch.tensor([1.0, 0.0, 1.0]))
    logits = torch.randn(3, 3, requires_grad=True)
    expected = -(torch.from_numpy(counts.toarray()) * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
    for normalized, scores in ((False, logits), (True, torch.log_softmax(logits, dim=1))):
        loss = (training.weights * cross_entropy(scores, training.labels.float(), normalized=normalized)).mean()
        torch.testing.assert_close(loss, expected.float())
        by_hand, found = (torch.autograd.grad(value, logits, retain_graph=True)[0] for value in (expected, loss))
        torch.testing.assert_close(found, by_hand.float(), rtol=1e-3, atol=1e-4)


def test_a_mixed_target_keeps_the_soft_label_of_a_document_without_words():
    soft = TrainingData(inputs=torch.randn(2, 8), labels=torch.tensor([[0.5, 0.5], [0.2, 0.8]]).half(),
                        documents=torch.arange(2))  # fmt: skip
    mixed = soft.with_bow_targets(csr_matrix(np.asarray([[4, 0], [0, 0]])), 0.25)
    torch.testing.assert_close(mixed.labels.float(), torch.tensor([[0.625, 0.375], [0.2, 0.8]]), rtol=1e-3, atol=0)
    assert mixed.weights is None


@pytest.mark.parametrize("chunk", [2, 5, 4096])
def test_targets_do_not_depend_on_the_chunks_they_are_made_in(monkeypatch, chunk):
    monkeypatch.setattr(dataset, "CHUNK_ROWS", chunk)
    log_probs, prior = torch.randn(7, 9, generator=rng()).log_softmax(dim=1), torch.randn(9, generator=rng())
    config = TrainingConfig(temperature=2.0, top_k=4)
    found = soft_label_targets(log_probs, config, prior, torch.device("cpu"))
    assert torch.equal(found, soft_labels(log_probs, temperature=2.0, top_k=4, prior=prior).half())
    counts = np.random.default_rng(0).integers(0, 3, (7, 4))
    counts[3] = 0
    expected = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    found = l1_normalized(csr_matrix(counts), torch.device("cpu"))
    assert found.dtype == torch.float16
    np.testing.assert_allclose(found.float(), expected, atol=1e-3)
