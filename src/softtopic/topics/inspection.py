"""What a fitted topic model says of its topics and documents: tables, words, search."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, check_whole
from softtopic.recipes import Recipe
from softtopic.topics.search import RetrievalIndex
from softtopic.topics.words import Topics
from softtopic.types import DocInt, DocTopic, TopicVocab


class Inspection(ABC):
    """The questions a fitted model answers; whoever fits it leaves the attributes below."""

    n_topics: int | np.integer
    recipe_: Recipe
    vocabulary_: Vocabulary
    components_: TopicVocab
    relevance_: TopicVocab | None
    probabilities_: DocTopic
    topics_: DocInt
    ids_: tuple[str, ...]
    excerpts_: tuple[str, ...]
    representative_docs_: list[list[str]]

    @abstractmethod
    def transform(self, X: Iterable[str] | Corpus | None = None) -> DocTopic:
        """Theta of documents."""

    def get_topics(self, n_words: int = 10) -> dict[int, list[tuple[str, float]]]:
        """The top words of every topic with their probabilities."""
        return {topic: self.get_topic(topic, n_words) for topic in range(self.n_topics)}

    def get_topic(self, topic: int, n_words: int = 10) -> list[tuple[str, float]]:
        """The top words of one topic with their probabilities."""
        self._check_topic(topic)
        return self.topics.top(topic, n_words)

    def get_topic_info(self) -> pd.DataFrame:
        """One row for each topic, largest first: Topic, Count, Name, Representation, Representative_Docs."""
        check_is_fitted(self, "backbone_")
        count = np.bincount(self.topics_, minlength=self.n_topics)
        frame = pd.DataFrame({
            "Topic": range(self.n_topics),
            "Count": count,
            "Name": self.topics.names(),
            "Representation": self.topics.top_words(10),
            "Representative_Docs": self.representative_docs_,
        })  # fmt: skip
        return frame.sort_values("Count", ascending=False, kind="stable", ignore_index=True)

    def get_document_info(self) -> pd.DataFrame:
        """One row for each training document: Id, Document (its beginning), Topic, Name, Probability."""
        check_is_fitted(self, "backbone_")
        names = self.topics.names()
        return pd.DataFrame({
            "Id": self.ids_,
            "Document": self.excerpts_,
            "Topic": self.topics_,
            "Name": [names[topic] for topic in self.topics_],
            "Probability": self.probabilities_.max(axis=1),
        })  # fmt: skip

    def get_representative_docs(self, topic: int) -> list[str]:
        """The documents in which a topic's share is largest."""
        self._check_topic(topic)
        return self.representative_docs_[topic]

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns of theta."""
        check_is_fitted(self, "backbone_")
        return np.asarray(self.topics.names(), dtype=object)

    def search(self, query: str, k: int = 10) -> pd.DataFrame:
        """The training documents whose topic mixture is nearest to the query's, nearest first.

        Columns: Document (its position), Id, Divergence (KL(query ‖ document) in nats), Topic, Text (its beginning).
        """
        theta = self._theta_of_query(query)
        hits = RetrievalIndex(self.probabilities_).search(theta, k)
        found = hits.ids[0]
        return pd.DataFrame({
            "Document": found,
            "Id": [self.ids_[document] for document in found],
            "Divergence": hits.divergences[0],
            "Topic": self.topics_[found],
            "Text": [self.excerpts_[document] for document in found],
        })  # fmt: skip

    def find_topics(self, query: str, top_n: int = 5) -> tuple[list[int], list[float]]:
        """The topics with the largest shares in a query, and the shares."""
        check_whole("top_n", top_n, 1)
        theta = self._theta_of_query(query)[0]
        best = np.argsort(-theta, kind="stable")[:top_n]
        return [int(topic) for topic in best], [float(theta[topic]) for topic in best]

    @property
    def topics(self) -> Topics:
        """The topics' words."""
        check_is_fitted(self, "backbone_")
        return Topics(self.components_, self.vocabulary_.words, self.relevance_)

    def _check_topic(self, topic: int) -> None:
        check_is_fitted(self, "backbone_")
        if not 0 <= topic < self.n_topics:
            raise InputError(f"topic {topic} is not there; topics are 0 to {self.n_topics - 1}")

    def _theta_of_query(self, query: str) -> DocTopic:
        check_is_fitted(self, "backbone_")
        if not isinstance(query, str):
            raise InputError(f"the query is {type(query).__name__}; give one string")
        if not query.strip():
            raise InputError("the query is empty; give a word or a text to look for")
        return self.transform([query])
