import copy

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from softtopic.lm.engine import open_reader
from softtopic.lm.fused import fuse_layers, fuse_linear, unfuse
from softtopic.lm.loading import LanguageModel

SIZES = {"vocab_size": 99, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}


def llama(dtype: torch.dtype, **settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(LlamaConfig(**SIZES, **settings), dtype=dtype).eval()


# How far rounding may go in each format.
FORMATS = {torch.float32: 1e-5} | ({torch.bfloat16: 0.02} if torch.ops.mkldnn._is_mkldnn_bf16_supported() else {})
every_format = pytest.mark.parametrize("dtype", FORMATS)


@every_format
@pytest.mark.parametrize("bias", [False, True])
@torch.inference_mode()
def test_fused_linear_layers_differ_by_rounding_alone_and_go_back(dtype, bias):
    model = llama(dtype, attention_bias=bias, mlp_bias=bias)
    ids = torch.arange(50)[None]
    before = model(ids).logits
    assert fuse_linear(model.base_model)
    assert "forward" in vars(model.base_model.layers[0].self_attn.q_proj)
    assert ("forward" in vars(model.base_model.layers[0].mlp)) is not bias
    fused = model(ids).logits
    assert (fused - before).norm() / before.norm() < FORMATS[dtype]
    unfuse(model.base_model)
    assert torch.equal(model(ids).logits, before)


@every_format
@torch.inference_mode()
def test_whole_layers_are_fused_where_they_are_built_so(dtype):
    assert not fuse_layers(llama(dtype, attention_bias=True).base_model)
    ours = theirs = 0.0
    for seed in range(4):  # in one document of thirty our rounding is three times theirs, in another half
        torch.manual_seed(seed)
        model = llama(dtype)
        for weight in model.parameters():  # weights of norms too, which are folded into products
            torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=0.2)
        plain, exact = copy.deepcopy(model), copy.deepcopy(model).double()
        reader = open_reader(LanguageModel(model, None, torch.device("cpu")), [5, 6, 7])
        assert "forward" in vars(model.base_model.layers[0])
        assert not model.base_model.layers[0].mlp.up_proj.weight.numel()  # one copy is enough
        rows = [[1, 2], [3, 4, 5], list(range(90))]
        found = reader.read(rows, torch.arange(99))
        for row, logits in zip(rows, found.logits, strict=True):
            own, wanted = (lm(torch.tensor([[5, 6, 7, *row]])).logits[0, -1].double() for lm in (plain, exact))
            ours += float((logits - wanted).norm())
            theirs += float((own - wanted).norm())
    assert ours < 2 * theirs


@torch.inference_mode()
def test_other_formats_are_left_alone():
    model = llama(torch.float16)
    assert not fuse_linear(model.base_model)
    assert not fuse_layers(model.base_model)
    assert not any("forward" in vars(module) for module in model.modules())


@every_format
def test_operators_that_do_not_fit_leave_every_layer_as_it_was(dtype, monkeypatch):
    import softtopic.lm.fused as module

    def refused(weight):
        if weight.shape[0] == 96:
            raise RuntimeError("not for this shape")
        return weight

    monkeypatch.setattr(module, "prepack", refused)
    model = llama(dtype)
    for fuse in (fuse_linear, fuse_layers):
        assert not fuse(model.base_model)
        assert not any("forward" in vars(part) for part in model.modules())
