"""What each guide of a guided fit caught."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from softtopic.data.guides import Guide, word_places
from softtopic.state import FittedState
from softtopic.topics.words import Topics


def guide_report(state: FittedState, guides: Sequence[Guide]) -> pd.DataFrame:
    """One row a guided topic.

    Parameters
    ----------
    state : FittedState
    guides : sequence of Guide
        Those of the fit.

    Returns
    -------
    DataFrame
        Topic (its number), Guide (its name), Count (documents whose largest share it has), Share (its mean share),
        Representation (its first ten words), Own_Words (words of the guide that are words of topics).
    """
    topics = Topics(state.topic_word, state.vocabulary.words, state.relevance)
    counts = np.bincount(state.topics, minlength=state.n_topics)
    known = [[state.vocabulary.words[place] for place in word_places(state.vocabulary, one.words)] for one in guides]
    return pd.DataFrame({
        "Topic": range(len(guides)),
        "Guide": [guide.name for guide in guides],
        "Count": counts[: len(guides)],
        "Share": state.theta.mean(axis=0)[: len(guides)],
        "Representation": topics.top_words(10)[: len(guides)],
        "Own_Words": known,
    })  # fmt: skip
