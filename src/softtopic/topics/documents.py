"""Documents of a fitted model: representative ones, and excerpts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from softtopic.data.corpus import Corpus, valid_value
from softtopic.data.fillers import are_fillers, says_nothing
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.state import DocumentVectors, FittedState
from softtopic.types import DocInt, DocTopic

# Characters kept of a document.
EXCERPT_LENGTH = 300


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """The beginning of a text on one line, at most `length` characters."""
    line = " ".join(text[: 2 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"


def training_texts(state: FittedState, texts: Sequence[str] | None) -> Sequence[str]:
    """Texts of the training documents: those given, or the beginnings that the model keeps.

    Raises
    ------
    InputError
        If there is not one for each document, or they are the documents in another order.
    """
    if texts is None:
        return state.excerpts
    if len(texts) != len(state.ids):
        raise InputError(
            f"{len(texts)} texts for a model of {len(state.ids)} documents; give those of the fit, then those of each "
            "update, in their order"
        )
    shown = tuple(map(excerpt, texts))
    if shown != state.excerpts and sorted(shown) == sorted(state.excerpts):
        raise InputError("the texts are the documents of the model in another order; give them in the order of the fit")
    return texts


def one_each(name: str, values: Iterable[Any], state: FittedState) -> list[Any]:
    """The values as a list; raises InputError unless there is one for each training document."""
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise InputError(f"{name} is {type(values).__name__}; give a list with a value for each training document")
    found = [valid_value(value) for value in values]
    if len(found) != len(state.theta):
        raise InputError(f"{len(found)} {name} for a model of {len(state.theta)} documents; give one for each")
    return found


def representative_rows(theta: DocTopic, texts: Sequence[str], n: int = 3) -> list[Int[np.ndarray, " n"]]:
    """For each topic the n documents with the largest share of it, distinct texts and no blank ones.

    Short texts that are repeated often, such as "don't know", come after all others.

    Parameters
    ----------
    theta : ndarray of shape (n_documents, n_topics)
    texts : sequence of str
    n : int, default=3

    Returns
    -------
    list of ndarray of shape (at most n,)
        Rows of documents, largest share first; ties in document order.
    """
    blank = np.array([not text.strip() for text in texts], dtype=bool)
    fillers = are_fillers(texts)
    found = []
    for column in theta.T:
        chosen: dict[str, int] = {}
        # Duplicates are few: a short list of candidates is nearly always enough.
        for document in map(int, np.argsort(-np.where(blank, -1.0, column - fillers), kind="stable")):
            if len(chosen) == n or blank[document]:
                break
            chosen.setdefault(texts[document], document)
        found.append(np.array(list(chosen.values()), dtype=np.int64))
    return found


def known_vectors(state: FittedState) -> DocumentVectors:
    """The vectors of a state; raises InputError where it has none."""
    if state.vectors is None:
        raise InputError("the model has no vectors of its documents, it was fitted by an earlier version; fit it again")
    return state.vectors


def without_content(corpus: Corpus, vocabulary: Vocabulary) -> DocInt:
    """Rows of documents that count for no topic: blank ones, and fillers without a word of the vocabulary."""
    words, fillers = frozenset(map(str.lower, vocabulary.words)), np.flatnonzero(are_fillers(corpus.texts))
    silent = {row for row in fillers.tolist() if says_nothing(corpus.texts[row], words)}
    return np.array(sorted(silent.union(corpus.blank.tolist())), dtype=np.int64)
