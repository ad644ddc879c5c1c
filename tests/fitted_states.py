"""Fitted states without a fit, of any size, for figures and pages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.preprocessing import normalize

from softtopic.data.vocabulary import Vocabulary
from softtopic.recipes import RECIPES
from softtopic.state import DocumentVectors, FittedState
from softtopic.topics.documents import representative_rows

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<b>bold</b> &lt;i&gt; %{x} $x^2$",
    "a\u2028b\u2029c <!--",
    "日本語 العربية हिन्दी 😀",
    "' \" ` \\ ${1+1} {{7*7}}",
)


def bare_state(
    theta: np.ndarray, topic_word: np.ndarray, words: Sequence[str], texts: Sequence[str], **parts: Any
) -> FittedState:
    """A state of these documents and topics; it holds no network."""
    return FittedState(
        **{
            "recipe": RECIPES["default"],
            "seed": 0,
            "vocabulary": Vocabulary(tuple(words)),
            "widths": {"embedding": 3},
            "encoder": None,
            "teacher": None,
            "weights": {},
            "word_width": None,
            "static": None,
            "lsa": None,
            "prior": None,
            "topic_word": topic_word,
            "relevance": None,
            "theta": theta,
            "mean_theta": theta.mean(axis=0),
            "ids": tuple(range(len(theta))),
            "excerpts": tuple(texts),
            "representatives": tuple(representative_rows(theta, texts)),
        }
        | parts
    )


def fitted_state(
    n_documents: int = 60,
    n_topics: int = 6,
    *,
    texts: Sequence[str] | None = None,
    names: Sequence[str] = (),
    words: Sequence[str] | None = None,
    times: Sequence[str] | None = None,
    blank: Sequence[int] = (),
) -> FittedState:
    """Documents in groups of one topic each, with vectors around the centre of their group."""
    rng = np.random.default_rng(0)
    own = np.arange(n_documents) % n_topics
    theta = rng.dirichlet(np.full(n_topics, 0.3), size=n_documents) + 2 * np.eye(n_topics)[own]
    theta = np.asarray(normalize(theta, norm="l1"), dtype=np.float32)
    vectors = rng.normal(size=(n_topics, 8))[own] + rng.normal(scale=0.4, size=(n_documents, 8))
    words = tuple(words or (f"word{number}" for number in range(4 * n_topics)))
    topic_word = rng.dirichlet(np.full(len(words), 0.3), size=n_topics) + 0.01
    texts = list(texts or (f"document {row}" for row in range(n_documents)))
    return bare_state(
        theta,
        np.asarray(normalize(topic_word, norm="l1"), dtype=np.float32),
        words,
        texts,
        blank=np.array(blank, dtype=np.int64),
        vectors=DocumentVectors(
            components=np.eye(8, 3, dtype=np.float32),
            documents=np.asarray(normalize(vectors)).astype(np.float16),
            words=rng.normal(size=(len(words), 8)).astype(np.float32),
            norms=np.ones(n_documents, dtype=np.float16),
        ),
        names=tuple(names),
        times=None if times is None else tuple(times),
    )
