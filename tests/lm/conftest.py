"""Products as processors with AMX compute them, for machines without: slower, with the same defects."""

import warnings
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from softtopic.lm import fused
from softtopic.lm.kernels import compiled


def past_the_row(a: Tensor) -> Tensor:
    """Zero times what follows each row of `a` in memory, up to 32 columns: NaN where that is not finite."""
    columns = a.shape[2]
    short = -columns % 32
    starts = torch.arange(1, a.shape[0] * a.shape[1] + 1)[:, None] * columns
    past = F.pad(a.flatten(), (0, short))[starts + torch.arange(short)]
    return (past * 0).sum(1).view(*a.shape[:2], 1)


@pytest.fixture
def amx_batch_products(monkeypatch):
    """oneDNN's bfloat16 batch product with AMX: where the inner size is no multiple of 32 it reads past each row."""
    # TorchScript calls torch's own products.
    monkeypatch.setattr(compiled, "_compiled", lambda function: function)
    bmm, baddbmm = torch.bmm, torch.baddbmm

    def reading_past(product):
        return lambda a, b: product(a, b) + past_the_row(a) if a.dtype is torch.bfloat16 else product(a, b)

    monkeypatch.setattr(torch, "bmm", reading_past(bmm))
    monkeypatch.setattr(
        torch,
        "baddbmm",
        lambda base, a, b, **scales: reading_past(lambda a, b: baddbmm(base, a, b, **scales))(a, b),
    )


@pytest.fixture
def amx_linear_products(monkeypatch):
    """Linear layers with AMX: fewer than 32 rows are rounded otherwise than more."""

    def rounding(product):
        def rounded(x, *rest):
            out = product(x, *rest)
            few = x.numel() < 32 * x.shape[-1]
            return out * (1 + torch.finfo(out.dtype).eps) if few else out

        return rounded

    fast = fused.linear_pointwise()
    monkeypatch.setattr(
        fused, "linear_pointwise", lambda: SimpleNamespace(default=rounding(fast.default), binary=rounding(fast.binary))
    )
    monkeypatch.setattr(F, "linear", rounding(F.linear))


@pytest.fixture
def process_settings():
    """Settings of torch, transformers and warnings that belong to the whole process."""
    from huggingface_hub.utils import are_progress_bars_disabled
    from transformers.utils import logging

    def read():
        return (
            torch.get_default_dtype(), logging.get_verbosity(), logging.is_progress_bar_enabled(),
            are_progress_bars_disabled(), list(warnings.filters),
        )  # fmt: skip

    return read
