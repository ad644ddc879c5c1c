"""Data parallelism on a CPU: a batch for each thread, instead of one product for all threads.

Threads that share a product wait for each other after every operation; where another process takes a core from one of
them, all stand still. Threads with a batch of their own lose no more than that core.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def n_workers(device: torch.device) -> int:
    """Batches computed at a time: as many as torch has threads on a CPU, one on a GPU."""
    return torch.get_num_threads() if device.type == "cpu" else 1


def parallel_map(
    function: Callable[[Item], Result], items: Iterable[Item], device: torch.device
) -> Iterator[Result]:  # fmt: skip
    """Results of a function of torch for all items, in their order, several at a time.

    Parameters
    ----------
    function : callable
        Safe to call from several threads; it runs in inference mode, with products on one thread each.
    items : iterable
    device : torch.device
        Where the function computes.

    Yields
    ------
    The result for each item.
    """
    count = n_workers(device)
    if count == 1:
        yield from map(function, items)
        return

    def compute(item: Item) -> Result:
        with torch.inference_mode():
            return function(item)

    with ThreadPoolExecutor(count, "softtopic", initializer=_use_one_thread) as pool:
        results = pool.map(compute, items)
        # The number is that of the calling thread, and that of threads which begin later: for these it is restored.
        torch.set_num_threads(count)
        try:
            yield from results
        finally:
            torch.set_num_threads(count)
            pool.shutdown(cancel_futures=True)


def _use_one_thread() -> None:
    torch.set_num_threads(1)
