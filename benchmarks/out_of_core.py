"""Memory and time of `softtopic fit --fit-on` for made-up short texts, whole commands, beside a fit in memory.

    python benchmarks/out_of_core.py --data-dir FOLDER --documents 300000 1000000 --in-memory 300000
    python benchmarks/out_of_core.py --data-dir FOLDER --quality 5000 10000

A made-up text is the first half of a StackOverflow title and the second half of another. `--quality` fits all titles in
memory, and samples of these sizes, and compares the agreement of the topics of all titles with their classes.
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import common
import numpy as np

from softtopic.storage.parts import PartFolder

TIMED = Path(__file__).with_name("timed.py")


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--documents", type=int, nargs="*", default=[], help="numbers of made-up texts")
    options.add_argument("--in-memory", type=int, nargs="*", default=[], help="numbers of texts of a fit in memory")
    options.add_argument("--quality", type=int, nargs="*", default=[], help="sizes of samples of the titles")
    options.add_argument("--fit-on", type=int, default=100_000, help="size of the sample of made-up texts")
    options.add_argument("--seeds", type=int, default=1, help="number of seeds of --quality")
    options.add_argument("--recipe", default="fast")
    options.add_argument("--topics", type=int, default=50)
    chosen = options.parse_args()
    titles, _ = common.sample("stackoverflow", chosen.data_dir)
    with TemporaryDirectory() as folder:
        if chosen.documents or chosen.in_memory:
            compare_sizes(titles.texts, Path(folder), chosen)
        if chosen.quality:
            compare_quality(titles, Path(folder), chosen)


def compare_sizes(titles: tuple[str, ...], folder: Path, chosen: argparse.Namespace) -> None:
    common.print_head("documents", "fit", "seconds", "processor seconds", "documents a second", "peak GB")
    runs = [(n, None) for n in chosen.in_memory] + [(n, chosen.fit_on) for n in chosen.documents]
    for n, fit_on in runs:
        file = make_up(titles, n, folder / f"{n}.jsonl")
        found = run(file, folder / "model", fit_on, chosen)
        how = "in memory" if fit_on is None else f"on {fit_on:,}"
        rate = f"{n / found['seconds']:,.0f}"
        seconds = [f"{found[name]:.0f}" for name in ("seconds", "cpu_seconds")]
        common.print_row(f"{n:,}", how, *seconds, rate, f"{found['peak_mib'] * 2**20 / 1e9:.2f}")


def compare_quality(titles: object, folder: Path, chosen: argparse.Namespace) -> None:
    from softtopic.data.corpus import Corpus
    from softtopic.metrics.clustering import clustering_scores

    assert isinstance(titles, Corpus)
    file = folder / "titles.jsonl"
    rows = zip(titles.texts, titles.labels or (), strict=True)
    file.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    common.print_head("titles", "fit", "seed", "purity", "NMI")
    for fit_on in (len(titles), *chosen.quality):
        for seed in range(chosen.seeds):
            run(file, folder / "model", fit_on, chosen, "--seed", str(seed), "--label", "label")
            tables = list(PartFolder.open(folder / "model.documents").tables(["label", "topic"]))
            labels = np.concatenate([table["label"].to_numpy() for table in tables])
            topics = np.concatenate([table["topic"].to_numpy() for table in tables])
            scores = clustering_scores(topics, labels)
            cells = [f"{scores.purity:.3f}", f"{scores.nmi:.3f}"]
            common.print_row(f"{len(titles):,}", f"on {fit_on:,}", seed, *cells)


def make_up(titles: tuple[str, ...], n: int, path: Path) -> Path:
    rng = random.Random(0)
    with path.open("w", encoding="utf-8") as stream:
        for number in range(n):
            first, second = rng.choice(titles).split(), rng.choice(titles).split()
            text = " ".join(first[: len(first) // 2 + 1] + second[len(second) // 2 :])
            stream.write(json.dumps({"id": number, "text": text}) + "\n")
    return path


def run(file: Path, out: Path, fit_on: int | None, chosen: argparse.Namespace, *more: str) -> dict[str, float]:
    """Seconds and memory of the whole command."""
    command = [sys.executable, "-m", "softtopic", "fit", str(file), "--out", str(out), *more]
    command += ["--recipe", chosen.recipe, "--topics", str(chosen.topics), "--quiet"]
    command += [] if fit_on is None else ["--fit-on", str(fit_on)]
    done = subprocess.run([sys.executable, str(TIMED), *command], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    if found["exit_code"]:
        sys.exit(f"{' '.join(command)} ended with {found['exit_code']}")
    return found


if __name__ == "__main__":
    main()
