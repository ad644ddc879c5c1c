"""The interface of all engines."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TypeVar

from softtopic.errors import InputError

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

ENGINES = ("local", "ray")


class Engine(ABC):
    """Applies a worker to tasks; a context manager that holds what the workers need."""

    @abstractmethod
    def __enter__(self) -> "Engine": ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    @property
    @abstractmethod
    def description(self) -> str:
        """Who computes, for messages."""

    @abstractmethod
    def run(
        self, open_worker: Callable[[], Callable[[Task], Outcome]], tasks: Sequence[Task]
    ) -> Iterator[Outcome]:  # fmt: skip
        """Outcomes of the tasks, in the order in which they end.

        Parameters
        ----------
        open_worker : callable
            Called once by each worker, wherever it is; what it returns is called with one task after the other. Both
            may be sent to other processes.
        tasks : sequence
            A task whose worker dies is given to another one; it has no outcome if that happens again and again.

        Raises
        ------
        EngineError
            If the workers cannot be reached any more.
        """


def open_engine(name: str, *, address: str | None = None, workers: int | None = None) -> Engine:
    """An engine by name.

    Parameters
    ----------
    name : {"local", "ray"}
    address : str or None, default=None
        Ray only: address of a cluster; None starts one on this machine.
    workers : int or None, default=None
        Ray only: number of workers, of which each opens the models; None for as many as the cluster has room for.
    """
    if name not in ENGINES:
        raise InputError(f"--engine is {name!r}; give {' or '.join(ENGINES)}")
    if name == "ray":
        from softtopic.features.engines.ray import RayEngine

        return RayEngine(address=address, workers=workers)
    if address is not None or workers is not None:
        raise InputError(f"{'--workers' if address is None else '--address'} is of --engine ray; leave it out")
    from softtopic.features.engines.local import LocalEngine

    return LocalEngine()
