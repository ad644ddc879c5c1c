"""Soft labels and hidden states that are there already, so that no language model has to read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from softtopic.teacher.opening import described_teacher


@dataclass(frozen=True, kw_only=True)
class Taught:
    """Documents with what a language model said of them."""

    corpus: Corpus
    features: Features
    vocabulary: Vocabulary
    teacher: BaseTeacher | None = None  # None: not known


def from_store(path: str | Path | None) -> Taught:
    """What a feature folder keeps; raises InputError where none is named, StoreMismatchError for another teacher's."""
    if path is None or path == "auto":
        raise InputError("nothing to fit; give texts, or features= a folder made by `softtopic teach`")
    store = FeatureStore.open(path)
    teacher = described_teacher(store.manifest.described)
    if not teacher.made(store.manifest.teacher):
        raise StoreMismatchError(f"{path} was made by another language model; run `softtopic teach` again")
    return Taught(corpus=store.documents(), features=store.read(), vocabulary=store.vocabulary, teacher=teacher)


def from_arrays(
    X: Iterable[str] | Corpus | None,
    soft_labels: Any,
    hidden: Any,
    vocabulary: int | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer,
) -> Taught:
    """What the caller brings along; raises InputError where the parts are not arrays of numbers that go together.

    Every row is a document of its own, whatever its text: the features may differ where texts do not.
    """
    if soft_labels is None or hidden is None or len(soft_labels) != len(hidden):
        raise InputError("soft_labels= and hidden= go together, one row each for every document")
    hidden = check_vectors("hidden", hidden, len(hidden), {})
    if isinstance(vocabulary, int):
        raise InputError("soft_labels= need vocabulary= the list of words their columns stand for")
    words = Vocabulary.build(vocabulary, ())
    soft_labels = check_log_probs(soft_labels, len(hidden), len(words))
    if X is None:
        X = [f"document {row}" for row in range(len(hidden))]
    given = X if isinstance(X, Corpus) else Corpus.from_texts(X)
    if len(given) != len(hidden):
        raise InputError(f"{len(given)} texts for {len(hidden)} rows of hidden; give one for each")
    corpus = Corpus.from_rows(given.texts, ids=given.ids, labels=given.labels)
    return Taught(corpus=corpus, features=Features(soft_labels, hidden), vocabulary=words)
