"""Names of topics against simpler ones: do they say what the topic is, and what does a name cost?

    python benchmarks/naming.py --data-dir FOLDER [--data stackoverflow ...] [--documents N] [--topics 50]

Names: as by `TopicModel.name_topics`; the first four words of the topic; and a phrase decoded greedily after one prompt
with the topic's words and its three most representative documents. Measured for each topic that has documents:

- label: cosine of the name to the words of the majority label of the topic's documents, where labels are words;
- own documents: share of names whose mean cosine to the documents of their topic is larger than that to those of each
  of four other topics, drawn twenty times; documents that were read for the name are left out;
- the same by mean GloVe vectors, which no name was chosen by, where the folder has them.

Cosines are those of the sentence encoder unless said otherwise. StackOverflow and 20 Newsgroups were used to choose
settings. Time is that of all names by `name_topics`, with models in memory.
"""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import CORPORA, parser, print_head, print_row

from softtopic import TopicModel
from softtopic.bench.sources import Source
from softtopic.lm.encoder import SentenceEncoder
from softtopic.lm.vectors import embed
from softtopic.pipeline.naming import find_names, texts_of_topics
from softtopic.teacher.config import NamingConfig
from softtopic.teacher.local import Teacher
from softtopic.teacher.naming import decode_phrases
from softtopic.topics.documents import representative_rows

N_DRAWS = 20
N_OTHERS = 4
GLOVE = "glove_6b_50d_top100k.npz"
LANGUAGES = {"frenchnews": "french"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", nargs="+", default=list(CORPORA))
    options.add_argument("--documents", type=int, default=2000)
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--examples", type=int, default=8, help="topics whose names are printed")
    arguments = options.parse_args()
    teacher, encoder, config = Teacher(), SentenceEncoder(), NamingConfig()
    glove = read_glove(Path(arguments.data_dir) / GLOVE)
    print_head("corpus", "names", "label", "own documents", "own documents, GloVe", "seconds a topic")
    examples: list[tuple[str, ...]] = []
    for data in arguments.data:
        corpus = Source(data=data, data_dir=arguments.data_dir, documents=arguments.documents).read()
        language = LANGUAGES.get(data, "english")
        model = TopicModel(arguments.topics, language=language).fit(corpus)
        texts = texts_of_topics(model.state_, None, language, config)
        teacher.open()
        encoder(["opened"])
        start = time.perf_counter()
        names = {"name_topics": find_names(texts, teacher, encoder, config)}
        seconds = (time.perf_counter() - start) / arguments.topics
        names["first four words"] = [" ".join(words[:4]) for words in texts.words]
        names["one prompt, greedy"] = greedy_names(teacher, texts.words, texts.documents, config)
        labels = majority_labels(model.topics_, corpus.labels or (), arguments.topics)
        read = representative_rows(model.probabilities_, model.state_.excerpts, n=config.n_documents)
        groups = unread_documents(model.topics_, read)
        vectors = embed(corpus.texts, encoder.name, keep=True)
        word_means = None if glove is None else mean_vectors(corpus.texts, glove)
        for kind, given in names.items():
            own = encoder(given)
            print_row(
                data,
                kind,
                _figure(label_cosine(own, labels, encoder)),
                _figure(own_documents(own, vectors, groups)),
                "" if word_means is None else _figure(own_documents(mean_vectors(given, glove), word_means, groups)),
                _figure(seconds) if kind == "name_topics" else "",
            )
        shown = np.argsort(-np.bincount(model.topics_, minlength=arguments.topics))[: arguments.examples]
        examples += [
            (data, " ".join(texts.words[topic][:6]), *(own[topic] for own in names.values())) for topic in shown
        ]
    print()
    print_head("corpus", "words", "name_topics", "first four words", "one prompt, greedy")
    for row in examples:
        print_row(*row)


def greedy_names(
    teacher: Teacher, words: Sequence[Sequence[str]], documents: Sequence[Sequence[str]], config: NamingConfig
) -> list[str]:
    """The greedy phrase after one prompt, without a contrast."""
    one = replace(config, contrast=0.0, beam_width=1, max_tokens=128)
    prompts = [
        [f"{', '.join(own[:8])}. {' '.join(text[:100] for text in texts[:3])}"]
        for own, texts in zip(words, documents, strict=True)
    ]
    return [found[0].text if found else "" for found in decode_phrases(teacher, prompts, one)]


def majority_labels(topics: np.ndarray, labels: Sequence[str], n_topics: int) -> list[str | None]:
    """Words of the commonest label of each topic's documents; None where there is none, or it has no word."""
    found = []
    for topic in range(n_topics):
        counts = Counter(labels[row] for row in np.flatnonzero(topics == topic) if labels)
        label = " ".join(re.split(r"[\W_]+", counts.most_common(1)[0][0])) if counts else ""
        found.append(label if re.search(r"[^\W\d]", label) else None)
    return found


def label_cosine(names: np.ndarray, labels: Sequence[str | None], encoder: SentenceEncoder) -> float | None:
    """Mean cosine of names to labels."""
    known = [topic for topic, label in enumerate(labels) if label]
    if not known:
        return None
    return float((names[known] * encoder([labels[topic] or "" for topic in known])).sum(axis=1).mean())


def unread_documents(topics: np.ndarray, read: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
    """Rows of each topic's documents without those read for its name, for topics that have three or more."""
    groups = {topic: np.setdiff1d(np.flatnonzero(topics == topic), own) for topic, own in enumerate(read)}
    return {topic: rows for topic, rows in groups.items() if len(rows) > 2}


def own_documents(names: np.ndarray, vectors: np.ndarray, groups: dict[int, np.ndarray]) -> float:
    """Share of names that are nearer to their own topic's documents than to those of each of four others."""
    rng = np.random.default_rng(0)
    topics = np.array(sorted(groups))
    scores = names[topics] @ np.stack([vectors[groups[topic]].mean(axis=0) for topic in topics]).T
    right = []
    for _ in range(N_DRAWS):
        for row in range(len(topics)):
            others = rng.choice(np.delete(np.arange(len(topics)), row), N_OTHERS, replace=False)
            right.append(scores[row, row] > scores[row, others].max())
    return float(np.mean(right))


def read_glove(path: Path) -> dict[str, np.ndarray] | None:
    """Word vectors; None where there is no such file."""
    if not path.is_file():
        return None
    stored = np.load(path)
    return dict(zip(map(str, stored["words"]), stored["vectors"].astype(np.float32), strict=True))


def mean_vectors(texts: Sequence[str], glove: dict[str, np.ndarray]) -> np.ndarray:
    """Normalised mean of the normalised vectors of a text's words."""
    rows = np.zeros((len(texts), 50), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in re.findall(r"[^\W\d_]{3,}", text.lower()):
            if word in glove:
                rows[row] += glove[word] / np.linalg.norm(glove[word])
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".removeprefix("0")


if __name__ == "__main__":
    main()
