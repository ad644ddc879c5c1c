"""Device and number format: chosen from what the processor can do, never from a measurement of time."""

import os
import platform
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor

from softtopic.errors import InputError, LanguageModelError
from softtopic.lm.config import FORMATS, STORED_FORMATS, check_format
from softtopic.lm.kernels import int8

DTYPES = {name: getattr(torch, name) for name in FORMATS}

# Largest sum of the absolute values of two neighbouring weights in int8. Processors with AVX2 but without VNNI add two
# products in 16 bits, which hold 255 times this and no more; within it their sums are exact as well.
MAX_PAIR_SUM = 128


def pick_device(device: str = "auto") -> torch.device:
    """Resolve a device name.

    Parameters
    ----------
    device : str, default="auto"
        A torch device, or "auto": the first available of CUDA, MPS and CPU.

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        If there is no such device.
    """
    if device != "auto":
        try:
            chosen = torch.device(device)
        except RuntimeError:
            raise InputError(f"device is {device!r}; give auto, cpu, cuda or mps") from None
        available = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
        if chosen.type in available and not available[chosen.type]():
            raise InputError(f"device is {device!r}, and there is none here; give auto or cpu")
        return chosen
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Resolve the number format of a model that is not quantised.

    Parameters
    ----------
    dtype : {"auto", "bfloat16", "float16", "float32"}
        "auto" is bfloat16 where the device multiplies it faster than float32, else float32.
    device : torch.device
        Where the model runs.

    Returns
    -------
    torch.dtype

    Raises
    ------
    LanguageModelError
        If `dtype` is not one of these.
    """
    return _pick(dtype, STORED_FORMATS, device)


def pick_teacher_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Resolve the number format of a language model that reads documents.

    Parameters
    ----------
    dtype : {"auto", "bfloat16", "float16", "float32", "int8"}
        "auto" is int8 on a CPU without AMX that has exact int8 products, else as in `pick_dtype`.
    device : torch.device
        Where the model runs.

    Returns
    -------
    torch.dtype
        float32 where int8 was asked for and the device has no exact int8 products.

    Raises
    ------
    LanguageModelError
        If `dtype` is not one of these.
    """
    return _pick_quantized(dtype, device, dtype == "auto" and not has_amx())


def pick_encoder_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Resolve the number format of a sentence encoder, as `pick_teacher_dtype` does that of a language model.

    "auto" is int8 on a CPU that has exact int8 products and no fast bfloat16, else as in `pick_dtype`.
    """
    return _pick_quantized(dtype, device, dtype == "auto" and not has_fast_bfloat16())


def storage_dtype(dtype: torch.dtype) -> torch.dtype:
    """The format a model's weights are loaded in; int8 weights are quantised from float32."""
    return torch.float32 if dtype is torch.int8 else dtype


def _pick_quantized(dtype: str, device: torch.device, prefers_int8: bool) -> torch.dtype:
    if (dtype == "int8" or prefers_int8) and device.type == "cpu" and has_int8():
        return torch.int8
    return storage_dtype(_pick(dtype, FORMATS, device))


def _pick(dtype: str, known: Sequence[str], device: torch.device) -> torch.dtype:
    check_format(dtype, known)
    if dtype != "auto":
        return DTYPES[dtype]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if device.type == "cpu" and has_fast_bfloat16() else torch.float32


@cache
def has_amx() -> bool:
    """Whether oneDNN multiplies bfloat16 in AMX tiles, far faster than any other format."""
    return torch.cpu._is_amx_tile_supported() and _onednn_may_use("AMX")


