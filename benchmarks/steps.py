"""Time and peak memory of each step of a fit, from documents to a saved model, with nothing kept from before.

    python benchmarks/steps.py --data-dir FOLDER [--data stackoverflow] [--documents N] [--topics 50] [--sample 0.1]

Target: at most 2.5 GB for the 19,985 titles of StackOverflow. The row "rest" is what `fit` does between the steps.
"""

import os
import time
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from common import make_empty_cache, parser, print_head, print_row

from softtopic.bench.packages.exchange import Stages
from softtopic.bench.sources import Source
from softtopic.model import TopicModel
from softtopic.pipeline import fit as steps

# Step → the functions that `fit` calls for it.
STEPS = {
    "read: language model": ("read_documents",),
    "represent: sentence vectors, word counts": ("represent",),
    "targets: calibrate, impute": ("calibrate", "make_targets"),
    "graph: normalise views, nearest neighbours": ("normalize_views", "document_graph"),
    "propagate labels": ("label_points",),
    "initial groups": ("initial_groups",),
    "train": ("train_backbone",),
    "describe: mixtures, ranking of words": ("describe",),
}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", default="stackoverflow", help="sample corpus or file")
    options.add_argument("--documents", type=int, help="distinct documents; default: all")
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--recipe", default="default")
    options.add_argument("--sample", type=float, help="share read by the language model; default: as the recipe says")
    arguments = options.parse_args()
    corpus = Source(data=arguments.data, data_dir=arguments.data_dir, documents=arguments.documents).read()
    stages = Stages()
    with TemporaryDirectory() as folder, ExitStack() as patches:
        make_empty_cache(Path(folder) / "cache", "assets", "models")
        os.environ["SOFTTOPIC_CACHE"] = str(Path(folder) / "cache")
        for step, names in STEPS.items():
            for name in names:
                patches.enter_context(patch.object(steps, name, timed(stages, step, getattr(steps, name))))
        model = TopicModel(arguments.topics, recipe=arguments.recipe, sample=arguments.sample)
        with stages.stage("plan"):
            model.plan(corpus)
        start = time.perf_counter()
        model.fit(corpus)
        seconds = time.perf_counter() - start
        with stages.stage("save"):
            model.save(Path(folder) / "model")
    print(f"{arguments.data}, {len(corpus):,} documents, {arguments.topics} topics\n")
    print_head("step", "seconds", "peak MiB")
    for step in ("plan", *STEPS, "save"):
        records = [record for record in stages.records if record["stage"] == step]
        if records:
            print_row(step, round(sum(one["seconds"] for one in records), 1), max(one["peak_mib"] for one in records))
    known = sum(record["seconds"] for record in stages.records if record["stage"] in STEPS)
    print_row("rest", round(seconds - known, 1), "")
    print_row("fit", round(seconds, 1), max(record["peak_mib"] for record in stages.records))


def timed(stages: Stages, step: str, function):
    @wraps(function)
    def call(*arguments, **options):
        with stages.stage(step):
            return function(*arguments, **options)

    return call


if __name__ == "__main__":
    main()
