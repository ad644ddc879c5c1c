"""Whole runs against BERTopic as its users run it: time, peak memory and agreement with labels.

    python benchmarks/against_bertopic.py DATA --bertopic-python ENVIRONMENT/bin/python [--data-dir FOLDER]
        [--documents N] [--topics 50] [--recipe default ...] [--runs 3] [--encoder FOLDER] [--out FILE.json]

DATA is a sample corpus or a file of documents; blank documents and duplicates are dropped first. BERTopic (vectors by
sentence-transformers, UMAP as it comes, KMeans, English stop words) and `softtopic fit` take turns on the same texts,
each in a new process with an empty home and cache: imports, compilation and the conversion of the language model count,
downloads do not. Seconds are of the whole process, from the command to the topics on disk; each run of softtopic has
another seed, BERTopic has none. Medians (least to most); the ratio is taken run by run. Measuring is not timed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from common import make_empty_cache, parser, print_head, print_row, processor, spread

from softtopic import TopicModel
from softtopic.bench.environments import SCRIPTS
from softtopic.bench.measure import Outcome, measure_outcome
from softtopic.bench.methods import get_method
from softtopic.bench.runner import failure_reason
from softtopic.bench.sources import Source
from softtopic.bench.tables import MISSING
from softtopic.data.corpus import Corpus
from softtopic.data.writers import write_table
from softtopic.lm.config import SENTENCE_ENCODER, EncoderConfig
from softtopic.metrics.registry import MEASURES
from softtopic.recipes import get_recipe
from softtopic.storage.assets import asset_path
from softtopic.storage.atomic import staged_file

BERTOPIC = "bertopic-kmeans"
AGREEMENT = ("purity", "nmi", "precision_at_5")
TIMED = Path(__file__).with_name("timed.py")
# How sentence-transformers describes a model of three modules, in files beside the transformer's own.
MODULES = ("Transformer", "Pooling", "Normalize")
POOLING = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}

Run = dict[str, Any]


def main() -> None:
    options = parser(__doc__, data=False)
    options.add_argument("data", help="sample corpus or file of documents")
    options.add_argument("--data-dir", help="folder of the sample corpora")
    options.add_argument("--bertopic-python", required=True, type=Path, help="interpreter of BERTopic's environment")
    options.add_argument("--documents", type=int, help="distinct documents; default: all")
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--recipe", nargs="+", default=["default"], help="recipes of softtopic")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--encoder", type=Path, help="folder for sentence-transformers; default: the embedded encoder")
    options.add_argument("--out", type=Path, help="file for the record of every run")
    arguments = options.parse_args()
    for recipe in arguments.recipe:
        get_recipe(recipe)
    check_environment(arguments.bertopic_python)
    corpus = Source(data=arguments.data, data_dir=arguments.data_dir, documents=arguments.documents).read()
    report = {"data": Path(arguments.data).name, "documents": len(corpus), "topics": arguments.topics,
              "processor": processor(), "runs": []}  # fmt: skip
    print(f"{report['data']}, {len(corpus):,} documents, {arguments.topics} topics; {report['processor']}\n")
    with TemporaryDirectory() as name:
        folder = Path(name)
        texts = write_texts(corpus.texts, arguments.topics, folder)
        encoder = arguments.encoder or write_encoder(folder / "all-MiniLM-L6-v2")
        bertopic = [arguments.bertopic_python.absolute(), SCRIPTS / "run_bertopic_from_texts.py", folder,
                    encoder.absolute()]  # fmt: skip
        for number in range(arguments.runs):
            report["runs"].append(timed(BERTOPIC, bertopic) | agreement(bertopic_outcome(folder), corpus))
            for recipe in arguments.recipe:
                model = folder / f"{recipe}-{number}"
                command = fit_command(texts, model, arguments.topics, recipe, number)
                report["runs"].append(timed(recipe, command) | agreement(softtopic_outcome(model), corpus))
            write_report(report, arguments.out)
    print_table(report["runs"])


def check_environment(python: Path) -> None:
    """End with a message unless BERTopic and sentence-transformers are installed where this interpreter is."""
    test = "from importlib.metadata import version; version('bertopic'), version('sentence-transformers')"
    if not python.exists() or subprocess.run([python, "-c", test], capture_output=True, check=False).returncode:
        sys.exit(f"{python} has no BERTopic with sentence-transformers; docs/bench.md says how to install them")


def write_texts(texts: Sequence[str], n_topics: int, folder: Path) -> Path:
    """Write the task of BERTopic's script, and the same documents as a file for softtopic, which is returned."""
    file = folder / "documents.jsonl"
    write_table(file, {"text": texts})
    (folder / "texts.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    # BERTopic selects the words itself, and no seed is set.
    settings = {"method": BERTOPIC, "n_topics": n_topics, "seed": None, "word_pattern": "", "words": []}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return file


def write_encoder(folder: Path) -> Path:
    """Write the embedded sentence encoder as a folder that `SentenceTransformer` opens."""
    folder.mkdir(parents=True)
    for file in asset_path(SENTENCE_ENCODER).iterdir():
        (folder / file.name).symlink_to(file.resolve())
    paths = ["", *(f"{number}_{module}" for number, module in enumerate(MODULES) if number)]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{module}"}
        for number, (module, path) in enumerate(zip(MODULES, paths, strict=True))
    ]
    files = {
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": EncoderConfig.max_tokens, "do_lower_case": False},
        "1_Pooling/config.json": POOLING,
    }
    for path in paths:
        (folder / path).mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
    return folder


