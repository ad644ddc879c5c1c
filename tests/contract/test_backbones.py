"""What every backbone promises to the trainer and to the estimator."""

import warnings

import pytest
import torch

from softtopic.backbones.registry import BACKBONES, build_backbone
from softtopic.errors import InputError

WIDTH, WORDS = 11, 23
DETERMINISTIC = ("fastopic",)


def build(name: str, topics: int = 4, seed: int = 0):
    settings = {"n_inputs": WIDTH, "n_topics": topics, "n_words": WORDS}
    return build_backbone(name, settings, torch.Generator().manual_seed(seed))


def inputs(docs: int) -> torch.Tensor:
    return torch.randn(docs, WIDTH, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("topics", [2, 5])
def test_shapes_and_distributions(name, topics):
    model = build(name, topics)
    output = model(inputs(9), torch.Generator().manual_seed(1))
    assert output.log_words.shape == (9, WORDS)
    assert output.penalty.shape == ()
    torch.testing.assert_close(output.theta.sum(dim=1), torch.ones(9))
    torch.testing.assert_close(model.topic_word().sum(dim=1), torch.ones(topics))
    assert model.topic_word().shape == (topics, WORDS)
    assert (model.topic_word() >= 0).all()
    assert (output.theta >= 0).all()
    total = torch.logsumexp(output.log_words, dim=1)
    assert output.normalised == torch.allclose(total, torch.zeros(9), atol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_inference_is_deterministic_and_independent_of_the_batch(name):
    model = build(name).eval()
    x = inputs(9)
    together = model.infer(x)
    torch.testing.assert_close(together.sum(dim=1), torch.ones(9))
    assert torch.equal(together, model.infer(x))
    alone = torch.cat([model.infer(row[None]) for row in x.flip(0)]).flip(0)
    torch.testing.assert_close(alone, together, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_settling_keeps_inference_independent_of_the_batch(name):
    model = build(name).eval()
    x = inputs(9)
    model.settle(iter(x.split(4)))
    together = model.infer(x)
    torch.testing.assert_close(torch.cat([model.infer(row[None]) for row in x]), together, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model(x[:1]).theta, together[:1])


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_inputs_are_standardised_where_asked(name):
    model = build(name).eval()
    x = inputs(9) * 7 + 100
    x[:, 3] = 5.0
    chosen = torch.arange(WIDTH) < WIDTH - 2
    model.standardise(x, chosen)
    read = model.standardised(x)
    torch.testing.assert_close(read[:, :3].mean(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(read[:, :3].std(dim=0, unbiased=False), torch.ones(3))
    assert (read[:, 3] == 0).all()
    assert torch.equal(read[:, -2:], x[:, -2:])
    untouched = build(name).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        untouched.standardise(x, torch.zeros(WIDTH, dtype=torch.bool))
    assert torch.equal(untouched.standardised(x), x)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_gradient_reaches_every_parameter(name):
    model = build(name)
    output = model(inputs(9), torch.Generator().manual_seed(1))
    (output.log_words.log_softmax(dim=1)[:, 0].sum() + output.penalty).backward()
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
    one = first(x, torch.Generator().manual_seed(5)).log_words
    assert torch.equal(one, again(x, torch.Generator().manual_seed(5)).log_words)
    fresh = again if name not in DETERMINISTIC else build(name)
    same = torch.equal(one, fresh(x, torch.Generator().manual_seed(6)).log_words)
    assert same == (name in DETERMINISTIC)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_the_state_is_the_whole_model(name, tmp_path):
    from safetensors.torch import load_file, save_file

    model = build(name)
    model(inputs(9), torch.Generator().manual_seed(1))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    other = build(name, seed=3)
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert torch.equal(model.eval().infer(inputs(5)), other.eval().infer(inputs(5)))
    assert torch.equal(model(inputs(5)).log_words, other(inputs(5)).log_words)
    assert torch.equal(model.topic_word(), other.topic_word())


@pytest.mark.parametrize("name", ["etm", "ecrtm"])
def test_word_vectors_are_where_the_words_begin(name):
    vectors = torch.randn(WORDS, 6, generator=torch.Generator().manual_seed(2)) * 0.3
    vectors[4] = float("nan")
    settings = {"n_inputs": WIDTH, "n_topics": 4, "n_words": WORDS, "word_width": 6}
    model = build_backbone(name, settings, torch.Generator().manual_seed(0))
    drawn = model.words[4].clone()
    model.start_words(vectors)
    cosine = torch.cosine_similarity(model.words, vectors, dim=1)
    torch.testing.assert_close(cosine[torch.arange(WORDS) != 4], torch.ones(WORDS - 1))
    torch.testing.assert_close(torch.cosine_similarity(model.words[4], drawn, dim=0), torch.tensor(1.0))
    with pytest.raises(InputError, match="expected"):
        model.start_words(vectors[:, :5])
    with pytest.raises(InputError, match="0 of 23 words"):
        model.start_words(vectors * float("nan"))


@pytest.mark.parametrize("name", ["prodlda", "fastopic"])
def test_word_vectors_of_no_use_are_refused(name):
    with pytest.raises(InputError, match="no word vectors"):
        build(name).start_words(torch.zeros(WORDS, 6))


def test_unknown_backbone_lists_the_known():
    with pytest.raises(InputError, match="prodlda"):
        build("lda")
