"""Number formats a language model is read in: documents per second, and how far soft labels move from float32.

    python benchmarks/formats.py --data-dir FOLDER [--rounds 3] [--formats float32,int8]

Whole words after both prompts of recipe `default`, as it reads. The formats take turns, so that a machine that slows
down slows all alike; the best round of each counts. A format this processor cannot do is read, and named, as float32.
"""

import argparse
import json
import time

import torch
from teacher_cost import sample

from softtopic.recipes import RECIPES
from softtopic.teacher.local import Teacher
from softtopic.training.objective import soft_labels

DOCUMENTS = {"stackoverflow": 600, "20newsgroups": 100}


def measure(name: str, data_dir: str, formats: list[str], rounds: int) -> None:
    texts, words = sample(name, data_dir, DOCUMENTS[name])
    # 0 documents: their beginnings are read, as of a large corpus.
    teachers = {dtype: Teacher(dtype=dtype, **RECIPES["default"].asks(0)) for dtype in formats}
    best, labels = dict.fromkeys(formats, float("inf")), {}
    for teacher in teachers.values():
        teacher.read(texts[:8], words)
    for _ in range(rounds):
        for dtype, teacher in teachers.items():
            start = time.perf_counter()
            read = teacher.read(texts, words)
            best[dtype] = min(best[dtype], time.perf_counter() - start)
            labels[dtype] = soft_labels(torch.from_numpy(read.log_probs), temperature=1.0).double()
    exact = labels[formats[0]]
    for dtype, teacher in teachers.items():
        apart = (exact * (exact / labels[dtype]).log()).sum(dim=1)
        print(json.dumps({
            "corpus": name, "documents": len(texts), "format": str(teacher.dtype).removeprefix("torch."),
            "documents_per_second": round(len(texts) / best[dtype], 1),
            "times": round(best[formats[0]] / best[dtype], 2),
            "kl_mean": round(float(apart.mean()), 4), "kl_median": round(float(apart.median()), 4),
        }), flush=True)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--formats", default="float32,int8", help="by comma; all are compared with the first")
    given = options.parse_args()
    for name in DOCUMENTS:
        measure(name, given.data_dir, given.formats.split(","), given.rounds)


if __name__ == "__main__":
    main()