def fit_command(texts: Path, model: Path, n_topics: int, recipe: str, seed: int) -> list[str | Path]:
    return [sys.executable, "-m", "softtopic.cli", "fit", texts, "--topics", str(n_topics), "--recipe", recipe,
            "--seed", str(seed), "--out", model]  # fmt: skip


def timed(method: str, command: Sequence[str | Path]) -> Run:
    """Run a command with nothing kept from before; time and memory of its process. Ends this one where it fails."""
    with TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, TIMED, *command],
            capture_output=True, text=True, check=True, env=os.environ | empty_home(Path(home)),
        )  # fmt: skip
    record = json.loads(done.stdout)
    if code := record.pop("exit_code"):
        sys.exit(f"{method} failed: {failure_reason(code, done.stderr)}")
    print(f"{method}: {record['seconds']:,.1f} s", file=sys.stderr, flush=True)
    return {"method": method} | record


def empty_home(home: Path) -> dict[str, str]:
    """Environment variables of a user who has run nothing yet; the downloaded assets alone are there."""
    cache, temporary = home / ".cache", home / "tmp"
    make_empty_cache(cache / "softtopic", "assets", "models")
    temporary.mkdir()
    folders = {"HOME": home, "XDG_CACHE_HOME": cache, "SOFTTOPIC_CACHE": cache / "softtopic",
               "NUMBA_CACHE_DIR": cache / "numba", "TMPDIR": temporary}  # fmt: skip
    return {name: str(folder) for name, folder in folders.items()} | {"HF_HUB_OFFLINE": "1"}


def bertopic_outcome(folder: Path) -> Outcome:
    return Outcome(np.load(folder / "theta.npy"), clusters=np.load(folder / "clusters.npy"))


def softtopic_outcome(model: Path) -> Outcome:
    return Outcome(TopicModel.load(model).probabilities_)


def agreement(outcome: Outcome, corpus: Corpus) -> dict[str, float]:
    """The measures of the table; none where the documents have no labels."""
    values = measure_outcome(outcome, corpus, None)
    return {name: float(values[name]) for name in AGREEMENT if name in values}


def write_report(report: dict[str, Any], out: Path | None) -> None:
    if out is not None:
        with staged_file(out) as staging:
            staging.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def print_table(runs: Sequence[Run]) -> None:
    print_head("method", "seconds", "times BERTopic", "peak MiB", *(MEASURES[name].title for name in AGREEMENT))
    for row in table_rows(runs):
        print_row(*row)


def table_rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """A row for each method: medians (least to most) over its runs, ratios to the BERTopic run of the same turn."""
    base = [run["seconds"] for run in runs if run["method"] == BERTOPIC]
    rows = []
    for method in dict.fromkeys(run["method"] for run in runs):
        own = [run for run in runs if run["method"] == method]
        seconds = [run["seconds"] for run in own]
        ratios = [one / other for one, other in zip(seconds, base, strict=True)]
        scores = ([run[name] for run in own if name in run] for name in AGREEMENT)
        rows.append((
            get_method(method).title if method == BERTOPIC else f"softtopic ({method})",
            spread(seconds), spread(ratios, 2), spread([run["peak_mib"] for run in own], 0),
            *(spread(values, 3) if values else MISSING for values in scores),
        ))  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
