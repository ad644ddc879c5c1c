"""Search by topic mixture: speed, memory and recall of `RetrievalIndex`.

    python benchmarks/retrieval.py [--theta FILE.npy] [--documents 1000000] [--topics 50] [--loop 500] [--repeats 5]

Mixtures are made up unless --theta gives those of a model: then each of many is a mixture of two of them in random
shares. Times are the minimum over --repeats (of a query: over 20 times as many); one graph is built. The published
search is a loop over rows, measured for --loop of them and multiplied. Memory is what the process has in addition to
theta, over the size of theta in float32; what is mapped from files is counted apart.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import parser, print_head, print_row, processor

from softtopic.retrieval.divergences import METRICS
from softtopic.retrieval.index import RetrievalIndex

ALL_PAIRS = 20_000
K = 10


def row_loop(theta: np.ndarray, n_rows: int) -> list[np.ndarray]:
    """The published search: KL of one document to each other, sorted, then the next document."""
    logs = np.log(np.maximum(theta, 1e-12))
    nearest = []
    for row in range(n_rows):
        divergence = (theta[row] * (logs[row] - logs)).sum(axis=1)
        divergence[row] = np.inf
        nearest.append(np.argsort(divergence)[:K])
    return nearest


def seconds(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def memory(kind: str) -> int:
    """Bytes of this process: RssAnon or RssFile."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{kind}:"))


def mixtures(n_rows: int, n_topics: int, known: np.ndarray | None) -> np.ndarray:
    rng = np.random.default_rng(0)
    theta = np.empty((n_rows, n_topics if known is None else known.shape[1]), dtype=np.float32)
    for start in range(0, n_rows, 50_000):
        rows = theta[start : start + 50_000]
        if known is None:
            rows[:] = rng.gamma(0.1, size=rows.shape) + 1e-5
            rows /= rows.sum(axis=1, keepdims=True)
        else:
            share = rng.random((len(rows), 1), dtype=np.float32)
            one, other = (known[rng.integers(len(known), size=len(rows))] for _ in range(2))
            rows[:] = share * one + (1 - share) * other
    return theta


def all_pairs(theta: np.ndarray, loop: int, repeats: int) -> None:
    index = RetrievalIndex(theta)
    found = index.neighbours(K).ids[:loop]
    start = time.perf_counter()
    expected = row_loop(theta, loop)
    per_row = (time.perf_counter() - start) / loop
    equal = np.mean([len(np.intersect1d(one, other)) / K for one, other in zip(found, expected, strict=True)])
    published = per_row * len(theta)
    print_row(f"all pairs of {len(theta):,}, row loop as published", f"{published:.1f} s", "")
    for metric in METRICS:
        index = RetrievalIndex(theta, metric=metric)
        own = seconds(lambda index=index: index.neighbours(K), repeats)
        note = f"{published / own:.0f} × the loop; {equal:.4f} of neighbours equal" if metric == "kl" else ""
        print_row(f"all pairs of {len(theta):,}, {metric}", f"{own:.2f} s", note)


def many(theta: np.ndarray, repeats: int) -> None:
    size, rng = theta.size * 4, np.random.default_rng(1)
    queries = [theta[row : row + 1] for row in rng.integers(len(theta), size=20 * repeats)]
    before = memory("RssAnon")
    start = time.perf_counter()
    index = RetrievalIndex(theta)
    built = time.perf_counter() - start
    print_row(
        f"{len(theta):,}: index in memory", f"{built:.2f} s", f"{(memory('RssAnon') - before) / size:.2f} × theta"
    )
    print_row(f"{len(theta):,}: a query, exact", f"{1000 * one_query(index, queries):.1f} ms", "")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exact"
        print_row(f"{len(theta):,}: save", f"{seconds(lambda: index.save(path), 1):.1f} s", "")
        opened_from(path, queries, size)
        start, cpu = time.perf_counter(), time.process_time()
        recall = index.build_graph()
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
        note = f"recall@{K} {recall:.3f}; {cpu:.0f} s of processor time in all threads"
        print_row(f"{len(theta):,}: graph, built and measured", f"{took:.1f} s", note)
        path = Path(folder) / "approximate"
        index.save(path)
        graph = (path / "graph.usearch").stat().st_size
        print_row(
            f"{len(theta):,}: a query, approximate",
            f"{1000 * one_query(index, queries):.2f} ms",
            f"graph {graph / size:.2f} × theta",
        )
        opened_from(path, queries, size)


def one_query(index: RetrievalIndex, queries: list[np.ndarray]) -> float:
    return min(seconds(lambda query=query: index.search(query, K), 1) for query in queries)


def opened_from(path: Path, queries: list[np.ndarray], size: int) -> None:
    anonymous, mapped = memory("RssAnon"), memory("RssFile")
    start = time.perf_counter()
    index = RetrievalIndex.open(path)
    opened = time.perf_counter() - start
    best = one_query(index, queries)
    note = f"{(memory('RssAnon') - anonymous) / size:.2f} × theta, mapped {(memory('RssFile') - mapped) / size:.2f} ×"
    print_row(f"opened {path.name} index, checksums verified: {opened:.1f} s; a query", f"{1000 * best:.2f} ms", note)


def main() -> None:
    options = parser(__doc__, data=False)
    options.add_argument("--theta", type=Path)
    options.add_argument("--documents", type=int, default=1_000_000)
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--loop", type=int, default=500)
    options.add_argument("--repeats", type=int, default=5)
    arguments = options.parse_args()
    known = None if arguments.theta is None else np.load(arguments.theta).astype(np.float32)
    print(f"{processor()}; K = {arguments.topics if known is None else known.shape[1]}\n")
    print_head("what", "time", "")
    all_pairs(mixtures(ALL_PAIRS, arguments.topics, known), arguments.loop, arguments.repeats)
    many(mixtures(arguments.documents, arguments.topics, known), arguments.repeats)


if __name__ == "__main__":
    main()
