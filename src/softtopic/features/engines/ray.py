"""Workers of a Ray cluster: each is an actor that opens the models once and computes one task after the other."""

import logging
import os
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event, Thread, current_thread, main_thread
from types import FrameType, TracebackType
from typing import Any, NoReturn

from softtopic.errors import EngineError, check_whole
from softtopic.features.engines.base import Engine, Outcome, Task

# Seconds until an address counts as unreachable.
_CONNECT_SECONDS = 5.0
# Seconds between two looks at the head, and those after which one that does not answer is lost: Ray itself would wait
# for a minute, and then end this process without a word.
_WATCH_SECONDS = 2.0
_LOST_SECONDS = 20.0
# Processors of a worker, where its machine has so many: more add little to a forward pass.
_WORKER_CPUS = 4
# A task is given up after its worker has died so often: then the task is what kills it.
_ATTEMPTS = 3
# Bytes for what travels between processes: descriptions of tasks, and what came of them.
_OBJECT_STORE = 100_000_000

# Ray reports usage to its makers unless told otherwise, and logs much that is not for users.
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_DATA_LOG_LEVEL": "CRITICAL"}

_NEXT_STEP = "complete parts are kept, run the same command again"


class RayEngine(Engine):
    """Computes tasks on a Ray cluster; see `softtopic.features.engines.base.Engine`.

    Parameters
    ----------
    address : str or None, default=None
        HOST:PORT or "auto", on a machine of the cluster, or ray://HOST:PORT from elsewhere. None: the one that the
        environment variable RAY_ADDRESS names, else a cluster of this machine alone, which ends with the engine.
    workers : int or None, default=None
        Number of workers. None: one for each GPU; without GPUs one for each four processors of a machine.
    """

    def __init__(self, *, address: str | None = None, workers: int | None = None) -> None:
        if workers is not None:
            check_whole("workers", workers, 1)
        self.address = address or os.environ.get("RAY_ADDRESS") or "local"
        self.workers = workers
        self._end = ExitStack()
        self._resources: dict[str, int | float] = {}

    def __enter__(self) -> "RayEngine":
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        try:
            import ray
            import ray.data
        except ImportError:
            raise EngineError("--engine ray needs Ray; pip install 'softtopic[ray]'") from None
        with ExitStack() as end:
            if not ray.is_initialized():
                _check_reachable(self.address)
                try:
                    with _quiet_standard_error(), _same_sigterm():
                        ray.init(
                            self.address, log_to_driver=False, logging_level=logging.ERROR, **self._local_settings()
                        )
                except Exception as error:
                    raise EngineError(_not_started(self.address, error)) from None
                end.callback(ray.shutdown)
            self.workers, self._resources = _share_out(ray.nodes(), self.workers)
            end.enter_context(_watched(self.address))
            self._end = end.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.__exit__(kind, error, at)

    @property
    def description(self) -> str:
        """Who computes, for messages."""
        each = ", ".join(f"{count:g} {what[4:-1].upper()}" for what, count in self._resources.items())
        return f"{self.workers} Ray worker{'s' if self.workers != 1 else ''} of {each}"

    def _local_settings(self) -> dict[str, Any]:
        """Settings of a cluster that ends with the engine."""
        if self.address != "local":
            return {}
        # Workers without a processor of their own would wait for ever.
        cpus = max(self.workers or 1, os.cpu_count() or 1)
        return {"include_dashboard": False, "object_store_memory": _OBJECT_STORE, "num_cpus": cpus}

    def run(
        self, open_worker: Callable[[], Callable[[Task], Outcome]], tasks: Sequence[Task]
    ) -> Iterator[Outcome]:  # fmt: skip
        """Outcomes of the tasks, in the order in which they end."""
        import ray.data
        from ray.data import ActorPoolStrategy, DataContext
        from ray.exceptions import RayError

        if not tasks:
            return
        context = DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        # A task that kills its workers has no outcome; the others go on.
        context.max_errored_blocks = -1
        most = min(self.workers or 1, len(tasks))
        # A block for each task: a worker that dies costs one of them.
        rows = ray.data.from_items([{"task": task} for task in tasks], override_num_blocks=len(tasks))
        # A task that waited behind another one would die with it.
        pool = ActorPoolStrategy(size=most, max_tasks_in_flight_per_actor=1)
        settings: dict[str, Any] = {"max_restarts": -1, "max_task_retries": _ATTEMPTS - 1, **self._resources}
        with warnings.catch_warnings():
            # Ray announces another way to limit retries, and has none yet.
            warnings.simplefilter("ignore")
            outcomes = rows.map_batches(
                _Actor,
                fn_constructor_args=(open_worker,),
                batch_size=1,
                compute=pool,
                **settings,
            )
        try:
            for row in outcomes.iter_rows():
                yield row["outcome"]
        except (RayError, ConnectionError) as error:
            raise EngineError(f"the Ray cluster failed ({_line(error, -1)}); {_NEXT_STEP}") from None


