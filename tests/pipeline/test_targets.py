from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from softtopic import TopicModel
from softtopic.graph.initial_groups import guide
from softtopic.inputs.lsa import WordSpace, tf_idf
from softtopic.pipeline import targets as targets_module
from softtopic.pipeline.targets import Targets, soft_targets
from softtopic.recipes import RECIPES
from softtopic.topics.ranking import profiles, relevance

CPU = torch.device("cpu")
ROWS = torch.arange(6)
COUNTS = csr_matrix(np.array([[3, 0, 1], [0, 0, 0], [1, 1, 0], [0, 2, 0], [0, 0, 5], [1, 0, 0]]))
LOG_PROBS = np.log(np.random.default_rng(0).dirichlet(np.ones(3), size=6)).astype(np.float32)
VECTORS = {"hidden": np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)}


def built(target: str, recipe: str = "default", prior: torch.Tensor | None = None, vectors=None) -> Targets:
    counts = COUNTS if "bow" in target else csr_matrix((0, 3))
    wanted = replace(RECIPES[recipe], target=target)
    soft = soft_targets(wanted, LOG_PROBS, prior, CPU)
    return Targets(recipe=wanted, soft=soft, counts=counts, vectors=VECTORS if vectors is None else vectors)


def labels(targets: Targets, guided: bool) -> np.ndarray:
    guide = targets.guide(2, 0)
    assert (guide is None) is not guided
    data = targets.data(torch.from_numpy(VECTORS["hidden"]), ROWS, guide)
    assert (data.target_mixtures is None) is not guided
    return data.labels.float().numpy()


def test_soft_labels_alone_are_tempered_and_without_their_prior():
    prior = torch.tensor([0.0, 1.0, -1.0])
    wanted = torch.softmax(torch.from_numpy(LOG_PROBS) - prior, dim=1)
    np.testing.assert_allclose(labels(built("soft", prior=prior), True), wanted, atol=1e-3)
    tempered = torch.softmax(torch.from_numpy(LOG_PROBS) / 3, dim=1)
    np.testing.assert_allclose(labels(built("soft", "paper"), False), tempered, atol=1e-3)


def test_both_are_mixed_and_a_document_without_words_keeps_its_soft_label():
    soft = np.exp(LOG_PROBS)
    wanted = 0.5 * soft + 0.5 * tf_idf(COUNTS).toarray()
    wanted[1] = soft[1]
    np.testing.assert_allclose(labels(built("soft+bow"), True), wanted, atol=2e-3)


def test_words_alone_are_shares_where_they_are_guided_and_counts_where_not():
    np.testing.assert_allclose(labels(built("bow"), True), tf_idf(COUNTS).toarray(), atol=1e-3)
    targets = built("bow", "prodlda")
    data = targets.data(torch.from_numpy(VECTORS["hidden"]), ROWS, None)
    assert data.weights is not None
    np.testing.assert_allclose(data.weights, np.asarray(COUNTS.sum(axis=1)).ravel())


@pytest.mark.parametrize("target", ["soft", "bow", "soft+bow"])
def test_a_guide_has_a_mixture_for_each_document(target):
    guide = built(target, vectors=VECTORS | {"embedding": VECTORS["hidden"][:, :2]}).guide(2, 0)
    assert guide is not None
    assert guide.theta.shape == (6, 2)
    assert guide.topic_word.shape == (2, 3)


def test_a_column_that_says_nothing_or_much_too_much_decides_nothing():
    vectors = VECTORS["hidden"].copy()
    scaled = np.hstack([vectors[:, :3], vectors[:, 3:] * 1e4, np.ones((6, 1), dtype=np.float32)])
    plain = built("soft", vectors={"hidden": np.hstack([vectors, np.zeros((6, 1), dtype=np.float32)])}).guide(2, 0)
    other = built("soft", vectors={"hidden": scaled}).guide(2, 0)
    assert plain is not None
    assert other is not None
    np.testing.assert_allclose(plain.theta, other.theta, atol=1e-3)


