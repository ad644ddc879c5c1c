"""What each guide of a guided fit caught."""

from collections.abc import Sequence

import pandas as pd

from softtopic.data.guides import Guide, word_places
from softtopic.state import FittedState
from softtopic.topics.words import Topics


def guide_report(state: FittedState, guides: Sequence[Guide]) -> pd.DataFrame:
    """One row a guided topic.

    Parameters
    ----------
    state : FittedState
        As fitted, or after edits.
    guides : sequence of Guide
        Those of the fit.

    Returns
    -------
    DataFrame
        Topic (the number of the topic that has the name of the guide; missing if edits merged, dropped or renamed it),
        Guide (its name), Count (documents whose largest share it has), Share (its mean share), Representation (its
        first ten words), Own_Words (words of the guide that are words of topics).
    """
    words = Topics(state.topic_word, state.vocabulary.words, state.relevance).top_words(10)
    shares = state.theta.mean(axis=0)
    rows = []
    for guide in guides:
        own = [state.vocabulary.words[place] for place in word_places(state.vocabulary, guide.words)]
        if guide.name in state.names:
            column = state.names.index(guide.name)
            rows.append((state.topic_ids[column], guide.name, state.counts[column], shares[column], words[column], own))
        else:
            rows.append((pd.NA, guide.name, 0, 0.0, [], own))
    table = pd.DataFrame(rows, columns=["Topic", "Guide", "Count", "Share", "Representation", "Own_Words"])
    return table.astype({"Topic": "Int64"})
