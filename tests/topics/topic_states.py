"""A fitted state without a fit: six topics, twelve words, thirty documents; each topic has two halves."""

import numpy as np
from fitted_states import bare_state
from sklearn.preprocessing import normalize

from softtopic.state import DocumentVectors, FittedState

WORDS = (
    "sql",
    "table",
    "query",
    "index",
    "orbit",
    "rocket",
    "bread",
    "flour",
    "taxes",
    "senate",
    "lens",
    "photos",
)
N_TOPICS, PER_TOPIC = 6, 5


def edited_state(seed: int = 0, *, vectors: bool = True, relevance: bool = False) -> FittedState:
    rng = np.random.default_rng(seed)
    theta = rng.dirichlet(np.full(N_TOPICS, 0.4), size=N_TOPICS * PER_TOPIC)
    theta += np.repeat(np.eye(N_TOPICS), PER_TOPIC, axis=0)
    theta = np.asarray(normalize(theta, norm="l1"), dtype=np.float32)
    topic_word = rng.dirichlet(np.full(len(WORDS), 0.2), size=N_TOPICS) + 0.01
    topic_word = np.asarray(normalize(topic_word, norm="l1"), dtype=np.float32)
    texts = [f"document {row}" for row in range(len(theta))]
    # In each topic documents alternate between two directions.
    points = rng.normal(scale=0.1, size=(len(theta), 4))
    points[np.arange(len(theta)), np.arange(len(theta)) % 2] += 1
    words = rng.normal(scale=0.1, size=(len(WORDS), 4))
    words[np.arange(len(WORDS)), np.arange(len(WORDS)) % 2] += 1
    known = DocumentVectors(
        components=np.eye(4, 3, dtype=np.float32),
        documents=np.asarray(normalize(points)).astype(np.float16),
        words=words.astype(np.float32),
        norms=np.ones(len(points), dtype=np.float16),
    )
    return bare_state(
        theta,
        topic_word,
        WORDS,
        texts,
        relevance=rng.random(topic_word.shape).astype(np.float32) if relevance else None,
        ids=tuple(map(str, range(len(theta)))),
        vectors=known if vectors else None,
    )
