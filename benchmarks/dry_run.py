"""Accuracy of the estimates of `softtopic teach --dry-run`: seconds and bytes of whole-word reading on three corpora.

    python benchmarks/dry_run.py --data-dir FOLDER [--documents 1500]

Target: within 20 %.
"""

import tempfile
import time
from pathlib import Path

from common import parser, print_head, print_row, sample

from softtopic.features.estimate import estimate
from softtopic.features.extraction import extract_into
from softtopic.teacher.local import Teacher

# Multiples of --documents: short texts are read faster.
CORPORA = {"stackoverflow": 4, "20newsgroups": 1, "tweettopic": 2}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--documents", type=int, default=1500)
    arguments = options.parse_args()
    print_head("corpus", "documents", "tokens", "seconds", "estimate / seconds", "bytes", "estimate / bytes")
    for name, multiple in CORPORA.items():
        corpus, words = sample(name, arguments.data_dir, multiple * arguments.documents)
        expected = estimate(corpus, words, Teacher(beam_width=4))
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            store = extract_into(Path(folder) / "features", corpus, words, Teacher(beam_width=4))
            seconds = time.perf_counter() - start
            store.write_documents(corpus)
            size = sum(file.stat().st_size for file in store.path.glob("*.parquet"))
        print_row(
            name, expected.distinct, expected.tokens, round(seconds, 1), f"{expected.seconds / seconds:.2f}",
            size, f"{expected.bytes / size:.2f}",
        )  # fmt: skip


if __name__ == "__main__":
    main()
