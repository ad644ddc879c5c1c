import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, GPT2Config, GraniteConfig, LlamaConfig

from softtopic.data.vocabulary import Vocabulary
from softtopic.lm import devices as formats
from softtopic.lm import engine as reading
from softtopic.lm import int8
from softtopic.lm.devices import MAX_PAIR_SUM, Int8Weight, has_int8
from softtopic.lm.fused import LayerWeights, Norm
from softtopic.lm.int8 import ActivationRanges, Int8Products, int8_products
from softtopic.lm.kernels.int8 import _quantize
from softtopic.lm.loading import LanguageModel
from softtopic.teacher.local import Teacher

needs_bytes = pytest.mark.skipif(not has_int8(), reason="this processor does not multiply bytes fast")

WORDS = Vocabulary(("database", "space", "baking", "politics", "photography", "databases", "astronomy"))


@settings(deadline=None)
@given(st.integers(0, 2**16), st.floats(1e-6, 1e6), st.integers(1, 40))
def test_numbers_are_rounded_to_the_nearest_step_of_their_token(seed, size, channels):
    x = torch.randn(5, channels, generator=torch.Generator().manual_seed(seed)) * size
    x[2] = 0
    values, steps = _quantize(x)
    assert values.dtype == torch.uint8
    found = (values.double() - 128) * steps.double()
    assert ((found - x).abs() <= 0.5001 * steps).all()
    np.testing.assert_allclose(steps[:, 0] * 127, x.abs().amax(1), rtol=1e-6, atol=1e-30)
    assert not found[2].any()


@settings(deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 41), st.floats(0.5, 8))
def test_two_neighbouring_weights_stay_within_what_16_bits_hold(seed, channels, tail):
    """Times any bytes; and a weight is rounded to the nearest step."""
    weight = torch.randn(6, channels, generator=torch.Generator().manual_seed(seed))
    weight = weight.sign() * weight.abs() ** tail
    weight[0] = 0
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        empty = Int8Weight(torch.empty(0), torch.empty(0), torch.empty(0, dtype=torch.long))
        patch.setattr(int8, "int8_weight", lambda rounded, steps: seen.update(rounded=rounded, steps=steps) or empty)
        int8.quantized(weight)
    rounded = torch.nn.functional.pad(seen["rounded"].int(), (0, channels % 2))
    assert rounded.abs().view(6, -1, 2).sum(2).max() <= MAX_PAIR_SUM
    assert (rounded.abs().amax(1)[1:] >= MAX_PAIR_SUM // 2).all(), "no step is larger than it has to be"
    assert ((seen["rounded"] * seen["steps"][:, None] - weight).abs() <= 0.5001 * seen["steps"][:, None]).all()


def weights(width: int = 64, inner: int = 96, seed: int = 0) -> LayerWeights:
    drawn = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=drawn) / shape[-1] ** 0.5

    norms = [Norm(torch.rand(width, generator=drawn) + 0.5, 1e-5) for _ in range(2)]
    return LayerWeights(
        norms[0], some(80, width), some(width, width), norms[1], some(inner, width), some(inner, width),
        some(width, inner),
    )  # fmt: skip


