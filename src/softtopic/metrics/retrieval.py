"""How well topic mixtures find documents of the same label."""

from collections.abc import Sequence

import numpy as np

from softtopic.errors import InputError
from softtopic.topics.search import RetrievalIndex
from softtopic.types import DocTopic


def precision_at(theta: DocTopic, labels: Sequence[object], ks: Sequence[int] = (1, 5, 10)) -> dict[int, float]:
    """For each k the mean share, in [0, 1], of a document's k nearest others (KL ranking) that have its label.

    Where there are fewer than k others, all of them count.
    """
    if len(theta) != len(labels) or len(labels) < 2:
        raise InputError(
            f"{len(theta)} mixtures and {len(labels)} labels; give one label each, for 2 documents or more"
        )
    _, label = np.unique(np.asarray(labels), return_inverse=True)
    hits = RetrievalIndex(theta).search(theta, max(ks), exclude=np.arange(len(theta)))
    same = label[hits.ids] == label[:, None]
    return {k: float(same[:, :k].mean()) for k in ks}
