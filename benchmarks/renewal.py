"""Do documents keep their topics when a few more come?

    python benchmarks/renewal.py --data-dir FOLDER [--data stackoverflow ...] [--topics 50 20] [--documents 2000]

A model is fitted to 95 % of the documents. The others come by `update`, by a fit of all with `like`, and by a fit that
knows nothing of the first. Measured: share of the first documents that keep their topic, where topics of the last fit
are matched one to one so that it is largest; and NMI of the topics of all documents with the labels.
"""

import numpy as np
from common import parser, print_head, print_row
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import normalized_mutual_info_score

from softtopic import Corpus, TopicModel
from softtopic.bench.sources import Source
from softtopic.topics.replay import contingency


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", nargs="+", default=["stackoverflow", "20newsgroups"])
    options.add_argument("--topics", nargs="+", type=int, default=[50, 20])
    options.add_argument("--documents", type=int, default=2000)
    arguments = options.parse_args()
    print_head("corpus", "topics", "by", "keep their topic", "NMI")
    for data in arguments.data:
        corpus = Source(data=data, data_dir=arguments.data_dir, documents=arguments.documents).read()
        # Every twentieth document comes later.
        later = np.arange(len(corpus)) % 20 == 19
        order = np.concatenate([np.flatnonzero(~later), np.flatnonzero(later)])
        for n_topics in arguments.topics:
            for how, model, kept in renewals(corpus.at(order), int((~later).sum()), n_topics):
                nmi = normalized_mutual_info_score(np.array(corpus.labels)[order], model.topics_)
                print_row(data, n_topics, how, f"{kept:.3f}", f"{nmi:.3f}")


def renewals(corpus: Corpus, n_first: int, n_topics: int) -> list[tuple[str, TopicModel, float]]:
    """Models of all documents, made in three ways, and the share of the first ones that keep their topic."""
    first = TopicModel(n_topics).fit(corpus.at(np.arange(n_first)))
    before = first.topics_
    continued = TopicModel(n_topics).fit(corpus, like=first)
    fresh = TopicModel(n_topics).fit(corpus)
    updated = first.update(corpus.at(np.arange(n_first, len(corpus))))
    table = contingency(before, fresh.topics_[:n_first], n_topics, n_topics)
    return [
        ("update", updated, float((updated.topics_[:n_first] == before).mean())),
        ("fit with like", continued, float((continued.topics_[:n_first] == before).mean())),
        ("another fit", fresh, float(table[linear_sum_assignment(-table)].sum() / n_first)),
    ]


if __name__ == "__main__":
    main()
