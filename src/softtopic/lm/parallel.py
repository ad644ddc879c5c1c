"""Data parallelism on a CPU: a batch for each thread, instead of one product for all threads.

Threads that share a product wait for each other after every operation; where another process takes a core from one of
them, all stand still. Threads with a batch of their own lose no more than that core.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from threading import Barrier
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
    pool = _pool(count, os.getpid())
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(compute, item))
            if len(pending) > _AHEAD * count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        wait([future for future in pending if not future.cancel()])


@cache
def _pool(count: int, process: int) -> ThreadPoolExecutor:
    """Threads that stay until the process ends.

    Math libraries lock their buffers for a moment when a thread ends, even after Python has joined it: a process forked
    at that moment would wait for ever. A forked process has a pool of its own.
    """
    started = Barrier(count + 1)

    def use_one_thread() -> None:
        # torch sets the number of threads of a thread to that of the process at its first parallel operation, unless it
        # was queried before; that would overwrite the 1.
        torch.get_num_threads()
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(count, f"softtopic-{process}", initializer=use_one_thread)
    for _ in range(count):
        pool.submit(int)
    started.wait()
    # The number is that of the calling thread, and that of threads which begin later: for these it is restored.
    torch.set_num_threads(count)
    return pool
