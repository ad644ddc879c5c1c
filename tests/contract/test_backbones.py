"""The contract of every backbone with the trainer and the estimator."""

import warnings

import numpy as np
import pytest
import torch

from softtopic.backbones.base import Backbone
from softtopic.backbones.inference import weight_shapes
from softtopic.backbones.registry import BACKBONES, build_backbone, default_settings
from softtopic.backbones.settings import BackboneSettings, Sizes
from softtopic.errors import InputError

WIDTH, WORDS = 11, 23
DETERMINISTIC = ("fastopic",)


def build(name: str, n_topics: int = 4, seed: int = 0, word_width: int | None = None) -> Backbone:
    sizes = Sizes(n_inputs=WIDTH, n_topics=n_topics, n_words=WORDS, word_width=word_width)
    return build_backbone(default_settings(name).resolved(3.0), sizes, torch.Generator().manual_seed(seed))


def inputs(docs: int) -> torch.Tensor:
    return torch.randn(docs, WIDTH, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("n_topics", [2, 5])
def test_shapes_and_distributions(name, n_topics):
    model = build(name, n_topics)
    output = model(inputs(9), torch.Generator().manual_seed(1))
    assert output.logits.shape == (9, WORDS)
    assert output.penalty.shape == ()
    torch.testing.assert_close(output.theta.sum(dim=1), torch.ones(9))
    torch.testing.assert_close(model.topic_word().sum(dim=1), torch.ones(n_topics))
    assert model.topic_word().shape == (n_topics, WORDS)
    assert (model.topic_word() >= 0).all()
    assert (output.theta >= 0).all()
    total = torch.logsumexp(output.logits, dim=1)
    assert output.normalized == torch.allclose(total, torch.zeros(9), atol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_inference_is_deterministic_and_independent_of_the_batch(name, mixtures):
    model = build(name).eval()
    x = inputs(9)
    together = mixtures(model, x)
    torch.testing.assert_close(together.sum(dim=1), torch.ones(9))
    assert torch.equal(together, mixtures(model, x))
    alone = torch.cat([mixtures(model, row[None]) for row in x.flip(0)]).flip(0)
    torch.testing.assert_close(alone, together, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_finalizing_keeps_inference_independent_of_the_batch(name, mixtures):
    model = build(name).eval()
    x = inputs(9)
    model.finalize(iter(x.split(4)))
    together = mixtures(model, x)
    torch.testing.assert_close(torch.cat([mixtures(model, row[None]) for row in x]), together, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model(x[:1]).theta, together[:1])


@pytest.mark.parametrize(("name", "word_width"), [*((name, None) for name in BACKBONES), ("etm", 6), ("ecrtm", 6)])
@torch.no_grad()
def test_mixtures_without_torch_are_the_same(name, word_width, mixtures):
    model, x = build(name, word_width=word_width), 3 * inputs(200)
    model.standardize(x, torch.arange(WIDTH) < WIDTH - 2)
    model(x, torch.Generator().manual_seed(1))
    model.finalize(iter(x.split(90)))
    torch.testing.assert_close(mixtures(model, x), model.eval()(x).theta, atol=2e-6, rtol=1e-5)
    assert mixtures(model, x[:0]).shape == (0, 4)


@pytest.mark.parametrize(("name", "word_width"), [*((name, None) for name in BACKBONES), ("etm", 6), ("ecrtm", 6)])
def test_shapes_of_weights_are_known_without_torch(name, word_width):
    model = build(name, word_width=word_width)
    assert {key: value.shape for key, value in model.weights().items()} == weight_shapes(model.settings, model.sizes)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_inputs_are_standardised_where_asked(name):
    model = build(name).eval()
    x = inputs(9) * 7 + 100
    x[:, 3] = 5.0
    chosen = torch.arange(WIDTH) < WIDTH - 2
    model.standardize(x, chosen)
    read = model.standardized(x)
    torch.testing.assert_close(read[:, :3].mean(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(read[:, :3].std(dim=0, unbiased=False), torch.ones(3))
    assert (read[:, 3] == 0).all()
    assert torch.equal(read[:, -2:], x[:, -2:])
    untouched = build(name).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        untouched.standardize(x, torch.zeros(WIDTH, dtype=torch.bool))
    assert torch.equal(untouched.standardized(x), x)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_gradient_reaches_every_parameter(name):
    model = build(name)
    output = model(inputs(9), torch.Generator().manual_seed(1))
    (output.logits.log_softmax(dim=1)[:, 0].sum() + output.penalty).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_the_generator_is_the_only_source_of_randomness(name):
    first, again, other = build(name), build(name), build(name, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    before = torch.random.get_rng_state()
    x = inputs(9)
    one = first(x, torch.Generator().manual_seed(5)).logits
    assert torch.equal(one, again(x, torch.Generator().manual_seed(5)).logits)
    fresh = again if name not in DETERMINISTIC else build(name)
    same = torch.equal(one, fresh(x, torch.Generator().manual_seed(6)).logits)
    assert same == (name in DETERMINISTIC)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_the_state_is_the_whole_model(name, tmp_path, mixtures):
    from safetensors.torch import load_file, save_file

    model = build(name)
    model(inputs(9), torch.Generator().manual_seed(1))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    other = build(name, seed=3)
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert torch.equal(mixtures(model.eval(), inputs(5)), mixtures(other.eval(), inputs(5)))
    assert torch.equal(model(inputs(5)).logits, other(inputs(5)).logits)
    assert torch.equal(model.topic_word(), other.topic_word())


@pytest.mark.parametrize("name", ["etm", "ecrtm"])
def test_word_embeddings_start_from_pre_trained_ones(name):
    vectors = torch.randn(WORDS, 6, generator=torch.Generator().manual_seed(2)) * 0.3
    vectors[4] = float("nan")
    model = build(name, word_width=6)
    random = model.word_embeddings[4].clone()
    model.init_word_embeddings(vectors)
    cosine = torch.cosine_similarity(model.word_embeddings, vectors, dim=1)
    torch.testing.assert_close(cosine[torch.arange(WORDS) != 4], torch.ones(WORDS - 1))
    torch.testing.assert_close(torch.cosine_similarity(model.word_embeddings[4], random, dim=0), torch.tensor(1.0))
    with pytest.raises(InputError, match="expected"):
        model.init_word_embeddings(vectors[:, :5])
    with pytest.raises(InputError, match="0 of 23 words"):
        model.init_word_embeddings(vectors * float("nan"))


@pytest.mark.parametrize("name", ["prodlda", "fastopic", "plsa"])
def test_pre_trained_embeddings_of_no_use_are_refused(name):
    with pytest.raises(InputError, match="no word vectors"):
        build(name).init_word_embeddings(torch.zeros(WORDS, 6))


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_weights_as_arrays_are_the_whole_model_and_copies(name, mixtures):
    model, other = build(name), build(name, seed=3)
    model(inputs(9), torch.Generator().manual_seed(1))
    model.finalize(iter(inputs(9).split(4)))
    weights = model.weights()
    other.load_weights(weights)
    assert torch.equal(mixtures(model.eval(), inputs(5)), mixtures(other.eval(), inputs(5)))
    for array in weights.values():
        array[...] = 7
    assert torch.equal(mixtures(model, inputs(5)), mixtures(other, inputs(5)))


@pytest.mark.parametrize("name", BACKBONES)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(name):
    model = build(name)
    weights = model.weights()
    first = next(key for key, value in weights.items() if value.ndim == 2)
    nan = weights[first].copy()
    nan[1, 1] = np.nan
    for wrong, message in (
        ({key: value for key, value in weights.items() if key != first}, rf"missing or unknown are {first}"),
        (weights | {"more": weights[first]}, "missing or unknown are more"),
        (weights | {first: weights[first][1:]}, rf"{first} is float32 of shape .*; expected float32 of shape"),
        (weights | {first: weights[first].astype(np.float64)}, rf"{first} is float64"),
        (weights | {first: nan}, rf"{first} holds values that are not finite"),
    ):
        with pytest.raises(InputError, match=message):
            model.load_weights(wrong)
    assert all(np.array_equal(value, weights[key]) for key, value in model.weights().items())


def test_settings_of_no_backbone_are_refused():
    with pytest.raises(InputError, match="belongs to no backbone; give the settings of prodlda"):
        build_backbone(BackboneSettings(), Sizes(n_inputs=2, n_topics=2, n_words=2), torch.Generator())
