import pytest
import torch

from softtopic.errors import LanguageModelError
from softtopic.lm import devices
from softtopic.lm.devices import (
    MAX_PAIR_SUM,
    check_finite,
    has_int8,
    int8_weight,
    pick_device,
    pick_dtype,
    pick_encoder_dtype,
    pick_teacher_dtype,
)
from softtopic.lm.kernels.int8 import product

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch):
    """Sets what the processor can do; nothing about it is remembered before or afterwards."""
    cached = (devices.has_amx, devices.has_fast_bfloat16, devices.has_int8)

    def forget():
        for answer in cached:
            answer.cache_clear()

    def be(*features: str, intel: bool = False, limit: str | None = None) -> None:
        forget()
        for feature in ("amx_tile", "avx512_bf16", "avx2"):
            monkeypatch.setattr(torch.cpu, f"_is_{feature}_supported", lambda has=feature in features: has)
        monkeypatch.setattr(devices, "_is_intel", lambda: intel)
        monkeypatch.setattr(devices, "_int8_is_exact", lambda: True)
        monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
        if limit is not None:
            monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)

    yield be
    monkeypatch.undo()
    forget()


def test_device_and_dtype_rules():
    assert pick_device("cpu") == CPU
    assert pick_dtype("float32", CPU) == pick_teacher_dtype("float32", CPU) == torch.float32
    assert pick_dtype("auto", torch.device("mps")) == pick_teacher_dtype("auto", torch.device("mps")) == torch.float32
    for pick in (pick_teacher_dtype, pick_encoder_dtype):
        assert pick("int8", torch.device("cuda")) == torch.float32
    with pytest.raises(LanguageModelError, match=r"choose one of auto, bfloat16, float16, float32$"):
        pick_dtype("int8", CPU)
    with pytest.raises(LanguageModelError, match=r"'int3' is not known; choose one of .*int8"):
        pick_teacher_dtype("int3", CPU)


AMX = ("amx_tile", "avx512_bf16", "avx2")
VECTORS = ("avx512_bf16", "avx2")


@pytest.mark.parametrize(
    ("features", "intel", "limit", "plain", "encoder", "teacher"),
    [
        (AMX, True, None, "bfloat16", "bfloat16", "bfloat16"),
        (AMX, True, "ALL", "bfloat16", "bfloat16", "bfloat16"),
        (AMX, True, "avx512_core_amx", "bfloat16", "bfloat16", "bfloat16"),
        (AMX, True, "AVX512_CORE_BF16", "float32", "int8", "int8"),
        (AMX, True, "AVX2", "float32", "int8", "int8"),
        (AMX, True, "SSE41", "float32", "float32", "float32"),
        (VECTORS, False, None, "bfloat16", "bfloat16", "int8"),
        (VECTORS, False, "AVX512_CORE_BF16", "bfloat16", "bfloat16", "int8"),
        (VECTORS, False, "AVX512_CORE", "float32", "int8", "int8"),
        (VECTORS, True, None, "float32", "int8", "int8"),
        (("avx2",), False, None, "float32", "int8", "int8"),
        ((), False, None, "float32", "float32", "float32"),
    ],
)
def test_formats_follow_from_what_the_processor_can_do(processor, features, intel, limit, plain, encoder, teacher):
    processor(*features, intel=intel, limit=limit)
    assert pick_dtype("auto", CPU) == devices.DTYPES[plain]
    assert pick_encoder_dtype("auto", CPU) == devices.DTYPES[encoder]
    assert pick_teacher_dtype("auto", CPU) == devices.DTYPES[teacher]
    expected = torch.int8 if has_int8() else torch.float32
    assert pick_teacher_dtype("int8", CPU) == pick_encoder_dtype("int8", CPU) == expected


@pytest.mark.parametrize("excess", [0, 1])
def test_int8_where_products_are_exact(monkeypatch, excess):
    def product(rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        assert weight.int().abs().view(1024, -1, 2).sum(2).max() == MAX_PAIR_SUM
        return (127.0 * weight.sum(dim=1) - excess).expand(len(rows), -1)

    monkeypatch.setattr(devices, "int8_weight", lambda weight, steps: weight)
    monkeypatch.setattr(devices.int8, "product", product)
    assert devices._int8_is_exact() is (excess == 0)


def test_int8_is_not_used_where_torch_has_no_operator_for_it(monkeypatch):
    def missing(*_):
        raise AttributeError("no such operator")

    monkeypatch.setattr(devices, "int8_weight", missing)
    assert not devices._int8_is_exact()


@pytest.mark.skipif(not has_int8(), reason="this processor has no exact int8 products")
def test_products_of_bytes_are_exact():
    drawn = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 256, (70, 96), generator=drawn, dtype=torch.uint8)
    first = torch.randint(1, MAX_PAIR_SUM, (50, 48), generator=drawn)
    weight = torch.stack([first, MAX_PAIR_SUM - first], dim=2).flatten(1)
    weight = (weight * (2 * torch.randint(0, 2, (50, 96), generator=drawn) - 1)).to(torch.int8)
    rows[:5] = 255
    steps = torch.rand(50, generator=drawn)
    expected = (rows.double() - 128) @ weight.double().T * steps
    torch.testing.assert_close(product(rows, int8_weight(weight, steps)).double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_values_that_are_not_finite_are_one_line_with_the_next_step(value):
    values = torch.ones(3, 4)
    check_finite(values, "a model", torch.float16)
    values[1, 2] = value
    with pytest.raises(LanguageModelError, match=r'^a model gives .* not finite in float16; give dtype="float32"$'):
        check_finite(values, "a model", torch.float16)
    with pytest.raises(
        LanguageModelError, match=r"not finite in float32; its files may be damaged: fetch them again or"
    ):
        check_finite(values.numpy(), "a model", torch.float32)
