"""Data parallelism on a CPU: a batch for each thread, instead of one product for all threads.

Threads that share a product wait for each other after every operation; where another process takes a core from one of
them, all stand still. Threads with a batch of their own lose no more than that core.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items begun ahead of the one asked for, for each thread: those of a generator that is left unfinished are computed.
_AHEAD = 4


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

    def compute(item: Item) -> Result:
        with torch.inference_mode():
            return function(item)

    if count == 1:
        yield from map(compute, items)
        return
    pool = ThreadPoolExecutor(count, "softtopic", initializer=_use_one_thread)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(compute, item))
            # The number is that of the calling thread, and that of threads which begin later: for these it is restored.
            torch.set_num_threads(count)
            if len(pending) > _AHEAD * count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(count)  # a thread of the pool may have begun since


def _use_one_thread() -> None:
    torch.set_num_threads(1)
