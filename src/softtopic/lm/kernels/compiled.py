"""Functions of tensors as TorchScript."""

import logging
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import Any, Generic, ParamSpec, TypeVar, final

import torch

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@final
class Kernel(Generic[Arguments, Result]):
    """A function of tensors that is compiled when it is first called; where torch cannot compile it, it runs as it is.

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


# TorchScript's optimiser would specialise a kernel to its first shapes, and on a GPU compile further ones.
_optimised: Any = getattr(torch.jit, "optimized_execution", nullcontext)


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        with warnings.catch_warnings():
            # Deprecated in favour of torch.compile, which needs a C++ compiler on the user's machine.
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.script(function)
    except Exception as error:
        # An operator that this torch lacks, syntax it does not know, a version of Python it does not compile any more.
        log.info("%s is not compiled: %s", function.__name__, error)
        return function
