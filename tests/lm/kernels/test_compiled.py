import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from softtopic.lm.kernels import attention, compiled, int8
from softtopic.lm.kernels.compiled import Kernel

KERNELS = {
    f"{module.__name__}.{name}": kernel
    for module in (attention, int8)
    for name, kernel in vars(module).items()
    if isinstance(kernel, Kernel)
}


@Kernel
def repeated_product(x: torch.Tensor, times: int) -> torch.Tensor:
    for _ in range(times):
        x = x @ x
    return x


@Kernel
def with_a_lambda(x: torch.Tensor) -> torch.Tensor:
    return (lambda y: y + 1)(x)


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_is_compiled(name):
    assert isinstance(compiled._compiled(KERNELS[name]._function), torch.jit.ScriptFunction)


def test_what_cannot_be_compiled_runs_as_it_is(caplog):
    with caplog.at_level(logging.INFO, "softtopic"):
        assert with_a_lambda(torch.zeros(2)).tolist() == [1, 1]
    assert "with_a_lambda is not compiled" in caplog.text


def test_compiling_warns_of_nothing(recwarn):
    compiled._compiled.cache_clear()
    assert repeated_product(torch.eye(2), 3).equal(torch.eye(2))
    assert not recwarn.list


def test_threads_run_kernels_side_by_side():
    """Without the interpreter's lock: one that waits for 5 s between switches is no hindrance."""
    interval = sys.getswitchinterval()
    x = torch.eye(200)
    repeated_product(x, 1)
    with ThreadPoolExecutor(1) as pool:
        sys.setswitchinterval(5)
        try:
            other = pool.submit(repeated_product, x, 1000)
            steps = 0
            while not other.done():
                steps += 1
        finally:
            sys.setswitchinterval(interval)
    assert steps > 1000
