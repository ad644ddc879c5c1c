"""How near `softtopic teach --dry-run` comes to the truth: seconds and bytes on three corpora, words scored whole.

python benchmarks/dry_run.py --data-dir FOLDER [--documents 1500]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from softtopic.data.corpus import Corpus
from softtopic.data.datasets import load
from softtopic.data.vocabulary import Vocabulary
from softtopic.features.estimate import estimate
from softtopic.features.extraction import extract_into
from softtopic.teacher.local import Teacher

TOLERANCE = 0.2


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--documents", type=int, default=1500)
    given = options.parse_args()
    for name, share in (("stackoverflow", 4), ("20newsgroups", 1), ("tweettopic", 2)):
        texts = load(name, data_dir=given.data_dir).distinct.texts
        corpus = Corpus.from_texts(texts[:: max(1, len(texts) // (share * given.documents))][: share * given.documents])
        words = Vocabulary.from_texts(corpus.texts)
        said = estimate(corpus, words, Teacher(beam_width=4))
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            store = extract_into(Path(folder) / "features", corpus, words, Teacher(beam_width=4))
            seconds = time.perf_counter() - start
            store.write_documents(corpus)
            size = sum(file.stat().st_size for file in store.path.glob("*.parquet"))
        print(json.dumps({
            "corpus": name, "documents": said.distinct, "tokens": said.tokens,
            "seconds_said": round(said.seconds, 1), "seconds": round(seconds, 1),
            "ratio": round(said.seconds / seconds, 2),
            "bytes_said": said.bytes, "bytes": size, "ratio_bytes": round(said.bytes / size, 2), "tolerance": TOLERANCE,
        }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
