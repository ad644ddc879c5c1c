"""Topics of ten languages: which teacher, against whom, and do translations share a topic?

    python benchmarks/multilingual.py methods --data FILE [--methods encoder ...] [--languages de ...] [--seeds 3]
    python benchmarks/multilingual.py parallel --data FILE [--languages en de ...] [--pairs]

FILE holds parallel sentences as JSON lines with `text`, `label`, `lang` and `id` (SIB-200). Methods of softtopic differ
in the teacher: `default` is the one that the language gets, `counts` has none, `smollm2-135m` and `encoder` are named.
Others read the vectors of the same encoder: `kmeans`, and with --bertopic PYTHON, an interpreter with BERTopic,
`bertopic-kmeans` and `bertopic-hdbscan`. All have 20 topics, and are measured on each language alone.

Parallel: sentences of several languages are fitted together; share of pairs of translations in one topic, by KMeans on
the vectors as they are, on those without the mean of each language, and by softtopic.
"""

import gzip
import json
import subprocess
import time
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from common import parser, print_head, print_row
from sklearn.cluster import KMeans

from softtopic import Corpus, TopicModel
from softtopic.bench import packages
from softtopic.data.language_names import parse_language
from softtopic.data.vocabulary import Vocabulary
from softtopic.lm.config import MULTILINGUAL_ENCODER
from softtopic.lm.vectors import embed
from softtopic.metrics.evaluation import evaluate
from softtopic.types import DocTopic

TOPICS = 20
OWN = {"default": {}, "counts": {"target": "bow"}, "smollm2-135m": {"lm": "smollm2-135m"}, "encoder": {"lm": "encoder"}}
INVERSE_TEMPERATURE = 20.0


def main() -> None:
    options = parser(__doc__, data=False)
    options.add_argument("what", choices=("methods", "parallel"))
    options.add_argument("--data", required=True, type=Path, help="file of parallel sentences")
    options.add_argument("--languages", nargs="+", type=parse_language)
    options.add_argument("--methods", nargs="+", default=["kmeans", "default"])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--bertopic", help="Python of an environment with BERTopic")
    options.add_argument("--pairs", action="store_true", help="two languages at a time, in place of all together")
    arguments = options.parse_args()
    corpora = read(arguments.data)
    chosen = {code: corpora[code] for code in arguments.languages or corpora}
    if arguments.what == "methods":
        methods(chosen, arguments.methods, arguments.seeds, arguments.bertopic)
    else:
        groups = list(combinations(chosen, 2)) if arguments.pairs else [tuple(chosen)]
        parallel(chosen, groups, arguments.seeds)


