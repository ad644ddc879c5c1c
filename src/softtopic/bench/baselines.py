"""Baselines that need no other package."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans

from softtopic.bench.packages.exchange import TOP_WORDS
from softtopic.data.vocabulary import Vocabulary
from softtopic.topics.assignments import class_tf_idf
from softtopic.types import DocHidden, DocTopic

# Variance of the Gaussians around the centres, for L2-normalised vectors.
VARIANCE = 0.1


def kmeans_topics(
    vectors: DocHidden, texts: Sequence[str], vocabulary: Vocabulary, n_topics: int, seed: int
) -> tuple[DocTopic, list[list[str]]]:
    """K-means on sentence vectors.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, width)
        L2-normalised.
    texts : sequence of str
    vocabulary : Vocabulary
        Words that topics are made of.
    n_topics, seed : int

    Returns
    -------
    theta : ndarray of shape (n_documents, n_topics)
        Posterior of a mixture of Gaussians of equal width around the centres, so that its largest share is the cluster.
    topics : list of list of str
        Words with the highest class tf-idf.
    """
    model: Any = KMeans(n_topics, n_init=10, random_state=seed).fit(vectors)  # type: ignore[arg-type]
    distances = torch.from_numpy(model.transform(vectors)).double()
    theta = torch.softmax(-(distances**2) / (2 * VARIANCE), dim=1).float().numpy()
    counts = vocabulary.bag_of_words(texts)
    member = np.equal.outer(np.arange(n_topics), model.labels_).astype(np.float64)
    own = member @ counts
    weights = class_tf_idf(own, own.sum(axis=0), own.sum() / n_topics)
    topics = [
        [vocabulary.words[word] for word in np.argsort(-row, kind="stable")[:TOP_WORDS] if row[word] > 0]
        for row in weights
    ]
    return theta, topics
