import pytest
import torch

from softtopic.lm.devices import has_int8, int8_weight
from softtopic.lm.kernels import compiled, int8

pytestmark = pytest.mark.skipif(not has_int8(), reason="this processor has no exact int8 products")


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape) + shape[0]))


def weight(out: int, channels: int) -> tuple:
    rounded = (random(out, channels) * 20).clamp(-60, 60).round().to(torch.int8)
    return tuple(int8_weight(rounded, torch.full((out,), 0.01)))


@torch.inference_mode()
@pytest.mark.parametrize("tokens", [1, 64, 130])
def test_compiled_kernels_give_what_python_gives(monkeypatch, tokens):
    x, norm = random(tokens, 32), (torch.rand(32) + 0.5, 1e-5)
    x[tokens // 2, 3] = 1e4  # one outlier
    mlp = (weight(48, 32), weight(48, 32), weight(32, 48))
    layers = tuple(
        (torch.rand(part) + 0.5, weight(out, part), random(out)) for part, out in ((32, 32), (32, 48), (48, 32))
    )
    layer_norm = (norm[0], random(32), 1e-5)
    calls = [
        lambda: int8.normed_product(x, norm, mlp[0], 50),
        lambda: int8.residual_product(x.bfloat16(), x, weight(32, 32), 50),
        lambda: int8.gated_mlp(x, norm, mlp, random(32, 48), (0.5, 64), 50),
        lambda: int8.affine(x, layers[0], torch.bfloat16, 50),
        lambda: int8.output_and_mlp(x.bfloat16(), x, layers, (layer_norm, layer_norm), 50),
    ]
    found = [call() for call in calls]
    monkeypatch.setattr(compiled, "_compiled", lambda function: function)
    for own, call in zip(found, calls, strict=True):
        assert own.shape[0] == tokens
        assert own.isfinite().all()
        assert torch.equal(own, call())
