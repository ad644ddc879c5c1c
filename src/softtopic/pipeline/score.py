"""How well topics and topic mixtures explain the words of documents."""

import numpy as np

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.types import DocTopic


def mean_log_likelihood(state: FittedState, corpus: Corpus, theta: DocTopic) -> float:
    """Mean log-likelihood of the vocabulary words of documents, in nats per word.

    Parameters
    ----------
    state : FittedState
    corpus : Corpus
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures of the corpus; p(w | d) is the mean of the topics' word distributions weighted by them.

    Returns
    -------
    float
        At most 0; higher is better.

    Raises
    ------
    InputError
        If the documents hold no word of the vocabulary.
    """
    counts = state.vocabulary.bag_of_words(corpus.texts).tocoo()
    if not counts.nnz:
        raise InputError("the documents hold no word of the vocabulary; give other documents to score")
    probabilities = np.einsum("nk,nk->n", theta[counts.row], state.topic_word.T[counts.col])
    return float(np.average(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)), weights=counts.data))
