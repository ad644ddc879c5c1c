"""What soft labels cut to k words take on disk, and what topics learnt from them are worth.

    python benchmarks/sparse_labels.py --data-dir FOLDER [--seeds 3] [--topics 50] [--only CORPUS]

The documents are read once with all words; their labels are then cut as a feature folder cuts them. Bytes are those of
such a folder's shards: of the labels alone, and with ids and vectors.
"""

import argparse
import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from scoring import over_seeds, shown, spread

from softtopic import FeatureStore, Teacher, TopicModel
from softtopic.data.datasets import load
from softtopic.data.vocabulary import Vocabulary
from softtopic.features.extraction import MEAN_DOCUMENTS, build_manifest, extract
from softtopic.features.store import Features, Manifest
from softtopic.recipes import get_recipe
from softtopic.teacher.calibration import mean_log_probs

CORPORA = {"stackoverflow": 5000, "20newsgroups": 2500}
KEPT = (32, 128, 512, None)


def cut(whole: Features, manifest: Manifest):
    """The features as a folder gives them back, and its bytes for each document: of labels, and in all."""
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore.create(Path(folder) / "features", manifest)
        if manifest.top_k is not None:
            store.write_means(mean_log_probs(whole.log_probs[:: max(1, len(whole) // MEAN_DOCUMENTS)][:MEAN_DOCUMENTS]))
        for shard in store.shards:
            rows = slice(shard.start, shard.stop)
            ids = [f"{row:016x}" for row in range(shard.start, shard.stop)]
            store.write(shard, ids, Features(whole.log_probs[rows], whole.hidden[rows]))
        total = sum(file.stat().st_size for file in store.path.glob("*.parquet"))
        others = 0
        for shard in store.shards:
            group = pq.ParquetFile(store.path / shard.file).metadata.row_group(0)
            columns = [group.column(place) for place in range(group.num_columns)]
            others += sum(
                c.total_compressed_size for c in columns if c.path_in_schema.split(".")[0] in ("id", "hidden")
            )
        return store.read(), round((total - others) / len(whole)), round(total / len(whole))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--only", help="one corpus")
    options.add_argument("--recipe", default="light")
    given = options.parse_args()
    for data, documents in CORPORA.items():
        if given.only not in (None, data):
            continue
        corpus = spread(load(data, data_dir=given.data_dir), documents)
        vocabulary = Vocabulary.from_texts(corpus.distinct.texts)
        teacher = Teacher(beam_width=get_recipe(given.recipe).branches)
        whole = extract(corpus, vocabulary, teacher)
        teacher.close()
        for top_k in KEPT:
            features, labels, total = cut(whole, build_manifest(corpus, vocabulary, teacher, top_k=top_k))
            models = (
                TopicModel(given.topics, recipe=given.recipe, vocabulary=vocabulary, random_state=seed).fit(
                    corpus, soft_labels=features.log_probs, hidden=features.hidden
                )
                for seed in range(given.seeds)
            )
            scores = over_seeds(models, corpus)
            print(json.dumps({
                "corpus": data, "documents": len(corpus), "recipe": given.recipe, "top_k": top_k or "all",
                "label_bytes_per_document": labels, "bytes_per_document": total, "seeds": given.seeds,
            } | shown(scores), ensure_ascii=False), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