class _Actor:
    """A worker as Ray calls it, with batches of one task."""

    def __init__(self, open_worker: Callable[[], Callable[[Any], Any]]) -> None:
        self._compute = open_worker()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"outcome": [self._compute(task) for task in batch["task"]]}


def _share_out(nodes: list[dict[str, Any]], workers: int | None) -> tuple[int, dict[str, int | float]]:
    """Number of workers, and what each of them has of its machine."""
    machines = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = int(sum(machine.get("GPU", 0) for machine in machines))
    if gpus:
        return workers or gpus, {"num_cpus": 1, "num_gpus": min(1.0, gpus / (workers or gpus))}
    cpus = [int(machine["CPU"]) for machine in machines if machine.get("CPU", 0) >= 1]
    if not cpus:
        raise EngineError("the Ray cluster has no processors; start its machines with --num-cpus")
    each = min(_WORKER_CPUS, *cpus) if workers is None else max(1, min(_WORKER_CPUS, *cpus, sum(cpus) // workers))
    room = sum(machine // each for machine in cpus)
    return min(workers or room, room), {"num_cpus": each}


class _HeadLost(KeyboardInterrupt):
    """Passes through Ray as Ctrl-C does."""


@contextmanager
def _watched(address: str) -> Iterator[None]:
    """Raise EngineError in the block if the head of the cluster is lost: calls of Ray would not return.

    It is a signal that gets out of them, so that this is for the main thread.
    """
    if os.name != "posix" or current_thread() is not main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        raise _HeadLost

    host, port = _head_of(address)
    ended = Event()
    before = signal.signal(signal.SIGUSR1, end)
    Thread(target=_watch, args=(host, port, ended), daemon=True).start()
    try:
        yield
    except _HeadLost:
        lost = f"the head of the Ray cluster ({host}:{port}) does not answer any more"
        raise EngineError(f"{lost}; {_NEXT_STEP}") from None
    finally:
        ended.set()
        signal.signal(signal.SIGUSR1, before)


def _watch(host: str, port: int, ended: Event) -> None:
    """Send the main thread a signal when nothing has answered there for some time."""
    answered = time.monotonic()
    while not ended.wait(_WATCH_SECONDS):
        if _connection_error(host, port) is None:
            answered = time.monotonic()
        elif time.monotonic() - answered > _LOST_SECONDS and not ended.is_set():
            signal.pthread_kill(main_thread().ident or 0, signal.SIGUSR1)
            return


def _head_of(address: str) -> tuple[str, int]:
    """Host and port of what holds a cluster together."""
    import ray

    if not address.startswith("ray://"):
        address = ray.get_runtime_context().gcs_address
    host, _, port = address.removeprefix("ray://").rpartition(":")
    return host.strip("[]"), int(port)


def _connection_error(host: str, port: int) -> str | None:
    """Why nothing answers there; None where something does."""
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None


def _check_reachable(address: str) -> None:
    """Raise EngineError at once where nothing listens: Ray itself would wait for minutes."""
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise EngineError(f"--address is {address!r}; give HOST:PORT, ray://HOST:PORT or auto")
    if (reason := _connection_error(host.strip("[]"), int(port))) is not None:
        raise EngineError(f"no Ray cluster answers at {address} ({reason}); check --address")


@contextmanager
def _same_sigterm() -> Iterator[None]:
    """Ray replaces what SIGTERM does; a handler of the caller's stays."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(handler) and current_thread() is main_thread():
            signal.signal(signal.SIGTERM, handler)


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    """Ray's native part writes to the file descriptor, whatever its level of logging is."""
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _not_started(address: str, error: Exception) -> str:
    if address == "local":
        return f"Ray could not be started here ({_line(error, 0)}); run the same command again, or use --engine local"
    return f"no Ray cluster at {address} ({_line(error, 0)}); check --address"


def _line(error: BaseException, number: int) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[number] if lines else type(error).__name__).rstrip(".")[:200]
