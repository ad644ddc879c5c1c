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
        Those of the fit: the topics 0, 1, …

    Returns
    -------
    DataFrame
        Topic (its number), Guide (its name), Count (documents whose largest share it has), Share (its mean share),
        Representation (its first ten words), Own_Words (words of the guide that are words of topics). Topics that
        edits removed have no row.
    """
    words = Topics(state.topic_word, state.vocabulary.words, state.relevance).top_words(10)
    shares = state.theta.mean(axis=0)
    rows = []
    for column, topic in enumerate(state.topic_ids):
        if topic < len(guides):
            guide = guides[topic]
            own = [state.vocabulary.words[place] for place in word_places(state.vocabulary, guide.words)]
            rows.append((topic, guide.name, state.counts[column], shares[column], words[column], own))
    return pd.DataFrame(rows, columns=["Topic", "Guide", "Count", "Share", "Representation", "Own_Words"])
