"""A run of a billion documents on a cluster, as a discrete-event simulation: stragglers, failures, skew, the driver.

    python benchmarks/cluster_simulation.py [--documents 1e9] [--workers 1000] [--seed 0]

Prints the table of docs/billion.md. What is measured, and what is assumed, is in `Cluster`.
"""

import argparse
import heapq
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

PART_ROWS = (4_096, 16_384, 65_536, 262_144, 1_048_576)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What a run depends on.

    Attributes
    ----------
    speed : float
        Documents a second of a worker of two cores: the default recipe on titles, measured.
    open_seconds : float
        Seconds until a new worker has opened its models. Assumed, as all that follows.
    dispatch_seconds : float
        Time of the one driver for each part: scheduling, and recording what came of it.
    spread : float
        Standard deviation of the logarithm of a worker's speed.
    straggler_share, straggler_speed : float
        Share of workers that are slow, and their speed over that of the others.
    failures : float
        Failures of a worker in an hour; the part it was computing is lost, and its models are opened again.
    skew : float
        Standard deviation of the logarithm of a file's mean length of documents.
    file_rows : int
        Documents of a file of the input, which are alike in length.
    """

    workers: int = 1000
    speed: float = 1924.0
    open_seconds: float = 30.0
    dispatch_seconds: float = 0.005
    spread: float = 0.1
    straggler_share: float = 0.02
    straggler_speed: float = 0.25
    failures: float = 0.05
    skew: float = 0.3
    file_rows: int = 1_000_000


@dataclass(frozen=True)
class Run:
    """What came of a simulated run, in seconds; `ideal` is the time of the same cluster without any loss."""

    parts: int
    seconds: float
    ideal: float
    tail: float
    lost: float
    driver: float


def simulate(documents: int, part_rows: int, cluster: Cluster, seed: int) -> Run:
    """Simulate one run: a free worker takes the next part, the driver hands out one at a time."""
    rng = np.random.default_rng(seed)
    n = ceil(documents / part_rows)
    rows = np.full(n, part_rows, dtype=float)
    rows[-1] = documents - (n - 1) * part_rows
    lengths = rng.lognormal(-(cluster.skew**2) / 2, cluster.skew, ceil(documents / cluster.file_rows))
    work = rows / cluster.speed * lengths[np.arange(n) * part_rows // cluster.file_rows]
    speeds = rng.lognormal(0, cluster.spread, cluster.workers)
    slow = rng.random(cluster.workers) < cluster.straggler_share
    speeds[slow] *= cluster.straggler_speed
    free = [(cluster.open_seconds, worker) for worker in range(cluster.workers)]
    waiting = list(range(n - 1, -1, -1))
    ends, lost, driver_free = [], 0.0, 0.0
    returned: list[tuple[float, int]] = []  # parts whose worker has failed, with the time at which that is known
    while waiting or returned:
        now, worker = heapq.heappop(free)
        if returned and (returned[0][0] <= now or not waiting):
            known, part = heapq.heappop(returned)
            now = max(now, known)
        else:
            part = waiting.pop()
        start = driver_free = max(now, driver_free) + cluster.dispatch_seconds
        needed = work[part] / speeds[worker]
        until_failure = rng.exponential(3600 / cluster.failures) if cluster.failures else float("inf")
        if until_failure < needed:
            lost += until_failure
            heapq.heappush(returned, (start + until_failure, part))
            heapq.heappush(free, (start + until_failure + cluster.open_seconds, worker))
        else:
            ends.append(start + needed)
            heapq.heappush(free, (start + needed, worker))
    ends.sort()
    ideal = cluster.open_seconds + work.sum() / speeds.sum()
    seconds = ends[-1]
    return Run(
        n,
        seconds,
        ideal,
        seconds - ends[int(0.99 * (n - 1))],
        lost / work.sum(),
        n * cluster.dispatch_seconds / seconds,
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--documents", type=float, default=1e9)
    options.add_argument("--workers", type=int, default=1000, help="workers of two cores")
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    titles = Cluster(workers=arguments.workers)
    # Posts at a twelfth of the speed, measured as well; "calm" has no failures and no slow workers.
    cases = {
        "titles": titles,
        "titles, calm": replace(titles, failures=0, straggler_share=0),
        "posts": replace(titles, speed=167.0),
    }
    print("| documents | rows of a part | parts | minutes | ideal | last 1 % | lost | driver busy |")
    print("|---|---|---|---|---|---|---|---|")
    for name, cluster in cases.items():
        for rows in PART_ROWS:
            run = simulate(round(arguments.documents), rows, cluster, arguments.seed)
            minutes = " | ".join(f"{seconds / 60:.1f}" for seconds in (run.seconds, run.ideal, run.tail))
            print(f"| {name} | {rows:,} | {run.parts:,} | {minutes} | {run.lost:.1%} | {run.driver:.0%} |")


if __name__ == "__main__":
    main()
