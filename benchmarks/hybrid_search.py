"""Precision and nDCG at 10 of search by words, topics, vectors and their combinations.

    python benchmarks/hybrid_search.py --data-dir FOLDER [--documents 2000] [--sample .4] [--corpora tweettopic …]

Each document is a query against all others; those with its label are relevant. Labels are for evaluation alone. How
rankings are combined was chosen on the first corpus; the others report.
"""

import sys
import time

import numpy as np
from common import parser, print_head, print_row, sample

from softtopic import SentenceEncoder, TopicModel
from softtopic.retrieval.divergences import unit_rows
from softtopic.retrieval.hybrid import WordIndex, reciprocal_rank_fusion

CORPORA = ("tweettopic", "20newsgroups", "stackoverflow", "biomedical", "reuters-r52")
K = 10


def kl_scores(theta: np.ndarray) -> np.ndarray:
    """-KL(query ‖ document) of all pairs but for a constant of the query."""
    return theta @ np.log(np.maximum(theta, 1e-12)).T


def measures(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Precision and nDCG at 10, means over all queries."""
    scores = scores.copy()
    np.fill_diagonal(scores, -np.inf)
    same = labels[np.argsort(-scores, axis=1, kind="stable")[:, :K]] == labels[:, None]
    relevant = np.bincount(labels, minlength=labels.max() + 1)[labels] - 1
    gains = 1 / np.log2(np.arange(2, K + 2))
    ideal = np.cumsum(gains)[np.clip(relevant, 1, K) - 1]
    return float(same.mean()), float(((same * gains).sum(axis=1) / ideal).mean())


def standardised_sum(scores: list[np.ndarray]) -> np.ndarray:
    """Sum of scores with mean 0 and standard deviation 1 over the documents of each method."""
    total = np.zeros(len(scores[0]))
    for one in scores:
        finite = np.isfinite(one)
        spread = one[finite].std() if finite.any() else 0
        if spread > 0:
            total[finite] += (one[finite] - one[finite].mean()) / spread
    return total


def fused(parts: list[np.ndarray], fuse) -> np.ndarray:
    """Row by row; the query itself is in no ranking."""
    rows = []
    for row in range(len(parts[0])):
        one = [part[row].astype(np.float64) for part in parts]
        for values in one:
            values[row] = -np.inf
        rows.append(fuse(one))
    return np.array(rows)


def word_scores(texts: list[str]) -> np.ndarray:
    index = WordIndex(texts)
    return np.array([index.scores(text) for text in texts])


def evaluate(name: str, data_dir: str, documents: int, share: float | None) -> None:
    corpus, _ = sample(name, data_dir, documents)
    start = time.perf_counter()
    model = TopicModel(50, sample=share).fit(corpus)
    print(f"{name}: fitted in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    state = model.state_
    rows = state.with_text
    texts = [corpus.texts[row] for row in rows]
    labels = np.unique([corpus.labels[row] for row in rows], return_inverse=True)[1]
    vectors = state.vectors.projections[rows]
    sentences = SentenceEncoder()(texts)
    words = word_scores(texts)
    excerpts = word_scores([state.excerpts[row] for row in rows])
    topics = kl_scores(state.theta[rows].astype(np.float64))
    near, far = unit_rows(vectors) @ unit_rows(vectors).T, sentences @ sentences.T
    methods = {
        "words (BM25)": words,
        "words of the excerpts (BM25)": excerpts,
        "topics (KL)": topics,
        "vectors of the model (64)": near,
        "sentence vectors (384)": far,
    }
    # Documents without a word of the query have no rank.
    ranked = np.where(excerpts > 0, excerpts, -np.inf)
    for title, by_words, fuse in (
        ("reciprocal ranks, 60", ranked, reciprocal_rank_fusion),
        ("reciprocal ranks, 10", ranked, lambda parts: reciprocal_rank_fusion(parts, constant=10)),
        ("standardised sum", excerpts, standardised_sum),
    ):
        methods[f"words + topics: {title}"] = fused([by_words, topics], fuse)
        methods[f"topics + vectors: {title}"] = fused([topics, near], fuse)
        methods[f"words + vectors: {title}"] = fused([by_words, near], fuse)
        methods[f"words + topics + vectors: {title}"] = fused([by_words, topics, near], fuse)
        methods[f"words + topics + sentence vectors: {title}"] = fused([by_words, topics, far], fuse)
    for title, scores in methods.items():
        precision, ndcg = measures(scores, labels)
        print_row(name, len(rows), title, f"{precision:.3f}", f"{ndcg:.3f}")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--documents", type=int, default=2000)
    options.add_argument("--sample", type=float, help="share that the language model reads; default: the recipe's")
    options.add_argument("--corpora", nargs="+", default=CORPORA)
    arguments = options.parse_args()
    print_head("corpus", "documents", "search", f"P@{K}", f"nDCG@{K}")
    for name in arguments.corpora:
        evaluate(name, arguments.data_dir, arguments.documents, arguments.sample)


if __name__ == "__main__":
    main()