def read(path: Path) -> dict[str, Corpus]:
    """The corpus of each language, by its code; equal rows are translations."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows.sort(key=lambda row: (row["lang"], int(row["id"])))
    languages = {row["lang"]: parse_language(row["lang"].split("_")[0]) for row in rows}
    parts = {code: [row for row in rows if row["lang"] == name] for name, code in languages.items()}
    return {
        code: Corpus.from_texts([row["text"] for row in part], labels=[row["label"] for row in part])
        for code, part in parts.items()
    }


def methods(corpora: dict[str, Corpus], names: list[str], seeds: int, python: str | None) -> None:
    """Purity, NMI and precision at 5 of each method on each language, mean over the seeds."""
    print_head("language", "method", "purity", "NMI", "P@5", "seconds")
    for code, corpus in corpora.items():
        vectors = embed(corpus.texts, MULTILINGUAL_ENCODER, keep=True)
        for name in names:
            found, begin = [], time.monotonic()
            for seed in range(seeds):
                theta = mixtures(name, code, corpus, vectors, seed, python)
                scores = evaluate(theta, corpus)
                found.append((scores.purity, scores.nmi, scores.precision_at_5))
            means = [f"{value:.3f}" for value in np.mean(found, axis=0)]
            print_row(code, name, *means, f"{(time.monotonic() - begin) / seeds:.0f}")


def mixtures(
    name: str, code: str, corpus: Corpus, vectors: np.ndarray, seed: int, python: str | None
) -> DocTopic:  # fmt: skip
    """Topic mixtures by a method; of methods that have none the largest share is the cluster."""
    if name in OWN:
        model = TopicModel(TOPICS, language=code, embedder=MULTILINGUAL_ENCODER, random_state=seed, **OWN[name])
        return model.fit(corpus).probabilities_
    if name == "kmeans":
        groups = KMeans(TOPICS, n_init=10, random_state=seed).fit(vectors)
        return by_similarity(groups.transform(vectors))
    if python is None:
        raise SystemExit(f"{name} needs --bertopic, the Python of an environment with BERTopic")
    return bertopic(name, code, corpus, vectors, seed, python)


def by_similarity(distances: np.ndarray) -> DocTopic:
    weights = np.exp(INVERSE_TEMPERATURE * (distances.min(axis=1, keepdims=True) - distances))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def bertopic(name: str, code: str, corpus: Corpus, vectors: np.ndarray, seed: int, python: str) -> DocTopic:
    """BERTopic's mixtures; the cluster that it assigns has the largest share. Its words are those of softtopic."""
    words = Vocabulary.from_texts(corpus.texts, language=code)
    counts = words.bag_of_words(corpus.texts)
    with TemporaryDirectory() as folder:
        task = Path(folder)
        settings = {"method": name, "n_topics": TOPICS, "seed": seed, "word_pattern": r"[^ ]+", "words": words.words}
        (task / "settings.json").write_text(json.dumps(settings))
        # BERTopic counts words alone: their order does not matter, and no segmentation is left to it.
        lines = [json.dumps(" ".join(np.repeat(words.words, row.toarray().ravel()).tolist())) for row in counts]
        (task / "texts.jsonl").write_text("\n".join(lines))
        np.save(task / "vectors.npy", vectors)
        script = Path(packages.__file__).with_name("run_bertopic.py")
        subprocess.run([python, script, folder], check=True, capture_output=True)
        theta = np.load(task / "theta.npy")
        if (task / "clusters.npy").exists():
            theta = theta / 2
            theta[np.arange(len(theta)), np.load(task / "clusters.npy")] += 0.5
    return theta


def parallel(corpora: dict[str, Corpus], groups: list[tuple[str, ...]], seeds: int) -> None:
    """Share of pairs of translations in the same topic, and NMI with the labels, mean over the seeds."""
    print_head("languages", "method", "translations in one topic", "NMI")
    for codes in groups:
        texts = [text for code in codes for text in corpora[code].texts]
        labels = [label for code in codes for label in corpora[code].labels or ()]
        corpus = Corpus.from_texts(texts, labels=labels)
        vectors = embed(texts, MULTILINGUAL_ENCODER, keep=True).reshape(len(codes), len(corpora[codes[0]]), -1)
        centred = vectors - vectors.mean(axis=1, keepdims=True)
        centred /= np.linalg.norm(centred, axis=2, keepdims=True)
        for name in ("kmeans", "kmeans, centred", "softtopic"):
            found = []
            for seed in range(seeds):
                if name == "softtopic":
                    theta = TopicModel(TOPICS, language=codes, random_state=seed).fit(corpus).probabilities_
                else:
                    rows = (centred if "," in name else vectors).reshape(len(texts), -1)
                    theta = by_similarity(KMeans(TOPICS, n_init=10, random_state=seed).fit(rows).transform(rows))
                topics = theta.argmax(axis=1).reshape(len(codes), -1)
                same = np.mean([(topics[i] == topics[j]).mean() for i, j in combinations(range(len(codes)), 2)])
                found.append((same, evaluate(theta, corpus).nmi))
            print_row(" ".join(codes), name, *(f"{value:.3f}" for value in np.mean(found, axis=0)))


if __name__ == "__main__":
    main()
