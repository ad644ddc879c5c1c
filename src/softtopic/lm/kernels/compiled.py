"""Functions of tensors as TorchScript."""

import logging
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Generic, ParamSpec, TypeVar, final

import torch

from softtopic.lm.locks import fork_safe_lock

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@final
class Kernel(Generic[Arguments, Result]):
    """A function of tensors, compiled by TorchScript at its first call; it runs as plain Python where that fails.

    Parameters
    ----------
    function : callable
        It may call other functions of its module, but no kernels.
    """

    def __init__(self, function: Callable[Arguments, Result]) -> None:
        self._function = function

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with _optimised(False):
            return _compiled(self._function)(*args, **kwargs)


_KERNELS: dict[Callable[..., Any], Callable[..., Any]] = {}

# TorchScript's optimiser would specialise a kernel to its first shapes, and on a GPU compile further ones.
_optimised: Any = getattr(torch.jit, "optimized_execution", nullcontext)


# Filters of warnings, which change while a kernel is compiled, belong to the whole process.
_COMPILING = fork_safe_lock()


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    if function not in _KERNELS:
        with _COMPILING:
            _KERNELS[function] = _KERNELS.get(function) or _compile(function)
    return _KERNELS[function]


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        with warnings.catch_warnings():
            # Deprecated in favour of torch.compile, which needs a C++ compiler on the user's machine. The category of
            # the warning differs between versions.
            warnings.simplefilter("ignore")
            return torch.jit.script(function)
    except Exception as error:
        # An operator that this torch lacks, syntax it does not know, a version of Python it does not compile any more.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        log.info("%s runs uncompiled: %s", function.__name__, reason)
        return function
