"""Search of training documents by topics, words, vectors, or all of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.pipeline.predict import Prediction, Predictor
from softtopic.retrieval.hybrid import reciprocal_rank_fusion
from softtopic.retrieval.index import RetrievalIndex
from softtopic.topics import search as documents

# What documents are ranked by.
METHODS = ("topics", "words", "vectors")
# The best sum of rankings of what a model has without another package, see docs/results/search.md.
HYBRID = "topics+vectors"


def search(
    predictor: Predictor,
    query: str,
    k: int,
    *,
    method: str = "topics",
    index: RetrievalIndex | str | Path | None = None,
    reading: dict[str, Any],
) -> pd.DataFrame:
    """The k training documents that fit a query best; see `TopicModel.search`."""
    corpus = Corpus.from_texts([documents.check_query(query)])
    names = (HYBRID if method == "hybrid" else method).split("+")
    if not set(names) <= set(METHODS) or len(set(names)) < len(names):
        raise InputError(f"method is {method!r}; give {', '.join(METHODS)}, several joined by +, or hybrid")
    if method == "topics":
        theta = predictor.transform(corpus, **reading)
        return documents.search(predictor.view, predictor.index(index), theta, k)
    if index is not None:
        raise InputError(f"an index is of topics, and method is {method!r}; leave one of them out")
    found = None if names == ["words"] else predictor.predict(*predictor.make_inputs(corpus, **reading))
    scores = [_scores(predictor, name, query, found) for name in names]
    fused = scores[0] if len(scores) == 1 else reciprocal_rank_fusion(scores)
    return documents.search_by_scores(predictor.view, fused, k)


def _scores(predictor: Predictor, name: str, query: str, found: Prediction | None) -> np.ndarray:
    """Scores of the training documents with text; -inf for those without a word of the query."""
    if name == "words" or found is None:
        scores = predictor.words.scores(query)
        return np.where(scores > 0, scores, -np.inf)
    if name == "vectors":
        return documents.vector_scores(predictor.state, found.projections)
    index = predictor.index()
    hits = index.search(found.theta, len(index))
    scores = np.empty(len(index))
    scores[hits.ids[0]] = -hits.divergences[0]
    return scores
