"""Feature folders that keep k words of each soft label: bytes on disk, and the quality of the topics.

    python benchmarks/sparse_labels.py --data-dir FOLDER [--seeds 3] [--topics 50] [--only CORPUS] [--recipe light]

The language model reads the documents once, all words; their labels are then truncated as a feature folder truncates
them. Bytes per document of the labels alone, and with ids and hidden states. Mean ± standard deviation over seeds.
"""

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from common import parser, print_head, print_row, sample

from softtopic import FeatureStore, Teacher, TopicModel
from softtopic.bench.measure import Outcome, measure_outcome
from softtopic.bench.tables import Summary
from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.features.extraction import MEAN_DOCUMENTS, build_manifest, extract
from softtopic.features.manifest import Manifest
from softtopic.metrics.registry import MEASURES
from softtopic.recipes import get_recipe
from softtopic.teacher.base import Features
from softtopic.teacher.calibration import mean_log_probs

DOCUMENTS = {"stackoverflow": 5000, "20newsgroups": 2500}
KEPT = (32, 128, 512, None)
COLUMNS = ("purity", "nmi", "precision_at_5", "topic_diversity")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--only", help="one corpus", choices=DOCUMENTS)
    options.add_argument("--recipe", default="light")
    arguments = options.parse_args()
    print_head("corpus", "documents", "words kept", "label bytes", "all bytes", *(MEASURES[m].title for m in COLUMNS))
    for name in [arguments.only] if arguments.only else DOCUMENTS:
        corpus, _ = sample(name, arguments.data_dir, DOCUMENTS[name])
        words = Vocabulary.from_texts(corpus.texts)
        teacher = Teacher(beam_width=get_recipe(arguments.recipe).read.beam_width)
        features = extract(corpus, words, teacher)
        teacher.close()
        for top_k in KEPT:
            kept, label_bytes, all_bytes = truncated(features, build_manifest(corpus, words, teacher, top_k=top_k))
            # Features are in the order of the distinct documents, and every document is one.
            kept = kept.at(corpus.distinct.rows)
            results = [quality(kept, corpus, words, arguments, seed) for seed in range(arguments.seeds)]
            summaries = (Summary.of([result[measure] for result in results]) for measure in COLUMNS)
            print_row(name, len(corpus), top_k or "all", label_bytes, all_bytes, *summaries)


def quality(features: Features, corpus: Corpus, words: Vocabulary, arguments, seed: int) -> dict[str, float]:
    """Measures of one model."""
    model = TopicModel(arguments.topics, recipe=arguments.recipe, vocabulary=words, random_state=seed)
    model.fit(corpus, soft_labels=features.log_probs, hidden=features.hidden)
    return measure_outcome(Outcome(model.probabilities_, model.topics.top_words(10)), corpus, None)


def truncated(features: Features, manifest: Manifest) -> tuple[Features, int, int]:
    """The features as a folder gives them back; bytes per document of the labels, and in all."""
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore.create(Path(folder) / "features", manifest)
        if manifest.top_k is not None:
            every = max(1, len(features) // MEAN_DOCUMENTS)
            store.write_means(mean_log_probs(features.log_probs[::every][:MEAN_DOCUMENTS]))
        for shard in store.shards:
            rows = slice(shard.start, shard.stop)
            ids = [f"{row:016x}" for row in range(shard.start, shard.stop)]
            store.write(shard, ids, Features(features.log_probs[rows], features.hidden[rows]))
        files = [store.path / shard.file for shard in store.shards]
        total = sum(file.stat().st_size for file in files)
        others = sum(column_bytes(file, ("id", "hidden")) for file in files)
        return store.read(), round((total - others) / len(features)), round(total / len(features))


def column_bytes(file: Path, names: tuple[str, ...]) -> int:
    """Compressed size of some columns of a Parquet file with one row group."""
    group = pq.ParquetFile(file).metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    return sum(one.total_compressed_size for one in columns if one.path_in_schema.split(".")[0] in names)


if __name__ == "__main__":
    main()
