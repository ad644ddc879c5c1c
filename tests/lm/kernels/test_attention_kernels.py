import pytest
import torch

from softtopic.lm.kernels import attention, compiled
from softtopic.lm.kernels.attention import Prefix, Scoring

DOCUMENTS, HEADS, KEY_HEADS, WIDTH, BEFORE = 3, 4, 2, 16, 9


@pytest.fixture
def random():
    drawn = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(shape, generator=drawn)


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("length", [1, 20, 150])
@pytest.mark.parametrize("has_prefix", [False, True])
def test_compiled_attention_gives_what_python_gives(monkeypatch, random, dtype, softcap, length, has_prefix):
    scoring = Scoring(WIDTH**-0.5, softcap, 70.0, 1e30)
    query = random(DOCUMENTS, HEADS, length, WIDTH)
    query[0] *= 300  # whose exponentials are too large for sums
    query, key, value = (
        side.to(dtype) for side in (query, *(random(DOCUMENTS, KEY_HEADS, length, WIDTH) for _ in range(2)))
    )
    before = [random(1, KEY_HEADS, BEFORE, WIDTH).to(dtype) for _ in range(2)]
    mask = torch.full((length, length), float("-inf"), dtype=dtype).triu(1)

    def attend() -> list[torch.Tensor]:
        rows = query.transpose(1, 2).flatten(0, 1).transpose(0, 1)[None]
        found = [attention.split_documents(rows, 0, DOCUMENTS * length, None, DOCUMENTS, length)]
        assert torch.equal(found[0], query)
        sums = attention.prefix_sums(rows, *before, scoring, 64)
        own = [attention.split_documents(side, 0, DOCUMENTS * length, None, DOCUMENTS, length) for side in sums]
        out = torch.empty_like(query)
        prefix = Prefix(*before, *own) if has_prefix else None
        attention.exponential_attention((query, key, value), mask, prefix, out, scoring, 64)
        return [*found, *own, out, attention.softmax_attention(query, key, value, mask, scoring)]

    found = attend()
    assert all(part.isfinite().all() for part in found[3:])
    if not has_prefix:
        torch.testing.assert_close(found[3].float(), found[4].float(), atol=0.05, rtol=0.05)
    monkeypatch.setattr(compiled, "_compiled", lambda function: function)
    for own, python in zip(found, attend(), strict=True):
        assert torch.equal(own, python)


@torch.inference_mode()
def test_rotation_is_that_of_neighbouring_pairs(monkeypatch, random):
    x, angles = random(5, 3, 8), random(5, 4)
    cos, sin = (side.repeat(1, 2)[None] for side in (angles.cos(), angles.sin()))
    found = attention.rotate(x, cos, sin, torch.float32)
    even, odd = x[..., ::2], x[..., 1::2]
    c, s = angles.cos()[:, None], angles.sin()[:, None]
    torch.testing.assert_close(found, torch.stack([even * c - odd * s, even * s + odd * c], dim=3).flatten(2))
    monkeypatch.setattr(compiled, "_compiled", lambda function: function)
    assert torch.equal(found, attention.rotate(x, cos, sin, torch.float32))