def test_words_count_by_the_share_of_them_that_few_dimensions_hold(monkeypatch):
    seen: list[tuple[np.ndarray, float]] = []
    monkeypatch.setattr(targets_module, "guide", lambda labels, views, *rest: seen.extend(views))
    monkeypatch.setattr(targets_module, "_WORDS_COMPARED_BY", 1)
    built("soft+bow").guide(2, 0)
    (_, states), (words, weight) = seen
    assert states == 0.75
    assert words.shape == (6, 1)
    assert 0 < weight < 0.75
    np.testing.assert_allclose(weight, 0.75 * np.square(words).sum(axis=1).mean(), rtol=1e-5)
    placed = WordSpace.fit(COUNTS, 2, seed=0).of(COUNTS)
    seen.clear()
    replace(built("soft+bow"), placed=placed.astype(np.float16)).guide(2, 0)
    np.testing.assert_array_equal(seen[1][0], placed.astype(np.float16)[:, :1])
    np.testing.assert_allclose(np.abs(seen[1][0]), np.abs(words), atol=2e-3)
    silent = replace(built("soft+bow"), counts=csr_matrix((6, 3)))
    seen.clear()
    silent.guide(2, 0)
    assert len(seen) == 1, "words that nobody says compare nothing"


THETA = np.array([[1, 0]] * 3 + [[0, 1]] * 3, dtype=np.float32)
TOPIC_WORD = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], dtype=np.float32)


@pytest.mark.parametrize("target", ["soft", "bow", "soft+bow"])
def test_relevance_reads_the_words_of_each_topic_and_what_they_mean(target):
    targets = built(target)
    about = np.exp(LOG_PROBS) if "soft" in target else tf_idf(COUNTS).toarray()
    hidden = VECTORS["hidden"]
    views = [profiles(about, (hidden - hidden.mean(axis=0)) / hidden.std(axis=0))]
    own = THETA.T @ COUNTS.toarray() if "bow" in target else None
    np.testing.assert_allclose(
        targets.relevance(TOPIC_WORD, THETA, None), relevance(TOPIC_WORD, own, views), rtol=2e-2, atol=1e-3
    )
    words = np.eye(3, dtype=np.float32)
    with_words = targets.relevance(TOPIC_WORD, THETA, words)
    np.testing.assert_allclose(with_words, relevance(TOPIC_WORD, own, [words, *views]), rtol=2e-2, atol=1e-3)
    # Sentence vectors stand in for hidden states; without either, words are compared by their own vectors alone.
    encoded = built(target, vectors={"embedding": hidden}).relevance(TOPIC_WORD, THETA, words)
    np.testing.assert_allclose(encoded, with_words, rtol=1e-5)
    alone = built(target, vectors={}).relevance(TOPIC_WORD, THETA, words)
    np.testing.assert_allclose(alone, relevance(TOPIC_WORD, own, [words]), rtol=1e-5)


def test_nothing_is_worked_out_where_words_are_shown_by_probability():
    assert built("soft", "light").relevance(TOPIC_WORD, THETA, None) is None


def test_words_that_are_an_input_are_placed_once(monkeypatch):
    seen: list[np.ndarray] = []

    def watched(labels, views, *rest):
        seen.append(views[-1][0])
        return guide(labels, views, *rest)

    monkeypatch.setattr(targets_module, "guide", watched)
    texts = [
        f"{one} {other} common" for one in ("sql", "bread", "moon") for other in ("table", "flour", "rocket", "plan")
    ]
    vectors = np.random.default_rng(4).normal(size=(12, 5)).astype(np.float32)
    model = TopicModel(2, inputs="embedding+words", target="bow").fit(texts, embeddings=vectors)
    assert model.word_space_ is not None
    counts = model.vocabulary_.bag_of_words(texts)
    np.testing.assert_array_equal(seen[0], model.word_space_.of(counts).astype(np.float16))
