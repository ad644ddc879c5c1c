from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from softtopic.data.corpus import equidistant
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.lsa import LSA, tf_idf
from softtopic.inputs.registry import Inputs
from softtopic.pipeline.plan import FitOptions, FitPlan, resolve_plan
from softtopic.pipeline.represent import Representation, standardize
from softtopic.pipeline.sources import Source, source_of
from softtopic.pipeline.targets import Targets, calibrate, make_targets
from softtopic.recipes import RECIPES, Recipe
from softtopic.teacher.base import Features

TEXTS = [f"{one} {other}" for one in ("sql", "bread", "moon") for other in ("table", "flour", "orbit", "plan")]
WORDS = Vocabulary(("sql", "bread", "moon", "table", "flour", "orbit"))
RNG = np.random.default_rng(0)
LOG_PROBS = np.log(RNG.dirichlet(np.ones(6), size=12)).astype(np.float32)
HIDDEN = RNG.normal(size=(12, 4)).astype(np.float32)
VECTORS = RNG.normal(size=(12, 5)).astype(np.float32)


def built(recipe: Recipe, *, read: int = 12, train: int = 12) -> tuple[FitPlan, Source, Representation]:
    source = source_of(TEXTS, soft_labels=None, hidden=None, embeddings=VECTORS, features=None, vocabulary=WORDS)
    options = FitOptions(n_topics=3, recipe=recipe, lm="http://localhost:1/v1", vocabulary=WORDS)
    plan = resolve_plan(source, options)
    recipe = replace(plan.recipe, max_training_documents=train)
    plan = replace(plan, recipe=recipe, n_read=read, read=np.arange(12)[:read])
    features = Features(LOG_PROBS[:read], HIDDEN[:read])
    inputs = Inputs({"embedding": source.embeddings})
    embedding = None if source.embeddings is None else source.embeddings[plan.train]
    representation = Representation(inputs=inputs, embedding=embedding, static=None, lsa=None, features=features)
    return plan, source, representation


def targets_of(recipe: Recipe, **sizes) -> Targets:
    plan, source, representation = built(recipe, **sizes)
    return make_targets(plan, source, representation, calibrate(plan, representation.features, None))


DEFAULT = RECIPES["default"]


def test_soft_labels_are_calibrated_and_tempered():
    soft = targets_of(DEFAULT.with_options(target="soft")).soft
    np.testing.assert_allclose(soft, softmax(LOG_PROBS - LOG_PROBS.mean(axis=0), axis=1), atol=1e-3)
    plain = DEFAULT.with_options(target="soft", read__calibration="none", training__temperature=3.0)
    np.testing.assert_allclose(targets_of(plain).soft, softmax(LOG_PROBS / 3, axis=1), atol=1e-3)


def test_words_are_counted_where_the_target_needs_them():
    targets = targets_of(DEFAULT)
    texts = built(DEFAULT)[1].corpus.distinct.texts
    counts = WORDS.bag_of_words(texts)
    np.testing.assert_array_equal(targets.counts.toarray(), counts.toarray())
    np.testing.assert_allclose(targets.tf_idf.toarray(), tf_idf(counts).toarray())
    assert len(targets.labels) == 2
    soft = targets_of(DEFAULT.with_options(target="soft"))
    assert soft.counts is soft.tf_idf is soft.words is None
    assert len(soft.labels) == 1


def test_views_have_the_weights_of_the_recipe():
    plan = built(DEFAULT)[0]
    targets = targets_of(DEFAULT)
    embedding, hidden, words = targets.views(plan)
    np.testing.assert_allclose(embedding.vectors.std(axis=0), 1, rtol=1e-4)
    np.testing.assert_allclose(hidden.vectors.mean(axis=0), 0, atol=1e-6)
    assert (embedding.weight, hidden.weight) == (1.0, 0.75)
    lsa = LSA.fit(targets.counts, 100, seed=0).transform(targets.counts)
    np.testing.assert_allclose(np.abs(words.vectors), np.abs(lsa), atol=1e-5)
    np.testing.assert_allclose(words.weight, 0.75 * np.square(lsa).sum(axis=1).mean(), rtol=1e-5)


def test_few_word_components_weigh_less():
    plan = built(DEFAULT)[0]
    some = DEFAULT.with_options(graph__n_word_components=2)
    assert targets_of(some).views(plan)[2].weight < targets_of(DEFAULT).views(plan)[2].weight


def test_labels_of_documents_that_were_not_read_are_predicted():
    targets = targets_of(DEFAULT, read=8)
    whole = targets_of(DEFAULT)
    assert targets.soft.shape == (12, 6)
    assert targets.hidden.shape == (12, 4)
    np.testing.assert_allclose(targets.soft.sum(axis=1, dtype=np.float64), 1, atol=1e-2)
    part = softmax(LOG_PROBS[:8] - LOG_PROBS[:8].mean(axis=0), axis=1)
    np.testing.assert_allclose(targets.soft[:8], part, atol=1e-3)
    assert not np.allclose(targets.soft[8:], whole.soft[8:], atol=1e-3)


def test_targets_are_those_of_the_documents_trained_on():
    targets, rows = targets_of(DEFAULT, train=7), equidistant(12, 7)
    whole = targets_of(DEFAULT)
    np.testing.assert_array_equal(targets.soft, whole.soft[rows])
    np.testing.assert_array_equal(targets.counts.toarray(), whole.counts.toarray()[rows])
    assert len(targets.embedding) == len(targets.hidden) == len(targets.words) == 7


def test_constant_columns_are_standardised_to_zero():
    rows = np.array([[1.0, 5.0], [3.0, 5.0]], dtype=np.float16)
    np.testing.assert_allclose(standardize(rows), [[-1, 0], [1, 0]])


def test_words_that_stand_in_no_document_are_no_target():
    source = source_of(
        TEXTS, soft_labels=None, hidden=None, embeddings=VECTORS, features=None, vocabulary=["quux", "z"]
    )
    plan = resolve_plan(source, FitOptions(n_topics=3, recipe="prodlda", vocabulary=["quux", "z"]))
    nothing = Representation(
        inputs=Inputs({"embedding": VECTORS}), embedding=VECTORS, static=None, lsa=None, features=None
    )
    with pytest.raises(InputError, match="no document holds a word"):
        make_targets(plan, source, nothing, None)
