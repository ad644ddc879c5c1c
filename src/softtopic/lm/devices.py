"""Number formats: what a processor computes in, and which of them is fast."""

import json
import logging
import platform
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float, Int8, UInt8
from threadpoolctl import threadpool_limits
from torch import Tensor

from softtopic.data.corpus import fingerprint_strings
from softtopic.errors import LanguageModelError
from softtopic.storage.atomic import staged_file
from softtopic.storage.cache import cache_dir

log = logging.getLogger(__name__)

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
TEACHER_DTYPES = DTYPES | {"int8": torch.int8}

# What two neighbouring weights may be together, in 8 bits. Processors that have no operator for sums of four products
# add two of them up in 16 bits, which hold no more than 255 times this: so they are exact as well.
MOST_OF_TWO = 128


def pick_device(device: str = "auto") -> torch.device:
    """The device asked for, or the best one here: CUDA, then MPS, then the CPU."""
    if device != "auto":
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The number format asked for, or bfloat16 where the processor computes in it, and fast, else float32."""
    return _pick(dtype, DTYPES, device)


def pick_teacher_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """That of a language model which reads documents: "int8" too, and by itself on a CPU without matrix tiles.

    Where there is no int8, which is everywhere but on a CPU that multiplies bytes fast, it is float32.
    """
    wanted = dtype == "int8" or (dtype == "auto" and not torch.cpu._is_amx_tile_supported())
    if wanted and device.type == "cpu" and int8_pays():
        return torch.int8
    return held_in(_pick(dtype, TEACHER_DTYPES, device))


def held_in(dtype: torch.dtype) -> torch.dtype:
    """The format of a language model's weights before any is rounded to `dtype`."""
    return torch.float32 if dtype is torch.int8 else dtype


def _pick(dtype: str, known: dict[str, torch.dtype], device: torch.device) -> torch.dtype:
    if dtype != "auto":
        if dtype not in known:
            raise LanguageModelError(f"dtype {dtype!r} is not known; choose one of auto, {', '.join(known)}")
        return known[dtype]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu":
        return torch.bfloat16 if _bfloat16_pays() else torch.float32
    return torch.float32


@cache
def _bfloat16_pays() -> bool:
    """Whether this processor's products are faster in bfloat16 than in float32.

    With matrix tiles they are by far. With vector instructions alone it depends: half as fast has been seen.
    """
    if torch.cpu._is_amx_tile_supported() or not torch.cpu._is_avx512_bf16_supported():
        return torch.cpu._is_amx_tile_supported()
    return _kept("bfloat16", _bfloat16_is_faster)


@cache
def int8_pays() -> bool:
    """Whether this processor multiplies bytes, without overflow, in two thirds of the time of wider formats at most.

    Both are tried: of what a processor is asked to tell about itself not all kinds tell this.
    """
    return _kept("sums-of-two", _int8_is_faster)


def _kept(name: str, measure: Callable[[], bool]) -> bool:
    """What was measured on this processor the first time.

    What is read and encoded is kept by its format: to measure again, and choose otherwise, would be to read again.
    """
    key = fingerprint_strings([name, _processor(), torch.__version__])
    path = cache_dir() / "formats" / f"{name}-{key[:16]}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, bool):
            return found
    except (OSError, ValueError):
        pass
    found = measure()
    try:
        with staged_file(path) as staging:
            staging.write_text(json.dumps(found), encoding="utf-8")
    except OSError as error:
        log.debug("%s cannot be kept: %s", path, error)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line for line in lines if line.startswith("model name")), platform.processor())
    return f"{named} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _bfloat16_is_faster() -> bool:
    with torch.inference_mode():
        wide, narrow = _seconds(_linear(torch.float32), _linear(torch.bfloat16))
    return narrow < wide


def _int8_is_faster() -> bool:
    try:
        with torch.inference_mode():
            rows = torch.full((512, 512), 255, dtype=torch.uint8)
            # The largest weights there may be: of neighbours alike, and of neighbours of which one is nearly all.
            pairs = torch.tensor([[64, 64], [127, 1], [1, 127]], dtype=torch.int8)
            weight = pairs[torch.arange(1024) % len(pairs)].repeat(1, 256)
            weight[::2] *= -1
            product = int8_product(weight, torch.ones(len(weight)))
            if not (product(rows) == 127 * weight.sum(dim=1, dtype=torch.float32)).all():
                return False
            wider = [torch.float32, *([torch.bfloat16] if torch.cpu._is_avx512_bf16_supported() else [])]
            seconds, *others = _seconds(lambda: product(rows), *map(_linear, wider))
            return seconds < min(others) / 1.5
    except (AttributeError, RuntimeError, TypeError):
        return False


def int8_product(
    weight: Int8[Tensor, "out channels"], steps: Float[Tensor, " out"]
) -> Callable[[UInt8[Tensor, "rows channels"]], Float[Tensor, "rows out"]]:
    """(x - 128) @ weight.T * steps, summed up in whole numbers; through an operator torch has for its own compiler.

    Exact where two neighbouring weights of a row (the first two, the next two) are `MOST_OF_TWO` together at most.
    """
    laid_out, zeros = torch.ops.onednn.qlinear_prepack(weight, None), torch.zeros(len(weight), dtype=torch.long)

    def product(x: Tensor) -> Tensor:
        return torch.ops.onednn.qlinear_pointwise(
            x, 1.0, 128, laid_out, steps, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )

    return product


def _linear(dtype: torch.dtype) -> Callable[[], Tensor]:
    rows, weight = torch.ones(512, 512, dtype=dtype), torch.ones(1024, 512, dtype=dtype)
    return lambda: torch.nn.functional.linear(rows, weight)


def _seconds(*products: Callable[[], Tensor]) -> list[float]:
    """Of each, the best of several, in turn: another process can make one slow, and none fast.

    On one thread: of several one is nearly always waited for on a busy machine, and chance decides.
    """
    best = [float("inf")] * len(products)
    with threadpool_limits(1):
        for _ in range(8):
            for place, product in enumerate(products):
                start = time.perf_counter()
                product()
                best[place] = min(best[place], time.perf_counter() - start)
    return best
