"""What prompts and the scoring of whole words cost: time to read against the published prompt and first tokens.

    python benchmarks/teacher_cost.py --data-dir FOLDER [--rounds 3] [--documents 800]

StackOverflow titles; the variants take turns, medians. What is done once for a vocabulary is not part of the ratio; the
last column is the time of the first 100 titles, which includes it.
"""

import statistics
import time

from common import parser, print_head, print_row, sample

from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import PROMPTS, Prompt

THREE = ("published", "theme", "single-label")
VARIANTS = {
    "published prompt, first tokens": {"prompt": Prompt()},
    "four demonstrations": {"prompt": PROMPTS["four-shot"]},
    "whole words, beam width 4": {"beam_width": 4},
    "after a rationale of 12 tokens": {"prompt": Prompt(rationale="Keywords:")},
    "three instructions after the document": {
        "prompt": [Prompt(PROMPTS[name].instruction, document_first=True) for name in THREE]
    },
    "three instructions before the document": {"prompt": [PROMPTS[name] for name in THREE]},
}
TARGETS = {"four demonstrations": "≤ 1.25", "whole words, beam width 4": "≤ 1.6"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--documents", type=int, default=800)
    arguments = options.parse_args()
    corpus, words = sample("stackoverflow", arguments.data_dir, arguments.documents)
    teachers = {name: Teacher(**settings) for name, settings in VARIANTS.items()}
    first, seconds = {}, {name: [] for name in VARIANTS}
    for name, teacher in teachers.items():
        teacher.open()
        first[name] = elapsed(teacher, corpus.texts[:100], words)
    for _ in range(arguments.rounds):
        for name, teacher in teachers.items():
            seconds[name].append(elapsed(teacher, corpus.texts, words))
    print_head("variant", "ratio", "target", "seconds of each round", "first 100 titles, s")
    base = statistics.median(seconds[next(iter(VARIANTS))])
    for name, rounds in seconds.items():
        each = ", ".join(f"{one:.1f}" for one in rounds)
        print_row(name, f"{statistics.median(rounds) / base:.2f}", TARGETS.get(name, ""), each, round(first[name], 1))


def elapsed(teacher: Teacher, texts, words) -> float:
    start = time.perf_counter()
    teacher.read(texts, words)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
