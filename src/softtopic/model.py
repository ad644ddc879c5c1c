"""TopicModel: the estimator. Parameters, scikit-learn's contract and delegation; no algorithm."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer

from softtopic import persistence
from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.inputs.word_vectors import WordVectors
from softtopic.lm.encoder import Embedder
from softtopic.lm.loading import EMBEDDED
from softtopic.persistence import NotSaved, check_parameters
from softtopic.pipeline import fit as steps
from softtopic.pipeline.plan import FitOptions, FitPlan, resolve_plan
from softtopic.pipeline.predict import Predictor
from softtopic.pipeline.soft_labels import soft_labels_of
from softtopic.pipeline.sources import Source, as_corpus, source_of
from softtopic.recipes import Recipe
from softtopic.state import FittedState
from softtopic.teacher.base import BaseTeacher
from softtopic.topics import search, table
from softtopic.topics.words import Topics
from softtopic.training.report import TrainingReport
from softtopic.types import DocHidden, DocInt, DocTopic, DocVocab, TopicVocab


# scikit-learn would wrap `transform` and ask for X even where hidden= is given.
class TopicModel(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Topics of a text collection, distilled from a language model.

    Parameters
    ----------
    n_topics : int, default=50
        Number of topics, at least 2 and at most the number of distinct documents.
    recipe : str or Recipe, default="default"
        "default", "light" (the language model alone, no sentence encoder), "paper" (the published settings), a
        bag-of-words model ("prodlda", "zeroshottm", "combinedtm", "etm", "ecrtm", "fastopic"), or a `Recipe`.
    backbone : str, BackboneSettings or None, default=None
        Topic model in place of the recipe's: "plsa", "prodlda", "etm", "ecrtm", "fastopic", or settings of one.
    inputs : str or None, default=None
        What it reads of a document in place of the recipe's inputs: "hidden", "embedding", "words", "tf-idf", "bow",
        "normalised-bow", several joined by "+".
    target : {"soft", "bow", "soft+bow"} or None, default=None
        What it learns to reproduce, in place of the recipe's target.
    embedder : str, callable or None, default=None
        Makes sentence vectors: the name or folder of a `SentenceEncoder`, or a callable from a list of texts to an
        array of shape (n_documents, width). None: "all-minilm-l6-v2", unless `fit` gets vectors.
    word_vectors : WordVectors, str, Path or None, default=None
        Vectors, or a file of them, at which the word embeddings of ETM and ECRTM start.
    lm : str or BaseTeacher, default="smollm2-135m"
        The language model: "smollm2-135m" (embedded), a local folder, a GGUF file, a Hugging Face id, the address of a
        server (see `ServerTeacher`), or a `Teacher`.
    sample : float in (0, 1] or None, default=None
        Share of the distinct documents that the language model reads; what it would say of the others is predicted.
        None: as many as the recipe says, in "default" at most 2,500.
    demonstrations : {"auto", "none"} or None, default=None
        Whether the language model is shown examples chosen from the corpus. None: as the recipe says.
    vocabulary : int, sequence of str, Vocabulary or CountVectorizer, default=2000
        Number of words to find in the texts, or the words themselves.
    language : str, default="english"
        Whose stop words are left out of the vocabulary; "none" keeps all.
    features : "auto", path or None, default="auto"
        Where the language model's output is kept: the cache folder, a feature folder, or nowhere. It never changes
        what is read.
    random_state : int, default=0
        Seed of everything random.
    progress : bool, default=False
        Show progress bars on standard error.

    Attributes
    ----------
    state_ : FittedState
        Everything the fit learned; the attributes below are views of it.
    plan_ : FitPlan
        What the fit was going to do, resolved before it started.
    topics_ : ndarray of shape (n_documents,)
        Topic with the largest share of each document.
    probabilities_ : ndarray of shape (n_documents, n_topics)
        Topic mixtures (theta); rows sum to 1. A blank document has the mean of all others.
    components_ : ndarray of shape (n_topics, n_words)
        Word distributions of the topics; rows sum to 1.
    relevance_ : ndarray of shape (n_topics, n_words) or None
        Order in which words are shown; None for their probability.
    vocabulary_ : Vocabulary
    recipe_ : Recipe
        The settings that were carried out.
    training_ : TrainingReport or None
        How training went; None for a loaded model.

    Examples
    --------
    >>> model = TopicModel(n_topics=50).fit(texts)  # doctest: +SKIP
    >>> model.get_topic_info()  # doctest: +SKIP
    """

    def __init__(
        self,
        n_topics: int | np.integer = 50,
        *,
        recipe: str | Recipe = "default",
        backbone: Any = None,
        inputs: str | None = None,
        target: str | None = None,
        embedder: str | Embedder | None = None,
        word_vectors: WordVectors | str | Path | None = None,
        lm: str | BaseTeacher | NotSaved = EMBEDDED,
        sample: float | None = None,
        demonstrations: str | None = None,
        vocabulary: int | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer | NotSaved = 2000,
        language: str = "english",
        features: str | Path | None = "auto",
        random_state: int | np.integer = 0,
        progress: bool = False,
    ) -> None:
        self.n_topics = n_topics
        self.recipe = recipe
        self.backbone = backbone
        self.inputs = inputs
        self.target = target
        self.embedder = embedder
        self.word_vectors = word_vectors
        self.lm = lm
        self.sample = sample
        self.demonstrations = demonstrations
        self.vocabulary = vocabulary
        self.language = language
        self.features = features
        self.random_state = random_state
        self.progress = progress

    # What fit leaves behind, for type checkers.
    state_: FittedState
    plan_: FitPlan
    _predictor: Predictor

    def plan(
        self,
        X: Iterable[str] | Corpus | None = None,
        *,
        soft_labels: DocVocab | None = None,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> FitPlan:
        """What `fit` would do with the same arguments; nothing is read, encoded or trained.

        Returns
        -------
        FitPlan
            `plan.lines()` says it in words.
        """
        return resolve_plan(self._source(X, soft_labels, hidden, embeddings), self._options())

    def fit(
        self,
        X: Iterable[str] | Corpus | None = None,
        y: object = None,
        *,
        soft_labels: DocVocab | None = None,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> "TopicModel":
        """Find topics in texts.

        Parameters
        ----------
        X : iterable of str, Corpus or None
            Documents. None takes those kept in the feature folder.
        y : ignored
            Labels are never learnt from.
        soft_labels : array of shape (n_documents, n_words) or None
            Log probabilities of the words of `vocabulary`; with `hidden` no language model is needed.
        hidden : array of shape (n_documents, width) or None
            Any vectors of the documents, beside `soft_labels`.
        embeddings : array of shape (n_documents, width) or None
            Vectors of the input "embedding"; equal texts are one document, with the first one's vector.

        Returns
        -------
        TopicModel
            The model itself.
        """
        source = self._source(X, soft_labels, hidden, embeddings)
        plan = resolve_plan(source, self._options())
        self.plan_, state, teacher = steps.fit(plan, source, progress=self.progress)
        self._set_state(state, teacher)
        return self

    def fit_transform(self, X: Iterable[str] | Corpus | None = None, y: object = None, **options: Any) -> DocTopic:
        """`fit`, then the mixtures of the same documents: equal to ``fit(X).transform(X)``."""
        return self.fit(X, y, **options).probabilities_

    def transform(
        self,
        X: Iterable[str] | Corpus | None = None,
        *,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> DocTopic:
        """Topic mixtures of documents, old or new.

        Deterministic, and independent of the other documents.

        Parameters
        ----------
        X : iterable of str, Corpus or None
            Documents; None where the model reads vectors alone.
        hidden : array of shape (n_documents, width) or None
            Hidden states, so that no language model is needed.
        embeddings : array of shape (n_documents, width) or None
            Sentence vectors, so that no sentence encoder is needed.

        Returns
        -------
        ndarray of shape (n_documents, n_topics)
            Rows sum to 1.
        """
        return self._fitted.transform(
            None if X is None else as_corpus(X),
            hidden=hidden,
            embeddings=embeddings,
            embedder=self.embedder,
            keep=self.features is not None,
            progress=self.progress,
        )

    def soft_labels(self, X: Iterable[str] | Corpus) -> DocVocab:
        """Calibrated soft labels of documents, old or new, as the model was trained on.

        Returns
        -------
        ndarray of shape (n_documents, n_words), float32
            Rows sum to 1; those of blank documents are uniform.

        Raises
        ------
        InputError
            If the model was fitted without a language model.
        """
        return soft_labels_of(self._fitted, as_corpus(X), progress=self.progress)

    def save(self, path: str | Path, *, excerpts: bool = True) -> None:
        """Write a model folder: JSON, safetensors and Parquet.

        Parameters
        ----------
        path : str or Path
        excerpts : bool, default=True
            Keep the first 300 characters of each document; with False no text of a document is kept.

        Notes
        -----
        A folder cannot hold functions and vectorizers: in a loaded model `NotSaved` stands for such a parameter until
        it is set again.
        """
        persistence.save(self._fitted.state, self.get_params(deep=False), path, excerpts=excerpts)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> "TopicModel":
        """Read a model folder written by `save`; no language model is opened before it is needed.

        Raises
        ------
        ModelFileError
            If the folder is damaged, or not a model folder.
        """
        state, parameters = persistence.load(path, device=device)
        model = cls(**parameters)
        model._set_state(state, None, device)
        return model

    def get_topics(self, n_words: int = 10) -> dict[int, list[tuple[str, float]]]:
        """The first words of every topic with their probabilities."""
        return table.get_topics(self._fitted.state, n_words)

    def get_topic(self, topic: int, n_words: int = 10) -> list[tuple[str, float]]:
        """The first words of one topic with their probabilities."""
        return table.get_topic(self._fitted.state, topic, n_words)

    def get_topic_info(self) -> pd.DataFrame:
        """One row a topic, largest first: Topic, Count, Name, Representation, Representative_Docs."""
        return table.get_topic_info(self._fitted.state)

    def get_document_info(self) -> pd.DataFrame:
        """One row a training document: Id, Document (its beginning), Topic, Name, Probability."""
        return table.get_document_info(self._fitted.state)

    def get_representative_docs(self, topic: int) -> list[str]:
        """Beginnings of the documents with the largest share of a topic."""
        return table.get_representative_docs(self._fitted.state, topic)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns of the mixtures."""
        return np.asarray(self.topics.names(), dtype=object)

    def search(self, query: str, k: int = 10) -> pd.DataFrame:
        """The training documents whose mixtures are nearest to the query's, see `softtopic.topics.search.search`."""
        theta = self.transform([search.check_query(query)])
        return search.search(self._fitted.state, self._fitted.index, theta, k)

    def find_topics(self, query: str, top_n: int = 5) -> tuple[list[int], list[float]]:
        """The topics with the largest shares of a query, and the shares."""
        return search.find_topics(self.transform([search.check_query(query)]), top_n)

    @property
    def topics(self) -> Topics:
        """The topics' words."""
        return table.topics_of(self._fitted.state)

    @property
    def topics_(self) -> DocInt:
        return self._fitted.state.topics

    @property
    def probabilities_(self) -> DocTopic:
        return self._fitted.state.theta

    @property
    def components_(self) -> TopicVocab:
        return self._fitted.state.topic_word

    @property
    def relevance_(self) -> TopicVocab | None:
        return self._fitted.state.relevance

    @property
    def vocabulary_(self) -> Vocabulary:
        return self._fitted.state.vocabulary

    @property
    def recipe_(self) -> Recipe:
        return self._fitted.state.recipe

    @property
    def training_(self) -> TrainingReport | None:
        return self._fitted.state.training

    @property
    def teacher_(self) -> BaseTeacher | None:
        """The language model that read the documents; None where none was needed."""
        return self._fitted.language_model

    @property
    def _fitted(self) -> Predictor:
        if "_predictor" not in vars(self):
            if "state_" not in vars(self):
                raise NotFittedError("this TopicModel is not fitted yet; call fit with texts, or load a model folder")
            with _OPENING:
                if "_predictor" not in vars(self):
                    self._predictor = Predictor(self.state_)
        return self._predictor

    def _set_state(self, state: FittedState, teacher: BaseTeacher | None, device: str = "auto") -> None:
        self.state_ = state
        self._predictor = Predictor(state, teacher, device)

    def _options(self) -> FitOptions:
        return FitOptions(**{one.name: getattr(self, one.name) for one in fields(FitOptions)})

    def _source(
        self,
        X: Iterable[str] | Corpus | None,
        soft_labels: DocVocab | None,
        hidden: DocHidden | None,
        embeddings: np.ndarray | None,
    ) -> Source:
        check_parameters(self.get_params(deep=False))
        return source_of(
            X,
            soft_labels=soft_labels,
            hidden=hidden,
            embeddings=embeddings,
            features=self.features,
            vocabulary=self.vocabulary,  # type: ignore[arg-type]
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without opened models: a copy opens its own."""
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_predictor", "plan_")}


_OPENING = RLock()
