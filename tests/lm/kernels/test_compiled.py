import logging
import os
import sys
import time
import warnings
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


@pytest.mark.skipif(os.environ.get("PYTORCH_JIT") == "0", reason="TorchScript is switched off")
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="TorchScript does not compile this version of Python")
@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_is_compiled(name):
    assert isinstance(compiled._compiled(KERNELS[name]._function), torch.jit.ScriptFunction)


def test_what_cannot_be_compiled_runs_as_it_is(caplog):
    with caplog.at_level(logging.INFO, "softtopic"):
        assert with_a_lambda(torch.zeros(2)).tolist() == [1, 1]
    assert "with_a_lambda runs uncompiled: Lambda aren't supported" in caplog.text


@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning])
def test_compiling_warns_of_nothing(recwarn, monkeypatch, category):
    compiled._KERNELS.pop(repeated_product._function, None)
    script = torch.jit.script

    def warning_script(function):
        warnings.warn("deprecated", category, stacklevel=2)
        return script(function)

    monkeypatch.setattr(torch.jit, "script", warning_script)
    assert repeated_product(torch.eye(2), 3).equal(torch.eye(2))
    assert not recwarn.list


def test_kernels_do_not_wait_for_the_interpreters_lock():
    """A kernel takes the lock twice, not between its 40 products."""
    interval, slow = sys.getswitchinterval(), 0.2
    repeated_product(torch.eye(2), 1)
    with ThreadPoolExecutor(1) as pool:
        sys.setswitchinterval(slow)
        try:
            start = time.monotonic()
            other = pool.submit(repeated_product, torch.eye(2), 40)
            while not other.done():
                pass
        finally:
            sys.setswitchinterval(interval)
    assert time.monotonic() - start < 10 * slow
