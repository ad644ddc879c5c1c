"""Retrieval of documents with the same label by their topic mixtures."""

from collections.abc import Sequence
from operator import itemgetter

import numpy as np

from softtopic.errors import InputError
from softtopic.metrics.measure import Measure
from softtopic.retrieval.index import RetrievalIndex
from softtopic.types import DocTopic

_KS = (1, 5, 10)


def precision_at(theta: DocTopic, labels: Sequence[object], ks: Sequence[int] = _KS) -> dict[int, float]:
    """Precision at k: share of a document's k nearest neighbours that have its label, mean over all documents.

    Every document is a query against all others, which are ranked by KL(query ‖ document).

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures; rows sum to 1.
    labels : sequence of length n_documents
        Label of each document.
    ks : sequence of int, default=(1, 5, 10)
        Numbers of neighbours. Where there are fewer than k others, all of them count.

    Returns
    -------
    dict of int to float
        For each k a value in [0, 1].

    Raises
    ------
    InputError
        If there are fewer than two documents, or the lengths differ.
    """
    if len(theta) != len(labels) or len(labels) < 2:
        raise InputError(
            f"{len(theta)} mixtures and {len(labels)} labels; give one label each, for 2 documents or more"
        )
    _, label = np.unique(np.asarray(labels), return_inverse=True)
    hits = RetrievalIndex(theta).search(theta, max(ks), exclude=np.arange(len(theta)))
    same = label[hits.ids] == label[:, None]
    return {k: float(same[:, :k].mean()) for k in ks}


MEASURES = tuple(
    Measure(
        name=f"precision_at_{k}",
        title=f"P@{k}",
        needs=("theta", "labels"),
        function=precision_at,
        select=itemgetter(k),
    )
    for k in _KS
)
