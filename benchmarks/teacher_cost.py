"""What ways of asking cost, and how far bfloat16 labels are from float32 ones.

    python benchmarks/teacher_cost.py --data-dir FOLDER [--rounds 3]

Cost: 800 StackOverflow titles, every way in turn, medians, as ratios to the published prompt scored by first tokens.
What is done once for a vocabulary is left out of the ratio and given in seconds. Labels: mean KL(float32 ‖ ours) in
nats over 150 documents, first tokens, at two temperatures.
"""

import argparse
import json
import statistics
import time

import torch

from softtopic.data.datasets import load
from softtopic.data.vocabulary import Vocabulary
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import PROMPTS, Prompt
from softtopic.training.objective import soft_labels

AFTER = [Prompt(PROMPTS[name].instruction, document_first=True) for name in ("published", "theme", "single-label")]
WAYS = {
    "published": (Prompt(), 0),
    "four-shot": (PROMPTS["four-shot"], 0),
    "published, beam width 4": (Prompt(), 4),
    "published after 12 tokens of keywords": (Prompt(rationale="Keywords:"), 0),
    "three instructions after the document": (AFTER, 0),
    "three instructions before it": ([PROMPTS[name] for name in ("published", "theme", "single-label")], 0),
}
TARGETS = {"four-shot": 1.25, "published, beam width 4": 1.6}


def sample(name: str, data_dir: str, documents: int) -> tuple[list[str], Vocabulary]:
    """Documents evenly from the whole corpus, and the corpus's words."""
    texts = list(load(name, data_dir=data_dir).distinct.texts)
    return texts[:: len(texts) // documents][:documents], Vocabulary.from_texts(texts)


def cost(data_dir: str, rounds: int) -> None:
    texts, words = sample("stackoverflow", data_dir, 800)
    teachers = {way: Teacher(prompt=prompt, beam_width=beam_width) for way, (prompt, beam_width) in WAYS.items()}
    once, seconds = {}, {way: [] for way in WAYS}
    for way, teacher in teachers.items():
        teacher.open()
        start = time.perf_counter()
        teacher.read(texts[:100], words)
        once[way] = time.perf_counter() - start
    for _ in range(rounds):
        for way, teacher in teachers.items():
            start = time.perf_counter()
            teacher.read(texts, words)
            seconds[way].append(time.perf_counter() - start)
    first = statistics.median(seconds["published"])
    for way in WAYS:
        print(json.dumps({
            "way": way, "ratio": round(statistics.median(seconds[way]) / first, 2), "target": TARGETS.get(way),
            "seconds": [round(s, 2) for s in seconds[way]], "first_100_titles_seconds": round(once[way], 1),
        }), flush=True)  # fmt: skip


def rounding(name: str, data_dir: str) -> None:
    texts, words = sample(name, data_dir, 150)
    exact, ours = (torch.from_numpy(Teacher(dtype=dtype).read(texts, words).log_probs) for dtype in ("float32", "auto"))
    for temperature in (1.0, 3.0):
        p, q = (soft_labels(side, temperature=temperature).double() for side in (exact, ours))
        apart = (p * (p / q).log()).sum(dim=1)
        print(json.dumps({
            "corpus": name, "temperature": temperature, "mean_kl": round(float(apart.mean()), 5),
            "largest": round(float(apart.max()), 5),
        }), flush=True)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    cost(given.data_dir, given.rounds)
    for name in ("stackoverflow", "20newsgroups"):
        rounding(name, given.data_dir)


if __name__ == "__main__":
    main()
