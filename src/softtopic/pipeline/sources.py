"""What a fit starts from: texts, a feature folder, or soft labels and vectors the caller brings along."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, StoreMismatchError
from softtopic.features.soft_label_files import check_log_probs
from softtopic.features.store import Features, FeatureStore
from softtopic.inputs.registry import check_vectors
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.opening import teacher_from_description
from softtopic.types import DocHidden, ReadRows


@dataclass(frozen=True, kw_only=True)
class Source:
    """Documents, and what is known of them before anything is read or encoded.

    Attributes
    ----------
    corpus : Corpus
    embeddings : ndarray of shape (n_distinct, width) or None
        Sentence vectors of the distinct documents that the caller brings along.
    features : Features or None
        Soft labels and hidden states that exist already.
    read : ndarray of int or None
        Places among the distinct documents that `features` are of.
    vocabulary : Vocabulary or None
        The words these soft labels are of.
    teacher : BaseTeacher or None
        The language model that made them, where it is known.
    has_texts : bool
        False where documents are mere rows of arrays.
    """

    corpus: Corpus
    embeddings: DocHidden | None = None
    features: Features | None = None
    read: ReadRows | None = None
    vocabulary: Vocabulary | None = None
    teacher: BaseTeacher | None = None
    has_texts: bool = True

    @property
    def count(self) -> int:
        """Number of distinct documents that are not blank."""
        return len(self.corpus.distinct.texts)


def as_corpus(X: Iterable[str] | Corpus) -> Corpus:
    """The corpus itself, or that of an iterable of strings."""
    return X if isinstance(X, Corpus) else Corpus.from_texts(X)


def second_argument(y: Any, embeddings: Any) -> Any:
    """The sentence vectors of a fit: `embeddings`, or the second argument where it is a matrix of floats."""
    if getattr(y, "ndim", 0) != 2 or not np.issubdtype(np.asarray(y).dtype, np.floating):
        return embeddings
    if embeddings is not None:
        raise InputError("embeddings are given twice, as the second argument and by name; leave one out")
    return y


def source_of(
    X: Iterable[str] | Corpus | None,
    *,
    soft_labels: Any,
    hidden: Any,
    embeddings: Any,
    features: str | Path | None,
    vocabulary: int | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer,
) -> Source:
    """The source of a fit from the arguments of `TopicModel.fit`; nothing is read or encoded.

    Raises
    ------
    InputError
        If the arguments do not go together.
    StoreMismatchError
        If a feature folder was made by another language model.
    """
    if soft_labels is not None or hidden is not None:
        # Vectors that are sentence vectors alone are all there is to compare documents by.
        return from_arrays(X, soft_labels, embeddings if hidden is None else hidden, vocabulary, embeddings)
    if X is None:
        if embeddings is not None:
            raise InputError("embeddings= go with texts; give one text for each row")
        return from_store(features)
    corpus = as_corpus(X)
    if not corpus.distinct.texts:
        raise InputError(f"{len(corpus)} documents, none with text; give documents to find topics in")
    return Source(corpus=corpus, embeddings=_embeddings_of(corpus, embeddings))


def from_store(path: str | Path | None) -> Source:
    """The documents and features of a feature folder.

    Raises
    ------
    InputError
        If no folder is named.
    StoreMismatchError
        If its features are not those of the language model it describes.
    """
    if path is None or path == "auto":
        raise InputError("nothing to fit; give texts, or features= a folder made by `softtopic teach`")
    store = FeatureStore.open(path)
    teacher = teacher_from_description(store.manifest.teacher_description)
    if not teacher.matches_fingerprint(store.manifest.teacher):
        raise StoreMismatchError(f"{path} was made by another language model; run `softtopic teach` again")
    return Source(
        corpus=store.documents(),
        features=store.read(),
        read=store.read_rows(),
        vocabulary=store.vocabulary,
        teacher=teacher,
    )


def from_arrays(
    X: Iterable[str] | Corpus | None,
    soft_labels: Any,
    hidden: Any,
    vocabulary: int | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer,
    embeddings: Any = None,
) -> Source:
    """Soft labels and vectors of the caller's, a row a document.

    Every row is a document of its own, whatever its text: features may differ where texts do not.

    Raises
    ------
    InputError
        If the parts are not arrays of numbers with as many rows.
    """
    if soft_labels is None or hidden is None or len(soft_labels) != len(hidden):
        raise InputError("soft_labels= and hidden= go together, one row each for every document")
    hidden = check_vectors("hidden", hidden, len(hidden), {})
    if isinstance(vocabulary, int):
        raise InputError("soft_labels= need vocabulary= the list of words their columns stand for")
    words = Vocabulary.build(vocabulary, ())
    log_probs = check_log_probs(soft_labels, len(hidden), len(words))
    corpus = Corpus.without_texts(range(len(hidden))) if X is None else as_corpus(X)
    if len(corpus) != len(hidden):
        raise InputError(f"{len(corpus)} texts for {len(hidden)} rows of hidden; give one for each")
    corpus = replace(corpus, merge_duplicates=False)
    return Source(
        corpus=corpus,
        embeddings=_embeddings_of(corpus, embeddings),
        features=Features(log_probs, hidden),
        read=np.arange(len(hidden)),
        vocabulary=words,
        has_texts=corpus.has_texts,
    )


def _embeddings_of(corpus: Corpus, embeddings: Any) -> DocHidden | None:
    """Vectors of the distinct documents; of equal texts those of the first."""
    if embeddings is None:
        return None
    return check_vectors("embedding", embeddings, len(corpus), {})[corpus.distinct.first]