@cache
def has_fast_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 faster than float32.

    With AMX it does by far. AVX512-BF16 alone gives AMD's processors twice the products of float32 in a cycle and
    Intel's the same number, where conversions then make bfloat16 the slower (156 against 250 to 300 GFLOP/s).
    """
    vectors = torch.cpu._is_avx512_bf16_supported() and _onednn_may_use("BF16", "FP16", "AMX", "AVX10")
    return has_amx() or (vectors and not _is_intel())


def format_beside_int8() -> torch.dtype:
    """The format of what an int8 model does not compute in int8: attention, and sums over its vocabulary.

    Rounding to bfloat16 is far finer than that to 8 bits.
    """
    return torch.bfloat16 if has_fast_bfloat16() else torch.float32


@cache
def has_int8() -> bool:
    """Whether the CPU multiplies int8 in vectors of AVX2 or wider, and a computed check finds the products exact."""
    return torch.cpu._is_avx2_supported() and _onednn_may_use("AVX2", "AVX512", "AVX10") and _int8_is_exact()


def _onednn_may_use(*instructions: str) -> bool:
    """Whether ONEDNN_MAX_CPU_ISA leaves oneDNN, which computes the products, some of these instructions.

    ATEN_CPU_CAPABILITY restricts other operators, not products.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", "")).upper()
    return limit in ("", "ALL", "DEFAULT") or any(name in limit for name in instructions)


def _is_intel() -> bool:
    try:
        return "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "GenuineIntel" in platform.processor()


def _int8_is_exact() -> bool:
    """Whether the largest products there may be are exact; False too where torch has no operator for them."""
    limit_primitive_caches()
    try:
        with torch.inference_mode():
            rows = torch.full((512, 512), 255, dtype=torch.uint8)
            # Pairs with the largest sum allowed: of equal weights, and of weights one of which is nearly all of it.
            pairs = torch.tensor([[64, 64], [127, 1], [1, 127]], dtype=torch.int8)
            weight = pairs[torch.arange(1024) % len(pairs)].repeat(1, 256)
            weight[::2] *= -1
            product = int8.product(rows, int8_weight(weight, torch.ones(len(weight))))
            return bool((product == 127 * weight.sum(dim=1, dtype=torch.float32)).all())
    except (AttributeError, RuntimeError, TypeError):
        return False


def check_finite(values: Tensor | np.ndarray, model: str, dtype: torch.dtype) -> None:
    """Raise LanguageModelError if the output of a model computed in `dtype` holds a NaN or an infinite value."""
    if not torch.isfinite(torch.as_tensor(values)).all():
        wide = dtype is torch.float32
        step = "its files may be damaged: fetch them again or give another model" if wide else 'give dtype="float32"'
        raise LanguageModelError(f"{model} gives values that are not finite in {str(dtype)[6:]}; {step}")


def limit_primitive_caches() -> None:
    """Bound the memory of compiled products, by environment variables where they are not set.

    oneDNN and torch each keep what they compiled for the last 1,024 shapes of products, about half a megabyte a shape:
    over a corpus that is more than the language model itself. The variables are the only way to bound it, are read once
    at the first product of a process, and change no result.
    """
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, "200")


_process = os.getpid()


def use_one_thread_if_forked() -> None:
    """In a forked process, compute on one thread: the threads of the parent's OpenMP pool are gone, and waited for."""
    global _process
    if os.getpid() != _process:
        torch.set_num_threads(1)
        _process = os.getpid()


class Int8Weight(NamedTuple):
    """A quantised weight, laid out for `softtopic.lm.kernels.int8`."""

    packed: Tensor
    steps: Float[Tensor, " out"]
    zeros: Int[Tensor, " out"]


def int8_weight(weight: Int8[Tensor, "out channels"], steps: Float[Tensor, " out"]) -> Int8Weight:
    """Lay out a weight for products of unsigned and signed bytes, accumulated in int32.

    Parameters
    ----------
    weight : int8 tensor of shape (out, channels)
        Two neighbours of a row (the first two, the next two) have absolute values that sum to `MAX_PAIR_SUM` at most;
        then the product is exact on every processor with AVX2.
    steps : float32 tensor of shape (out,)
        Quantisation step of each row.

    Raises
    ------
    AttributeError, RuntimeError
        If torch lacks the operator, which it has for its own compiler.
    """
    packed = torch.ops.onednn.qlinear_prepack(weight, None)
    return Int8Weight(packed, steps, torch.zeros(len(weight), dtype=torch.long))