def exact(of: LayerWeights, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """All three products in float64, and what comes into them."""
    of = LayerWeights(*(Norm(part[0].double(), part[1]) if isinstance(part, Norm) else part.double() for part in of))
    x = x.double()
    before, after = (
        x * (x.square().mean(1, keepdim=True) + norm.epsilon).rsqrt() * norm.weight
        for norm in (of.attention_norm, of.mlp_norm)
    )
    gated = torch.nn.functional.silu(after @ of.gate.T) * (after @ of.up.T)
    return {
        "before": before, "after": after, "gated": gated,
        "qkv": before @ of.qkv.T, "output": x + x @ of.output.T, "mlp": x + gated @ of.down.T,
    }  # fmt: skip


def products(of: LayerWeights, x: torch.Tensor) -> Int8Products:
    wanted = exact(of, x)
    return Int8Products(
        of, ActivationRanges(*(wanted[name].float().abs().amax(0) for name in ("before", "after", "gated")))
    )


def gaps(of: LayerWeights, x: torch.Tensor) -> dict[str, float]:
    ours, wanted = products(of, x), exact(of, x)
    found = {"qkv": ours.qkv(x), "output": ours.output(x, x), "mlp": ours.mlp(x)}
    return {name: float((got - wanted[name]).norm() / wanted[name].norm()) for name, got in found.items()}


@needs_bytes
@pytest.mark.parametrize("tokens", [1, 511, 1030])
@torch.inference_mode()
def test_the_products_of_a_layer_differ_by_rounding_alone(tokens):
    x = torch.randn(tokens, 64, generator=torch.Generator().manual_seed(1))
    assert all(0 < gap < 0.02 for gap in gaps(weights(), x).values())


@needs_bytes
@torch.inference_mode()
def test_a_channel_that_is_large_in_every_token_does_not_drown_the_others(monkeypatch):
    of, x = weights(), torch.randn(200, 64, generator=torch.Generator().manual_seed(1))
    of.attention_norm.weight[7] = of.mlp_norm.weight[7] = 60.0
    for part in (of.qkv, of.gate, of.up):
        part[:, 7] /= 60  # as training does: what is large says no more than the others
    smooth = gaps(of, x)
    monkeypatch.setattr(int8, "smoothing", lambda largest, weight: torch.ones_like(largest))
    rough = gaps(of, x)
    assert all(smooth[name] < 0.02 for name in ("qkv", "mlp")), smooth
    assert all(rough[name] > 2 * smooth[name] for name in ("qkv", "mlp")), rough


@needs_bytes
@torch.inference_mode()
def test_a_token_that_is_a_spike_keeps_what_lies_beside_it(monkeypatch):
    of = weights(inner=2048)
    x = torch.randn(20, 64, generator=torch.Generator().manual_seed(1))
    # One inner channel opens for the first token alone, and is huge: its step leaves nothing of the others.
    of.gate[5], of.up[5] = x[0] * 4, x[0] * 4000
    of.down[:, 5] = 0.0
    ranges = exact(of, x[1:])
    fitted = ActivationRanges(*(ranges[name].float().abs().amax(0) for name in ("before", "after", "gated")))

    def gap() -> float:
        found, wanted = Int8Products(of, fitted).mlp(x)[0] - x[0], exact(of, x)["mlp"][0] - x[0]
        return float((found - wanted).norm() / wanted.norm())

    kept = gap()
    monkeypatch.setattr(int8, "_OUTLIER_SHARE", 1.1)
    assert kept < 0.05
    assert gap() > 5 * kept


@needs_bytes
@torch.inference_mode()
def test_a_token_gives_the_same_to_the_last_bit_in_any_company():
    of, x = weights(576, 1536), torch.randn(700, 576, generator=torch.Generator().manual_seed(1))
    x[::100] = x[600]  # spikes, of which a block of all holds six and the part one
    of.gate[5], of.up[5] = x[600] * 4, x[600] * 4000
    ours, part = products(of, x), slice(576, 640)
    for name, found in {"qkv": ours.qkv(x), "mlp": ours.mlp(x), "output": ours.output(x, x)}.items():
        alone = getattr(ours, name)(*[x[part]] * (2 if name == "output" else 1))
        assert torch.equal(alone, found[part]), name


def test_models_of_other_kinds_are_left_alone():
    sizes = {"vocab_size": 99, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2}
    llama = AutoModelForCausalLM.from_config(LlamaConfig(**sizes, num_attention_heads=4))
    other = AutoModelForCausalLM.from_config(GPT2Config(vocab_size=99, n_embd=32, n_layer=2, n_head=4))
    assert int8_products(llama, [1, 2, 3]) is not None
    assert int8_products(other, [1, 2, 3]) is None


@needs_bytes
def test_the_embedded_model_says_nearly_the_same(embedded_lm, texts):
    said = {}
    for dtype in ("float32", "int8"):
        teacher = Teacher(embedded_lm, dtype=dtype)
        said[dtype] = teacher.read(texts, WORDS)
        if dtype == "int8":
            with teacher.session() as session:
                layer = session.model.language_model.model.base_model.layers[0]
            assert isinstance(vars(layer)["forward"]._products, Int8Products)
            alone = teacher.read(texts[3:4], WORDS)
            np.testing.assert_allclose(alone.log_probs[0], said[dtype].log_probs[3], atol=0.1)
    exact, rounded = (torch.tensor(said[dtype].log_probs.astype(float)).log_softmax(1) for dtype in ("float32", "int8"))
    divergence = (exact.exp() * (exact - rounded)).sum(1)
    assert 1e-6 < divergence.mean() < 0.02
    states = [said[dtype].hidden.astype(float) for dtype in ("float32", "int8")]
    assert np.linalg.norm(states[0] - states[1]) < 0.1 * np.linalg.norm(states[0])
    assert Teacher(embedded_lm, dtype="int8").fingerprint != Teacher(embedded_lm, dtype="float32").fingerprint


def test_where_8_bits_are_not_to_be_had_the_same_is_read_in_float32(tiny_lm, texts, monkeypatch):
    expected = Teacher(tiny_lm, dtype="float32")
    for pays in (False, True):
        monkeypatch.setattr(formats, "has_int8", lambda pays=pays: pays)
        # The first time the processor has no bytes to multiply, the second time they say something else.
        monkeypatch.setitem(reading._TOLERANCE, torch.int8, 0.0)
        teacher = Teacher(tiny_lm, dtype="int8")
        assert (teacher.fingerprint == expected.fingerprint) is (teacher.dtype == torch.float32)
        np.testing.assert_array_equal(teacher.read(texts, WORDS).log_probs, expected.read(texts, WORDS).log_probs)


@pytest.mark.parametrize("multiplier", [0.9, 0.22])
@torch.inference_mode()
def test_a_model_that_is_read_otherwise_is_not_read_in_8_bits(multiplier):
    """Its layers multiply what they add: an error no larger than that of rounding, but an error."""
    config = GraniteConfig(
        vocab_size=99, hidden_size=64, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
        residual_multiplier=multiplier, embedding_multiplier=12.0,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    wanted = model(torch.tensor([[5, 6, 7, 8]]), output_hidden_states=True).hidden_states[-1][0, -1]
    reader = reading.open_reader(LanguageModel(model, None, torch.device("cpu")), [5, 6], calibration_tokens=range(50))
    torch.testing.assert_close(reader.states([[7, 8]])[0], wanted, rtol=1e-3, atol=1e-3)
