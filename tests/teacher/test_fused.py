import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from softtopic.teacher.fused import fuse, unfuse
from softtopic.teacher.loading import pick_dtype

SIZES = {"vocab_size": 99, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}


def llama(dtype: torch.dtype, **settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(LlamaConfig(**SIZES, **settings), dtype=dtype).eval()


native = pytest.mark.skipif(
    pick_dtype("auto", torch.device("cpu")) != torch.bfloat16, reason="this processor does not compute in bfloat16"
)


@native
@pytest.mark.parametrize("bias", [False, True])
@torch.inference_mode()
def test_fused_layers_differ_by_rounding_alone_and_go_back(bias):
    model = llama(torch.bfloat16, attention_bias=bias, mlp_bias=bias)
    ids = torch.arange(50)[None]
    before = model(ids).logits
    assert fuse(model.base_model)
    assert "forward" in vars(model.base_model.layers[0].self_attn.q_proj)
    assert ("forward" in vars(model.base_model.layers[0].mlp)) is not bias
    fused = model(ids).logits
    assert (fused - before).norm() / before.norm() < 0.02
    unfuse(model.base_model)
    assert torch.equal(model(ids).logits, before)


@torch.inference_mode()
def test_float32_is_left_alone():
    model = llama(torch.float32)
    assert not fuse(model.base_model)
    assert not any("forward" in vars(module) for module in model.modules())


@native
def test_operators_that_do_not_fit_leave_every_layer_as_it_was(monkeypatch):
    import softtopic.teacher.fused as module

    def refused(layer):
        if layer.out_features == 96:
            raise RuntimeError("not for this shape")
        return layer.weight

    monkeypatch.setattr(module, "_packed", refused)
    model = llama(torch.bfloat16)
    assert not fuse(model.base_model)
    assert not any("forward" in vars(part) for part in model.modules())
