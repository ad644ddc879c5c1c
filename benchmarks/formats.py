"""Number formats of the language model: documents per second, and how far soft labels are from those of float32.

    python benchmarks/formats.py --data-dir FOLDER [--rounds 3] [--formats float32,int8]

Whole words after both prompts of the default recipe. The formats take turns, so that a machine that slows down slows
all of them; the best round of each counts. A format that this processor lacks is read, and named, as float32. KL
divergence from the soft labels of the first format in nats, at two temperatures: mean (median).
"""

import time

import torch
from common import parser, print_head, print_row, sample

from softtopic.recipes import RECIPES
from softtopic.teacher.local import Teacher
from softtopic.training.objective import soft_labels

DOCUMENTS = {"stackoverflow": 600, "20newsgroups": 100}
TEMPERATURES = (1.0, 3.0)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--formats", default="float32,int8", help="by comma; the first is the reference of the others")
    arguments = options.parse_args()
    print_head("corpus", "documents", "format", "documents/s", "speed-up", *(f"KL at T={t:g}" for t in TEMPERATURES))
    for name in DOCUMENTS:
        measure(name, arguments.data_dir, arguments.formats.split(","), arguments.rounds)


def measure(name: str, data_dir: str, formats: list[str], rounds: int) -> None:
    corpus, words = sample(name, data_dir, DOCUMENTS[name])
    # Without a number of documents the beginnings are read, as of a large corpus.
    teachers = {dtype: Teacher(dtype=dtype, **RECIPES["default"].read.teacher_options(None)) for dtype in formats}
    best, log_probs = dict.fromkeys(formats, float("inf")), {}
    for teacher in teachers.values():
        teacher.read(corpus.texts[:8], words)
    for _ in range(rounds):
        for dtype, teacher in teachers.items():
            start = time.perf_counter()
            log_probs[dtype] = torch.from_numpy(teacher.read(corpus.texts, words).log_probs)
            best[dtype] = min(best[dtype], time.perf_counter() - start)
    for dtype, teacher in teachers.items():
        divergences = [divergence(log_probs[formats[0]], log_probs[dtype], temperature) for temperature in TEMPERATURES]
        print_row(
            name, len(corpus), str(teacher.dtype).removeprefix("torch."), f"{len(corpus) / best[dtype]:.1f}",
            f"{best[formats[0]] / best[dtype]:.2f}", *(f"{kl.mean():.4f} ({kl.median():.4f})" for kl in divergences),
        )  # fmt: skip


def divergence(reference: torch.Tensor, other: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL divergence of the soft labels of each document, in nats."""
    p, q = (soft_labels(log_probs, temperature=temperature).double() for log_probs in (reference, other))
    return (p * (p / q).log()).sum(dim=1)


if __name__ == "__main__":
    main()
