import pytest
import torch
from transformers import BertConfig, BertModel

from softtopic.lm.bert import PackedBert, _attention
from softtopic.lm.devices import has_int8
from softtopic.lm.int8_bert import InputRanges, Int8Layer, int8_layers

SIZES = {"vocab_size": 99, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4}
FORMATS = {torch.float32: 1e-5} | ({torch.bfloat16: 0.03} if torch.ops.mkldnn._is_mkldnn_bf16_supported() else {})
TEXTS = [[5, 6, 7], [8, 9, 10], [2], [4], list(range(90)), list(range(1, 91))]


def bert(dtype: torch.dtype = torch.float32, **settings) -> BertModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(BertConfig(**SIZES | settings)).eval().requires_grad_(False)
        for weight in model.parameters():  # biases and weights of norms as well, which are 0 and 1 in a new model
            torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=0.2)
    return model.to(dtype)


@pytest.mark.parametrize("dtype", FORMATS)
@torch.inference_mode()
def test_mean_states_are_those_of_the_model(dtype):
    model = bert(dtype)
    expected = torch.stack([model(torch.tensor([text])).last_hidden_state[0].float().mean(dim=0) for text in TEXTS])
    torch.testing.assert_close(PackedBert(model)(TEXTS), expected, rtol=0, atol=FORMATS[dtype])


@pytest.mark.skipif(not has_int8(), reason="this processor has no exact int8 products")
@torch.inference_mode()
def test_mean_states_in_int8_differ_by_rounding():
    model = bert()
    exact, rounded = PackedBert(model)(TEXTS), PackedBert(model, int8_layers(model, list(range(60))))(TEXTS)
    assert not torch.equal(rounded, exact)
    assert ((rounded - exact).norm(dim=1) < 0.03 * exact.norm(dim=1)).all()


@pytest.mark.skipif(not has_int8(), reason="this processor has no exact int8 products")
@torch.inference_mode()
def test_channels_that_are_large_in_all_tokens_cost_others_no_precision():
    layer = bert().encoder.layer[0]
    layer.attention.self.query.weight[:, :2] /= 300
    x = torch.randn(80, 64, generator=torch.Generator().manual_seed(0))
    x[:, :2] *= 300
    expected, errors = layer.attention.self.query(x), []
    for ranges in (x.abs().amax(0), torch.ones(64)):
        found = Int8Layer(layer, InputRanges(ranges, torch.ones(64))).qkv(x)[:, :64].float()
        errors.append((found - expected).norm())
    assert errors[0] < errors[1] / 10


@pytest.mark.parametrize(
    "in_int8", [False, pytest.param(True, marks=pytest.mark.skipif(not has_int8(), reason="no int8"))]
)
@torch.inference_mode()
def test_a_text_does_not_see_its_neighbours(in_int8):
    model = bert()
    packed = PackedBert(model, int8_layers(model, list(range(60))) if in_int8 else None)
    for row, text in enumerate(TEXTS):
        torch.testing.assert_close(packed(TEXTS)[row], packed([text])[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", FORMATS)
@torch.inference_mode()
def test_large_scores_of_a_text_change_nothing_in_its_neighbours(dtype):
    query, key, value = torch.randn(3, 2, 4, 5, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    alone = _attention(query[:1], key[:1], value[:1])
    query[1] *= 1000
    beside = _attention(query, key, value)
    assert torch.equal(beside[:1], alone)
    expected = torch.nn.functional.scaled_dot_product_attention(query.float(), key.float(), value.float())
    torch.testing.assert_close(beside.float(), expected, rtol=0, atol=1e-5 if dtype is torch.float32 else 0.1)


@pytest.mark.parametrize("model", [bert(hidden_act="relu"), bert(torch.float16)])
def test_models_built_otherwise_are_refused(model):
    with pytest.raises(TypeError, match=r"exact GELU|no packed products"):
        PackedBert(model)
