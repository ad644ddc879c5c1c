"""One worker in this process."""

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from softtopic.features.engines.base import Engine, Outcome, Task


class LocalEngine(Engine):
    """Computes tasks one after the other in this process; see `softtopic.features.engines.base.Engine`."""

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    @property
    def description(self) -> str:
        """Who computes, for messages."""
        return "this process"

    def run(
        self, open_worker: Callable[[], Callable[[Task], Outcome]], tasks: Sequence[Task]
    ) -> Iterator[Outcome]:  # fmt: skip
        """Outcomes of the tasks, in order."""
        return map(open_worker(), tasks)
