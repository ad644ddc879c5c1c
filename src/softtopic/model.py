"""TopicModel: the estimator. Parameters, scikit-learn's contract and delegation; no algorithm.

Steps that need torch are imported in the methods that take them: a saved model is loaded, shown, edited and applied to
vectors without it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from softtopic.data.containers import in_container
from softtopic.data.corpus import Corpus
from softtopic.data.document_stream import DocumentStream
from softtopic.data.guides import parse_guides
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.word_vectors import WordVectors
from softtopic.lm.config import AUTO
from softtopic.persistence import NotSaved, check_parameters
from softtopic.pipeline import mixtures, renewal, stream
from softtopic.pipeline import search as retrieve
from softtopic.pipeline.plan import FitOptions, FitPlan, resolve_plan
from softtopic.pipeline.predict import Predictor
from softtopic.pipeline.score import mean_log_likelihood
from softtopic.pipeline.sources import Source, as_corpus, second_argument, source_of
from softtopic.plots import choices, maps, shares, similarity, single_document
from softtopic.plots import words as word_plots
from softtopic.recipes import Recipe, get_recipe, nested_settings
from softtopic.report.notebook import topics_html
from softtopic.report.page import write_report
from softtopic.retrieval.index import RetrievalIndex
from softtopic.selection import Selection
from softtopic.state import FittedState
from softtopic.storage.parts import PartFolder
from softtopic.storage.progress import RunClock
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.config import NamingConfig
from softtopic.teacher.local import Teacher
from softtopic.topics import (
    document_table,
    dynamics,
    edits,
    export,
    groups,
    hierarchy,
    languages,
    ldavis,
    rewording,
    search,
    suggestions,
    table,
    windows,
)
from softtopic.topics import explain as explanations
from softtopic.topics.assignments import Assignments
from softtopic.topics.edits import Edit
from softtopic.topics.guides import guide_report
from softtopic.topics.words import Topics
from softtopic.training.report import TrainingReport
from softtopic.types import DocHidden, DocInt, DocTopic, DocVocab, Languages, TopicVocab


# scikit-learn would wrap `transform` and ask for X even where hidden= is given.
class TopicModel(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Topics of a text collection, distilled from a language model.

    Parameters
    ----------
    n_topics : int or "auto", default=50
        Number of topics, at least 2 and at most the number of distinct documents. "auto" chooses it without labels; see
        `selection_`.
    recipe : str or Recipe, default="default"
        "default", "fast" (a first look, and large corpora), "light" (the language model alone, no sentence encoder),
        "paper" (the published settings), a
        bag-of-words model ("prodlda", "zeroshottm", "combinedtm", "etm", "ecrtm", "fastopic"), or a `Recipe`.
    backbone : str, BackboneSettings or None, default=None
        Neural topic model that replaces the recipe's: "plsa", "prodlda", "etm", "ecrtm", "fastopic", or settings of
        one, which replace all settings of the recipe's backbone.
    inputs : str or None, default=None
        Inputs of the topic model that replace the recipe's: "hidden", "embedding", "static", "words", "tf-idf", "bow",
        "normalised-bow", or several joined by "+".
    target : {"soft", "bow", "soft+bow"} or None, default=None
        Training target that replaces the recipe's: soft labels, word counts, or a mixture.
    embedder : str, object with a method `encode` or `embed`, callable or None, default=None
        Sentence encoder: the name or folder of a `SentenceEncoder`, a model of sentence-transformers, model2vec or
        fastembed, or a callable from a list of texts to an array of shape (n_documents, width). None, unless
        `embeddings` are given to `fit`: "all-minilm-l6-v2" for English, and for other languages or several the
        multilingual encoder, if it was fetched (`softtopic fetch multilingual`).
    word_vectors : WordVectors, str, Path or None, default=None
        Initial word embeddings of ETM and ECRTM, or a file of them.
    lm : str or BaseTeacher, default="auto"
        Language model: "smollm2-135m", "encoder" (a sentence encoder in its place, see `EncoderTeacher`), "auto" (the
        one of these that suits the languages of the documents), a local folder, a GGUF file, a Hugging Face id, the
        address of a server (see `ServerTeacher`), or a `Teacher`.
    sample : float in (0, 1] or None, default=None
        Share of the distinct documents that the language model reads; soft labels of the others are predicted. None:
        the number set by the recipe, at most 800 in "default".
    demonstrations : {"auto", "none"} or None, default=None
        "auto" adds a prompt with demonstrations selected from the corpus. None: as set by the recipe.
    vocabulary : int, sequence of str, Vocabulary or CountVectorizer, default=2000
        Number of words to select from the texts, the words themselves, or a vectorizer that selects them.
    language : str or sequence of str, default="auto"
        Languages of the documents, by name or code: "de", "German", ["de", "fr"]; their stop words are left out of the
        vocabulary. "auto" detects them, "none" detects them and keeps all words.
    guides : dict of str to sequence of str, sequence of str, or None, default=None
        Topics named in advance, by words, phrases of up to three words, or example documents; or names alone
        (zero-shot). They are the first topics, in this order; the others are found freely, so that with one topic more
        than guides, the last is "none of these".
    features : "auto", path or None, default="auto"
        Where the language model's output is kept: "auto" is the cache folder, a path a feature folder, None nowhere.
        It never changes what is read.
    random_state : int, RandomState or None, default=0
        Seed of the random number generators; from a RandomState, or anew for None, each fit draws one.
    progress : bool or RunClock, default=False
        Show progress bars on standard error, with the time left of the fit, or of a longer run that it is a part of.

    Attributes
    ----------
    state_ : FittedState
        Result of the fit; edits never change it.
    edits_ : tuple of Edit
        Edits of the topics, in order. All attributes below, except `plan_`, are views of the state after them.
    changes_ : DataFrame or None
        What became of the topics in the last `update`, or in a fit with `like`: Change ("kept", "appeared",
        "vanished", "split" or "merged"), Topic_A, Name_A, Share_A before, Topic_B, Name_B, Share_B after, Similarity
        (Dice coefficient of their documents). None otherwise; it is not saved.
    topic_ids_ : ndarray of shape (n_topics,)
        Number of the topic in each column of theta: 0, 1, … after a fit. A topic keeps its number.
    topic_names_ : list of str
        Name of the topic in each column: the one it was given, else its number and first four words.
    plan_ : FitPlan
        Plan of the fit, made before it started; absent from a loaded model.
    topics_ : ndarray of shape (n_documents,)
        Number of the topic with the largest share of each document.
    probabilities_ : ndarray of shape (n_documents, n_topics)
        Topic mixtures (theta); rows sum to 1. Blank documents get the mean of all others.
    components_ : ndarray of shape (n_topics, n_words)
        Word distributions of the topics; rows sum to 1.
    relevance_ : ndarray of shape (n_topics, n_words) or None
        Relevance by which the words of a topic are ranked for display; None if they are ranked by probability.
    vocabulary_ : Vocabulary
        Words of the topics.
    selection_ : Selection or None
        How the number of topics was chosen; its `table` has a row for each number that was compared. None if the number
        was given.
    recipe_ : Recipe
        Settings of the fit, with all overrides applied.
    teacher_ : BaseTeacher or None
        Language model that read the documents; None if none was needed.
    training_ : TrainingReport or None
        Training loss and speed; None for a loaded model.

    Examples
    --------
    >>> model = TopicModel(n_topics=50).fit(texts)  # doctest: +SKIP
    >>> model.get_topic_info()  # doctest: +SKIP
    """

    def __init__(
        self,
        n_topics: int | np.integer | str = 50,
        *,
        recipe: str | Recipe = "default",
        backbone: Any = None,
        inputs: str | None = None,
        target: str | None = None,
        embedder: Any = None,
        word_vectors: WordVectors | str | Path | None = None,
        lm: str | BaseTeacher | NotSaved = AUTO,
        sample: float | None = None,
        demonstrations: str | None = None,
        vocabulary: int | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer | NotSaved = 2000,
        language: Languages = "auto",
        guides: Mapping[str, Sequence[str]] | Sequence[str] | NotSaved | None = None,
        features: str | Path | None = "auto",
        random_state: int | np.integer | np.random.RandomState | None = 0,
        progress: bool | RunClock = False,
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
        self.guides = guides
        self.features = features
        self.random_state = random_state
        self.progress = progress

    # What fit leaves behind, for type checkers.
    state_: FittedState
    edits_: tuple[Edit, ...]
    changes_: pd.DataFrame | None
    plan_: FitPlan
    _predictor: Predictor

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; with `deep` also every setting of the recipe, as ``recipe__training__epochs``."""
        params = super().get_params(deep=False)
        return params | nested_settings(self.recipe, "recipe") if deep else params

    def set_params(self, **params: Any) -> "TopicModel":
        """Set parameters, and settings of the recipe, as ``set_params(recipe__training__epochs=50)``."""
        own = {name: value for name, value in params.items() if not name.startswith("recipe__")}
        super().set_params(**own)
        if options := {name.removeprefix("recipe__"): params[name] for name in params.keys() - own.keys()}:
            self.recipe = get_recipe(self.recipe).with_options(**options)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array, tags.no_validation = True, False, True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def plan(
        self,
        X: Iterable[str] | Corpus | None = None,
        *,
        soft_labels: DocVocab | None = None,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> FitPlan:
        """Plan a fit with the same arguments, without reading, encoding or training anything.

        Returns
        -------
        FitPlan
            `FitPlan.lines` describes it, a line for each step.
        """
        return resolve_plan(self._source(X, soft_labels, hidden, embeddings), self._options())

    def preview(
        self,
        X: Iterable[str] | Corpus | None = None,
        *,
        soft_labels: DocVocab | None = None,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> pd.DataFrame:
        """Find topics in a part of the documents within seconds, without the language model, before a fit.

        Takes the arguments of `fit`. Neither the model nor a later fit is changed; the fit need not encode the part
        again.

        Returns
        -------
        DataFrame
            Topic, Count (of the documents in the part), Representation, Representative_Docs; largest topic first.
        """
        from softtopic.pipeline.preview import preview

        return preview(self._source(X, soft_labels, hidden, embeddings), self._options())

    def fit(
        self,
        X: Iterable[str] | Corpus | None = None,
        y: object = None,
        *,
        soft_labels: DocVocab | None = None,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
        like: "TopicModel | str | Path | None" = None,
    ) -> "TopicModel":
        """Find topics in texts.

        Parameters
        ----------
        X : iterable of str, Corpus or None
            Documents. None: those stored in the feature folder `features`.
        y : ndarray of shape (n_documents, width) or None
            A matrix of floats is taken as `embeddings`, so that these may be the second argument; anything else is
            ignored, as in scikit-learn.
        soft_labels : array of shape (n_documents, n_words) or None
            Log probabilities of the words of `vocabulary`. With `soft_labels` and `hidden` no language model is needed.
        hidden : array of shape (n_documents, width) or None
            Vectors of the documents, of any origin; required with `soft_labels`.
        embeddings : array of shape (n_documents, width) or None
            Sentence vectors, the input "embedding". Equal texts are one document, with the vector of the first.
        like : TopicModel, str, Path or None, default=None
            Earlier model, or its folder, whose topics the new ones continue: they start from the documents that it
            assigns to its topics, keep numbers and names where they have half of these documents or more, and its
            edits are repeated. What cannot be repeated is logged; `changes_` says what became of the topics.

        Returns
        -------
        TopicModel
            The fitted model.

        Raises
        ------
        InputError
            If the arguments or parameters are invalid or do not go together.
        AssetError, LanguageModelError
            If a model that is needed is not on this machine or cannot be used.
        """
        from softtopic.pipeline import fit as steps

        source = self._source(X, soft_labels, hidden, second_argument(y, embeddings))
        plan = resolve_plan(source, self._options())
        if like is None:
            self.plan_, state, teacher = steps.fit(plan, source, progress=self.progress)
            self._set_state(state, teacher)
            return self
        if not isinstance(like, TopicModel | str | Path):
            raise InputError(f"like is {type(like).__name__}; give a TopicModel or a model folder")
        earlier = like if isinstance(like, TopicModel) else TopicModel.load(like)
        given = earlier._reading(hidden=hidden, embeddings=embeddings, progress=self.progress)
        self.plan_, teacher, found = renewal.refit(plan, source, earlier._fitted, **given)
        self._set_state(found.state, teacher, edits=found.edits, changes=found.changes)
        return self

    def update(
        self,
        X: Iterable[str] | Corpus,
        *,
        ids: Iterable[object] | None = None,
        times: Iterable[object] | None = None,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
        min_topic_size: int = 10,
    ) -> "TopicModel":
        """Add new documents to a fitted model without forgetting.

        Nothing is trained: topics keep their numbers, names, words and edits, and the documents of the model their
        mixtures. The new documents get the mixtures that `transform` gives them, and are in all tables and searches
        from then on. Those that are far from all topics (`novelty`) are clustered; a cluster whose documents are
        similar to each other, and not by what they share with a topic, becomes a topic. It is one more edit: later
        documents are assigned to it, and `undo` takes it back. A refit with `like` renews words and topics.

        Documents that are in the model already count twice; a warning says how many there are.

        Parameters
        ----------
        X : iterable of str or Corpus
        ids : iterable or None, default=None
            Ids of the new documents, none of them in the model. None: those of the corpus, or numbers that count on.
        times : iterable or None, default=None
            Times of the new documents.
        hidden, embeddings
            Vectors of the new documents, see `transform`.
        min_topic_size : int, default=10
            Number of documents that a new topic needs, at least 2.

        Returns
        -------
        TopicModel
            This model. `changes_` says which topics are new.

        Raises
        ------
        InputError
            If there is no new document with text, an id is in the model already, vectors are missing or of another
            encoder, or the model is of an earlier version; nothing is changed then.

        Examples
        --------
        >>> model.update(texts_of_this_week, ids=keys)  # doctest: +SKIP
        """
        corpus = renewal.new_documents(self._fitted.state, X, ids, times)
        config = renewal.RenewalConfig(min_topic_size=min_topic_size)
        given = self._reading(hidden=hidden, embeddings=embeddings)
        found = renewal.update(self._fitted, corpus, words=(self.vocabulary, self.language), config=config, **given)
        self._predictor = self._fitted.with_documents(found.state, found.edits)
        self.state_, self.edits_, self.changes_ = found.state, found.edits, found.changes
        return self

    def fit_transform(self, X: Iterable[str] | Corpus | None = None, y: object = None, **options: Any) -> Any:
        """Fit the model and return the mixtures of the same documents, equal to ``fit(X).transform(X)``.

        Takes the arguments of `fit`; see `transform` for what is returned.
        """
        return in_container(self.fit(X, y, **options).probabilities_, X, self)

    def transform(
        self,
        X: Iterable[str] | Corpus | None = None,
        embeddings: np.ndarray | None = None,
        *,
        hidden: DocHidden | None = None,
    ) -> Any:
        """Compute the topic mixtures of documents, old or new.

        The mixture of a document is deterministic and does not depend on the other documents.

        Parameters
        ----------
        X : iterable of str, Corpus or None
            Documents; None only if all inputs of the model are given as vectors.
        embeddings : array of shape (n_documents, width) or None
            Sentence vectors; otherwise the sentence encoder computes them if they are an input.
        hidden : array of shape (n_documents, width) or None
            Hidden states, or the vectors given as `hidden` to `fit`; otherwise the language model computes them if they
            are an input.

        Returns
        -------
        ndarray of shape (n_documents, n_topics), float32
            Topic mixtures; rows sum to 1. A table with the names of the topics where `set_output` asks for one.
        """
        theta = self._mixtures(None if X is None else as_corpus(X), hidden=hidden, embeddings=embeddings)
        return in_container(theta, X, self)

    def transform_stream(self, X: Iterable[str], *, batch_size: int = 256) -> Iterator[np.ndarray]:
        """Compute the topic mixtures of documents one after the other, in memory that does not grow with their number.

        Parameters
        ----------
        X : iterable of str
            Documents, such as a generator; a batch of them is taken at a time.
        batch_size : int, default=256

        Yields
        ------
        ndarray of shape (n_topics,), float32
            The row of `transform`, up to rounding of the encoder's products.

        Examples
        --------
        >>> for theta in model.transform_stream(line.strip() for line in open("posts.txt")):  # doctest: +SKIP
        ...     print(theta.argmax())
        """
        return stream.transform_stream(self._fitted, X, batch_size=batch_size, embedder=self.embedder)

    def transform_to(
        self, path: str | Path, documents: DocumentStream, *, novelty: bool = False, overwrite: bool = False
    ) -> PartFolder:  # fmt: skip
        """Write the topic mixtures of documents that do not fit in memory to a folder of Parquet parts.

        Complete parts are kept when the process is killed: the same call computes the others. Memory does not grow with
        the number of documents.

        Parameters
        ----------
        path : str or Path
            A new or empty folder, or one begun with the same model and options; also an address in an object store,
            such as "s3://bucket/topics". The parts are one table with the columns `id`, `topic` and `theta_TOPIC` for
            each topic; `label`, `time` or all columns of the documents where the stream reads them.
        documents : DocumentStream
            Such as ``DocumentStream.from_files("posts/*.parquet")``.
        novelty : bool, default=False
            Write a column with the `novelty` of each document, too.
        overwrite : bool, default=False
            Replace the parts of another model.

        Returns
        -------
        PartFolder
            `PartFolder.tables` reads the parts one after the other, and checks them.

        Raises
        ------
        InputError
            If a line holds no document, or another process writes the folder.
        PartFolderError
            If the folder holds something else.

        Examples
        --------
        >>> model.transform_to("topics/", DocumentStream.from_files("posts/*.parquet"))  # doctest: +SKIP
        >>> pandas.read_parquet("topics/", columns=["id", "topic"])  # doctest: +SKIP
        """
        options = mixtures.WriteOptions(novelty=novelty, overwrite=overwrite, progress=self.progress)
        return mixtures.write_mixtures(self._fitted, documents, path, options=options, embedder=self.embedder)

    def get_topic_sizes(self, path: str | Path) -> pd.DataFrame:
        """Number of documents of each topic in a folder that `transform_to` has written.

        Parameters
        ----------
        path : str or Path
            Topics that have been merged, dropped or named since are counted as they are now.

        Returns
        -------
        DataFrame
            Topic, Count, Name; largest topic first. Blank documents are not counted.

        Raises
        ------
        PartFolderError
            If the folder is damaged, not complete, or of another model.
        """
        return table.size_table(self._fitted.view, mixtures.topic_sizes(self._fitted, path))

    def novelty(
        self,
        X: Iterable[str] | Corpus | None = None,
        *,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> np.ndarray:
        """How far documents are from all topics, compared with the documents of the model.

        Parameters
        ----------
        X, hidden, embeddings
            Documents as of `transform`; nothing for the documents of the model.

        Returns
        -------
        ndarray of shape (n_documents,)
            Share of the model's documents that are nearer to a topic, in [0, 1]; NaN for blank documents. It needs no
            threshold: of documents like those of the model about 5 % are above .95.
        """
        corpus = None if X is None else as_corpus(X)
        return self._fitted.novelty(corpus, **self._reading(hidden=hidden, embeddings=embeddings))

    def topic_distances(
        self,
        X: Iterable[str] | Corpus | None = None,
        *,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> DocTopic:
        """Cosine distances, in [0, 2], of documents to the mean of the documents of each topic; see `novelty`.

        Returns
        -------
        ndarray of shape (n_documents, n_topics)
        """
        corpus = None if X is None else as_corpus(X)
        return self._fitted.topic_distances(corpus, **self._reading(hidden=hidden, embeddings=embeddings))

    def score(self, X: Iterable[str] | Corpus, y: object = None) -> float:
        """Mean log-likelihood of the vocabulary words of documents, in nats per word; higher is better.

        Parameters
        ----------
        X : iterable of str or Corpus
        y : None
            Ignored; present for compatibility with scikit-learn.
        """
        corpus = as_corpus(X)
        return mean_log_likelihood(self._fitted.view, corpus, self._mixtures(corpus))

    def soft_labels(self, X: Iterable[str] | Corpus) -> DocVocab:
        """Compute calibrated soft labels of documents, old or new; the language model reads them.

        Returns
        -------
        ndarray of shape (n_documents, n_words), float32
            Rows sum to 1; those of blank documents are uniform.

        Raises
        ------
        InputError
            If the model was fitted without a language model.
        """
        from softtopic.pipeline.soft_labels import soft_labels_of

        return soft_labels_of(self._fitted, as_corpus(X), progress=self.progress)

    def save(self, path: str | Path, *, excerpts: bool = True) -> None:
        """Write a model folder: JSON, safetensors and Parquet.

        Parameters
        ----------
        path : str or Path
        excerpts : bool, default=True
            Store the first 300 characters of each training document; if False, no text of a document is stored.

        Notes
        -----
        Functions and vectorizers cannot be stored: in a loaded model `NotSaved` takes the place of such a parameter
        until it is set again with `set_params`.
        """
        persistence.save(self._fitted.state, self.get_params(deep=False), path, edits=self.edits_, excerpts=excerpts)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> "TopicModel":
        """Load a model folder written by `save`; models are opened when first needed.

        Parameters
        ----------
        path : str or Path
            Also an address in an object store, such as "s3://bucket/model": the folder is copied to the cache, once.
        device : {"auto", "cpu", "cuda", "mps"}, default="auto"
            Where language model, sentence encoder and topic model run.

        Returns
        -------
        TopicModel

        Raises
        ------
        ModelFileError
            If the folder is damaged or not a model folder.
        """
        saved = persistence.load(path, device=device)
        model = cls(**saved.parameters)
        model._set_state(saved.state, None, device, saved.edits)
        return model

    def push_to_hub(self, repo_id: str, *, excerpts: bool = False, **options: Any) -> str:
        """Upload the model to the Hugging Face Hub; returns the address of the commit.

        Parameters
        ----------
        repo_id : str
            Owner and name, such as "me/space-topics"; the repository is created where there is none.
        excerpts : bool, default=False
            Upload the first 300 characters of each training document, too.
        **options
            private, revision, message and token; see `softtopic.persistence.hub.push_model`.
        """
        return persistence.push_model(lambda path: self.save(path, excerpts=excerpts), repo_id, **options)

    @classmethod
    def from_pretrained(
        cls, repo_id: str, *, revision: str | None = None, token: str | None = None, device: str = "auto"
    ) -> "TopicModel":
        """Load a model from the Hugging Face Hub, or a local folder; its checksums are verified as by `load`.

        Parameters
        ----------
        repo_id : str
            Owner and name, such as "me/space-topics".
        revision : str or None, default=None
            Branch, tag or commit; None: main.
        token : str or None, default=None
            Access token; None: that of `hf auth login` or the environment variable HF_TOKEN.
        device : {"auto", "cpu", "cuda", "mps"}, default="auto"
            See `load`.
        """
        return cls.load(persistence.pull_model(repo_id, revision=revision, token=token), device=device)

    def get_topics(self, n_words: int = 10, *, language: Languages | None = None) -> dict[int, list[tuple[str, float]]]:
        """Top words of every topic with their scores, largest first; see `get_topic`."""
        if language is not None:
            return languages.topics_in_language(self._fitted.view, n_words, language)
        return table.get_topics(self._fitted.view, n_words)

    def get_topic(self, topic: int, n_words: int = 10, *, language: Languages | None = None) -> list[tuple[str, float]]:
        """Top words of one topic with the scores they are ranked by, largest first; over all words they sum to 1.

        Parameters
        ----------
        topic : int
        n_words : int, default=10
        language : str, sequence of str or None, default=None
            Language or languages, by name or code, whose words alone are listed, of a model of documents in several.
        """
        if language is not None:
            return languages.topic_in_language(self._fitted.view, topic, n_words, language)
        return table.get_topic(self._fitted.view, topic, n_words)

    def generate_topic_labels(
        self, n_words: int = 3, *, prefix: bool = True, word_length: int | None = None, separator: str = "_"
    ) -> list[str]:
        """Labels of the topics from their first words, for `set_topic_names`; parameters as of `topic_labels`."""
        view = self._fitted.view
        return table.topic_labels(view, n_words, prefix=prefix, word_length=word_length, separator=separator)

    def approximate_distribution(
        self, docs: Iterable[str] | Corpus, *, window: int = 4, stride: int = 1, tokens: bool = False
    ) -> tuple[DocTopic, list[np.ndarray] | None]:
        """Topic mixtures along documents: means over windows of tokens, and with `tokens` those of each token.

        Parameters
        ----------
        docs : iterable of str or Corpus
        window, stride : int, default=4 and 1
            Tokens of a window, and between the beginnings of two of them. Each window is transformed like a document.
        tokens : bool, default=False
            Whether to return a matrix of shape (n_tokens, n_topics) for each document, too.

        Returns
        -------
        mixtures : ndarray of shape (n_documents, n_topics)
        tokens : list of ndarray or None
        """
        texts = as_corpus(docs).texts
        mixtures = lambda parts: self._mixtures(as_corpus(parts))  # noqa: E731
        return windows.approximate_distribution(texts, mixtures, window=window, stride=stride, tokens=tokens)

    def get_topic_info(self, topic: int | None = None) -> pd.DataFrame:
        """Table of topics, largest first: Topic, Count, Name, Representation, Representative_Docs; or one row of it."""
        return table.get_topic_info(self._fitted.view, topic)

    def get_topic_freq(self, topic: int | None = None) -> pd.DataFrame | int:
        """Number of documents of each topic, largest first; of one topic its number of documents."""
        return table.get_topic_freq(self._fitted.view, topic)

    def get_document_info(
        self,
        docs: Iterable[str] | Corpus | None = None,
        df: pd.DataFrame | None = None,
        *,
        levels: Sequence[int] = (),
    ) -> pd.DataFrame:
        """Table of documents, one row each, in order.

        Parameters
        ----------
        docs : iterable of str, Corpus or None, default=None
            Documents, old or new; None: those of the fit.
        df : DataFrame or None, default=None
            More columns for the table, a row for each document in the same order.
        levels : sequence of int, default=()
            Levels of `hierarchical_topics`; each becomes a column, such as Level_5, with the topic at that level.

        Returns
        -------
        DataFrame
            Id (as given to the Corpus), Document (its beginning), Topic, Name, Probability (share of the topic),
            Novelty (see `novelty`), then levels and the columns of `df`.
        """
        corpus = None if docs is None else as_corpus(docs)
        theta, novelty = self._fitted.describe(corpus, **self._reading())
        return document_table.get_document_info(self._fitted.view, corpus, theta, novelty=novelty, df=df, levels=levels)

    def get_documents(self, topic: int | None = None, limit: int | None = None) -> pd.DataFrame:
        """Documents of one topic, largest share first, or all of them; at most `limit`.

        Returns
        -------
        DataFrame
            Document (row of the fit), Id, Text (its beginning), Topic, Name, Probability, Novelty.
        """
        return document_table.documents_of(self._fitted.view, topic, limit, novelty=self._fitted.describe(None)[1])

    def get_representative_docs(
        self, topic: int | None = None, *, language: Languages | None = None
    ) -> list[str] | dict[int, list[str]]:
        """Beginnings of the three documents with the largest share of a topic; without one, of all topics by number.

        With a language, or several, those of the documents in it.
        """
        if language is not None:
            return languages.representative_docs_in_language(self._fitted.view, topic, language)
        return table.get_representative_docs(self._fitted.view, topic)

    def hierarchical_topics(self, levels: Sequence[int] | None = None) -> pd.DataFrame:
        """Group similar topics at several levels, by Ward linkage of their words and documents.

        Parameters
        ----------
        levels : sequence of int or None, default=None
            Numbers of topics of the levels; None: 5 and 15, where there are more topics.

        Returns
        -------
        DataFrame
            One row for each topic of each level, coarsest level first: Level, Topic (the lowest of its topics), Parent
            (at the next coarser level), Topics, Count (the sum over its topics), Name, Words. The last level has the
            topics of the model.

        Examples
        --------
        >>> model.hierarchical_topics(levels=[5, 15])  # doctest: +SKIP
        """
        return hierarchy.hierarchical_topics(self._fitted.view, levels)

    def get_topic_tree(self, levels: Sequence[int] | None = None) -> str:
        """The levels of `hierarchical_topics` as indented text, with numbers of documents."""
        return hierarchy.topic_tree(self._fitted.view, levels)

    def explain(self, text: str, n_topics: int = 1) -> pd.DataFrame:
        """Find the topics of each sentence of a text, and the words that support them.

        Parameters
        ----------
        text : str
        n_topics : int, default=1
            Number of topics of each sentence, those with the largest shares.

        Returns
        -------
        DataFrame
            Sentence, Topic, Name, Share, Words.
        """
        parts = explanations.sentences(text)
        return explanations.explain(self._fitted.view, parts, self.transform(parts), n_topics)

    def get_guide_info(self) -> pd.DataFrame:
        """Table of the guided topics: Topic, Guide, Count, Share, Representation, Own_Words."""
        check_parameters({"guides": self.guides})
        return guide_report(self._fitted.view, parse_guides(self.guides))

    def to_ldavis(self, docs: Sequence[str] | None = None, *, prepare: bool = False) -> Any:
        """Arguments of `pyLDAvis.prepare`, without words and documents that it does not take.

        Parameters
        ----------
        docs : sequence of str or None, default=None
            The training documents in their order; None: their beginnings, which the model keeps.
        prepare : bool, default=False
            Call it, with the topics in the order of their numbers; needs the package pyLDAvis.

        Returns
        -------
        dict or pyLDAvis.PreparedData
            topic_term_dists, doc_topic_dists, doc_lengths, vocab and term_frequency.
        """
        return (ldavis.prepare_ldavis if prepare else ldavis.ldavis_data)(self._fitted.view, docs)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the topics, the columns of `transform`; `input_features` is ignored."""
        return np.asarray(self.topic_names_, dtype=object)

    def search(
        self, query: str, k: int = 10, *, method: str = "topics", index: RetrievalIndex | str | Path | None = None
    ) -> pd.DataFrame:
        """Find the k training documents that fit a query best.

        Parameters
        ----------
        query : str
        k : int, default=10
        method : str, default="topics"
            What documents are ranked by: "topics", their mixtures; "vectors", their vectors; "words" of the beginnings
            that the model keeps, by BM25, which needs ``softtopic[search]``; or several joined by "+", by the sum of
            their reciprocal ranks. "hybrid" is "topics+vectors".
        index : RetrievalIndex, str, Path or None, default=None
            Index by `build_index`, or its folder, which is opened once. None: exact, by KL(query ‖ document).

        Returns
        -------
        DataFrame
            Document (its position), Id, Divergence (by the metric of the index; KL in nats), or Score where `method`
            is not "topics", Topic, Text (its beginning); best first.
        """
        reading = self._reading()
        return retrieve.search(self._fitted, query, k, method=method, index=index, reading=reading)

    def build_index(self, path: str | Path, *, metric: str = "kl", approximate: bool = False) -> RetrievalIndex:
        """Build an index of the training documents for `search`, and write it to a folder.

        It is of the mixtures as they are: after edits that change them, or an update, build it again.

        Parameters
        ----------
        path : str or Path
            New folder, or one with an index.
        metric : {"kl", "reverse-kl", "hellinger", "cosine"}, default="kl"
        approximate : bool, default=False
            Build a graph for millions of documents, whose `recall` is measured; needs ``softtopic[ann]``.

        Returns
        -------
        RetrievalIndex
        """
        return search.build_index(self._fitted.view, path, metric=metric, approximate=approximate)

    def find_topics(self, query: str, top_n: int = 5) -> tuple[list[int], list[float]]:
        """Find the topics with the largest shares in the mixture of a query; returns their numbers and these shares."""
        return search.find_topics(self._fitted.view, self._mixtures(as_corpus([search.check_query(query)])), top_n)

    def edit(self, *edits: Edit) -> "TopicModel":
        """Apply edits, such as those of `suggest_edits`, in order; all or none."""
        return self._set_edits((*self._fitted.edits, *edits))

    def merge_topics(self, topics: Sequence[Any]) -> "TopicModel":
        """Make one topic of several.

        Parameters
        ----------
        topics : list of int, or list of such lists
            Numbers of the topics of one group, or of several groups. A merged topic has the lowest of its numbers.

        Returns
        -------
        TopicModel
            This model. The edit is kept in `edits_`, saved with the model and taken back by `undo`.

        Raises
        ------
        InputError
            If a topic does not exist or is named twice; nothing is changed then.

        Examples
        --------
        >>> model.merge_topics([[3, 17], [5, 8, 9]])  # doctest: +SKIP
        """
        return self.edit(edits.merge(topics))

    def split_topic(self, topic: int, n: int = 2) -> "TopicModel":
        """Divide a topic into parts by its documents' vectors; new documents are divided by a classifier of the parts.

        Parameters
        ----------
        topic : int
            The largest part keeps this number, the others have new ones.
        n : int, default=2
            Number of parts.

        Returns
        -------
        TopicModel
            This model.
        """
        return self.edit(edits.split(self._fitted.view, topic, n))

    def drop_topics(self, topics: Sequence[int]) -> "TopicModel":
        """Remove topics: the shares of the others are renormalised, and documents go to their next topics."""
        return self.edit(edits.drop(topics))

    def reduce_topics(self, n_topics: int) -> "TopicModel":
        """Merge similar topics, by Ward linkage, until so many are left; see `hierarchical_topics`."""
        return self.edit(hierarchy.reduction(self._fitted.view, n_topics))

    def rename(self, names: Mapping[int, str]) -> "TopicModel":
        """Name topics, by number: ``rename({3: "space exploration"})``. Names are distinct."""
        return self.edit(edits.rename(names))

    def set_topic_names(self, names: Mapping[int, str] | Sequence[str]) -> "TopicModel":
        """Name topics, by number as `rename` does, or all of them by a list in the order of `topic_ids_`."""
        return self.rename(table.names_by_topic(self._fitted.view, names))

    def exclude_words(self, words: Sequence[str]) -> "TopicModel":
        """Remove words from the vocabulary of the topics; mixtures stay as they are."""
        return self.edit(edits.exclude(words))

    def update_topics(self, docs: Iterable[str] | Corpus, vocabulary: Any = 2000) -> "TopicModel":
        """Describe the topics by other words, for instance phrases; mixtures stay as they are, and `undo` works.

        Parameters
        ----------
        docs : iterable of str or Corpus
            The training documents in their order.
        vocabulary : int, sequence of str, Vocabulary or CountVectorizer, default=2000
            As the parameter of the model, such as ``CountVectorizer(ngram_range=(1, 2), stop_words="english")``.

        Returns
        -------
        TopicModel
            This model.
        """
        return self.edit(rewording.reword(self._fitted.view, as_corpus(docs).texts, vocabulary, self.language))

    def renumber(self) -> "TopicModel":
        """Number the topics 0, 1, … without gaps, in their order."""
        return self.edit(edits.Renumber())

    def undo(self) -> "TopicModel":
        """Take back the last edit."""
        self._set_edits(edits.without_last(self._fitted.edits))
        self.changes_ = None
        return self

    def reset(self) -> "TopicModel":
        """Take back all edits."""
        self._set_edits(())
        self.changes_ = None
        return self

    def suggest_edits(self) -> pd.DataFrame:
        """Propose merges of near-duplicate topics and removals of junk; changes nothing.

        Returns
        -------
        DataFrame
            Edit (a value for `edit`), Topics, Names, Reason; one proposal a row.
        """
        return suggestions.suggest_edits(self._fitted.view)

    @property
    def topic_ids_(self) -> np.ndarray:
        return np.array(self._fitted.view.topic_ids)

    @property
    def topic_names_(self) -> list[str]:
        return table.topic_names(self._fitted.view)

    def topics_over_time(
        self,
        times: Iterable[Any] | None = None,
        *,
        bins: int | str | None = None,
        format: str | None = None,
        docs: Sequence[str] | None = None,
        theta: DocTopic | None = None,
    ) -> pd.DataFrame:
        """Shares of the topics in each period, with 95 % intervals, and their words there.

        Parameters
        ----------
        times : iterable or None, default=None
            Time of each document: ISO dates, datetimes, epoch numbers or years. None: those given to `fit` in a
            `Corpus`.
        bins : int, str or None, default=None
            Number of periods of equal length; or "hour", "day", "week", "month", "quarter", "year" or a frequency of
            pandas. None: the shortest of these of which there are at most 24.
        format : str or None, default=None
            Format of the times as in `datetime.strptime`.
        docs : sequence of str or None, default=None
            Texts of the documents, for Words. None: the beginnings that the model keeps.
        theta : ndarray of shape (n_documents, n_topics) or None, default=None
            Mixtures of other documents, as `transform` returns them; None for the training documents.

        Returns
        -------
        DataFrame
            A row for each period and topic, periods without documents included: Topic, Name, Bin_Start, Count, Share,
            Low, High, Words. See `softtopic.topics.dynamics.topics_over_time`.
        """
        return dynamics.topics_over_time(self._assignments(docs, theta), times, bins=bins, format=format)

    def trend_test(
        self,
        times: Iterable[Any] | None = None,
        *,
        bins: int | str | None = None,
        format: str | None = None,
        theta: DocTopic | None = None,
        alpha: float = 0.05,
    ) -> pd.DataFrame:
        """Test which topics rise and which fall, corrected for their number; parameters as of `topics_over_time`.

        Returns
        -------
        DataFrame
            A row for each topic, smallest p-value first: Topic, Name, Trend ("rising", "falling" or ""), Early, Late,
            Statistic, P, Adjusted_P. See `softtopic.topics.dynamics.trend_test`.
        """
        documents = self._assignments(None, theta)
        return dynamics.trend_test(documents, times, bins=bins, format=format, alpha=alpha)

    def topics_per_class(
        self, classes: Iterable[Any], *, docs: Sequence[str] | None = None, theta: DocTopic | None = None
    ) -> pd.DataFrame:
        """Shares of the topics in each class of documents, compared with all other classes.

        Parameters
        ----------
        classes : iterable
            Class of each document; "language": the language of each, among those of the model. Words are then those of
            the topic in the language.
        docs, theta
            See `topics_over_time`.

        Returns
        -------
        DataFrame
            A row for each class and topic: Topic, Name, Class, Count, Share, Low, High, Ratio, P, Adjusted_P, Words.
            See `softtopic.topics.groups.topics_per_class`.
        """
        documents = self._assignments(docs, theta)
        if isinstance(classes, str) and classes == "language":
            return languages.topics_per_language(self._fitted.view, documents)
        return groups.topics_per_class(documents, classes)

    def name_topics(
        self,
        texts: Sequence[str] | None = None,
        *,
        lm: str | Teacher | None = None,
        lm_model: str | None = None,
        language: str = "auto",
        config: NamingConfig = NamingConfig(),
    ) -> dict[int, str]:
        """Name the topics in one to four words, by the language model and the sentence encoder on this machine.

        Parameters
        ----------
        texts : sequence of str or None, default=None
            Training documents in their order; None: their beginnings, which the model holds.
        lm : str, Teacher or None, default=None
            Another language model on this machine, or the address of an OpenAI-compatible server, which is sent the
            topics' words and the beginnings of some documents. None: that of the fit if it is here, else the embedded
            one.
        lm_model : str or None, default=None
            Name of the model, for servers that have several.
        language : str, default="auto"
            Language of the names; "auto" is that of the documents. Where the language model cannot write it, names are
            phrases of the documents; if the documents are in another language, topics keep their names, and those
            without one are named by their first words. A warning says so.
        config : NamingConfig

        Returns
        -------
        dict of int to str
            Number of each topic and its new name; names are distinct. They are set by one edit, see `rename` and
            `undo`. Topics that keep their names, as guided topics do, are left out.

        Raises
        ------
        InputError
            If there are no texts, or not as many as training documents, or the language is not known.

        Examples
        --------
        >>> model.name_topics()  # doctest: +SKIP
        {0: 'space exploration', 1: 'hockey season', ...}
        """
        from softtopic.pipeline import naming

        source = naming.texts_of_topics(self._fitted.view, texts, self.language, config, names=language)
        names = naming.name_topics(
            self._fitted, source, lm=lm, lm_model=lm_model, embedder=self.embedder, config=config
        )
        names = naming.without_guided(names, self._fitted.view, self.state_)
        if names:
            self.rename(names)
        return names

    def visualize_barchart(
        self, topics: Sequence[int] | None = None, top_n_topics: int = 8, n_words: int = 5, **layout: Any
    ) -> Any:
        """Bars for the first words of topics, those given or the largest; see `softtopic.plots.words`.

        All `visualize_` methods return a figure of plotly, which `pip install 'softtopic[plots]'` installs, and take
        settings of its layout, such as title, width and height.
        """
        return word_plots.visualize_barchart(self._fitted.view, topics, top_n_topics, n_words, **layout)

    def visualize_term_rank(
        self, topics: Sequence[int] | None = None, log_scale: bool = False, n_words: int = 30, **layout: Any
    ) -> Any:
        """Probabilities of the words of each topic in descending order; `topics` are in colour."""
        return word_plots.visualize_term_rank(self._fitted.view, topics, log_scale, n_words, **layout)

    def visualize_topics(
        self, topics: Sequence[int] | None = None, top_n_topics: int | None = None, **layout: Any
    ) -> Any:
        """Map of the topics as discs, see `softtopic.plots.maps`."""
        place = self._fitted.document_map
        return maps.visualize_topics(self._fitted.view, topics, top_n_topics, reduced_embeddings=place, **layout)

    def visualize_documents(
        self,
        docs: Sequence[str] | None = None,
        topics: Sequence[int] | None = None,
        *,
        reduced_embeddings: np.ndarray | None = None,
        sample: float | None = None,
        **layout: Any,
    ) -> Any:
        """Map of the training documents, coloured by topic.

        Parameters
        ----------
        docs : sequence of str or None, default=None
            Their texts in order, for the hover texts; None for the beginnings that the model keeps.
        topics : sequence of int or None, default=None
            Numbers of the topics in colour; None for all.
        reduced_embeddings : ndarray of shape (n_documents, 2) or None, default=None
            Coordinates of the documents, from UMAP for instance. None: t-SNE by mixtures and vectors, in a few seconds.
        sample : float in (0, 1] or None, default=None
            Share of the documents of each topic to show.
        **layout
            Settings of a plotly layout.
        """
        place = self._fitted.document_map if reduced_embeddings is None else reduced_embeddings
        state = self._fitted.view
        return maps.visualize_documents(state, docs, topics, sample=sample, reduced_embeddings=place, **layout)

    def visualize_heatmap(
        self, topics: Sequence[int] | None = None, top_n_topics: int | None = None, **layout: Any
    ) -> Any:
        """Similarity of the word distributions of topics, similar topics side by side."""
        return similarity.visualize_heatmap(self._fitted.view, topics, top_n_topics, **layout)

    def visualize_hierarchy(
        self, topics: Sequence[int] | None = None, top_n_topics: int | None = None, **layout: Any
    ) -> Any:
        """Tree of the topics, see `hierarchical_topics`."""
        return similarity.visualize_hierarchy(self._fitted.view, topics, top_n_topics, **layout)

    def visualize_topics_over_time(
        self,
        topics_over_time: pd.DataFrame | None = None,
        topics: Sequence[int] | None = None,
        top_n_topics: int = 8,
        **layout: Any,
    ) -> Any:
        """Shares of topics over time with intervals, from a table of `topics_over_time`; None: its defaults."""
        frame = self.topics_over_time() if topics_over_time is None else topics_over_time
        return shares.visualize_topics_over_time(frame, topics, top_n_topics, **layout)

    def visualize_topics_per_class(
        self,
        topics_per_class: pd.DataFrame,
        topics: Sequence[int] | None = None,
        top_n_topics: int = 8,
        **layout: Any,
    ) -> Any:
        """Shares of topics in each class with intervals, from a table of `topics_per_class`."""
        return shares.visualize_topics_per_class(topics_per_class, topics, top_n_topics, **layout)

    def visualize_distribution(self, document: str | np.ndarray, min_probability: float = 0.015, **layout: Any) -> Any:
        """Shares of topics in a document: a text, with the topic of each of its sentences, or a row of `transform`."""
        if isinstance(document, str):
            sentences: Any = self.explain(document)
            mixture = self._mixtures(as_corpus([document]))[0]
        else:
            sentences, mixture = None, document
        return single_document.visualize_distribution(self._fitted.view, mixture, sentences, min_probability, **layout)

    def visualize_selection(self, **layout: Any) -> Any:
        """How ``n_topics="auto"`` chose the number of topics, see `selection_`."""
        return choices.visualize_selection(self.selection_, **layout)

    def visualize_stability(self, others: Sequence["TopicModel"], **layout: Any) -> Any:
        """Similarity of each topic to its partner in other fits of the same documents, such as with other seeds."""
        return choices.visualize_stability(self, others, **layout)

    def report(
        self,
        path: str | Path,
        *,
        classes: Iterable[Any] | None = None,
        times: Iterable[Any] | None = None,
        title: str = "Topics",
    ) -> None:
        """Write one HTML page to explore topics and documents, which loads nothing from the network.

        Of the documents' texts it shows the beginnings that the model keeps, at most 300 characters of each.

        Parameters
        ----------
        path : str or Path
            File to write, .html.
        classes : iterable or None, default=None
            Class of each training document, to filter by.
        times : iterable or None, default=None
            Time of each training document; None for those given to `fit`, if any.
        title : str, default="Topics"
        """
        view, place = self._fitted.view, self._fitted.document_map
        write_report(view, Path(path), coordinates=place, classes=classes, times=times, title=title)

    def export(
        self,
        path: str | Path,
        *,
        classes: Iterable[Any] | None = None,
        times: Iterable[Any] | None = None,
        format: str | None = None,
    ) -> dict[str, int]:
        """Write topics, documents, trends and groups as a workbook or as files, or the topics as a graph.

        Parameters
        ----------
        path : str or Path
            .xlsx for a workbook with a sheet for each table, .graphml for the hierarchy and the similarity of topics,
            else a folder with a file for each table.
        classes : iterable or None, default=None
            Class of each training document, for the table of groups.
        times : iterable or None, default=None
            Time of each training document, for the table of trends; None for those given to `fit`, if any.
        format : {"csv", "parquet"} or None, default=None
            Of the files of a folder; None: CSV.

        Returns
        -------
        dict of str to int
            Number of rows of each table.
        """
        return export.export(self._fitted.view, Path(path), classes=classes, times=times, format=format)

    @property
    def topics(self) -> Topics:
        """Words of the topics: ``topics.top_words(10)`` is a list of words for each topic."""
        return table.topics_of(self._fitted.view)

    @property
    def topics_(self) -> DocInt:
        return self._fitted.view.topics

    @property
    def probabilities_(self) -> DocTopic:
        return self._fitted.view.theta

    @property
    def components_(self) -> TopicVocab:
        return self._fitted.view.topic_word

    @property
    def relevance_(self) -> TopicVocab | None:
        return self._fitted.view.relevance

    @property
    def vocabulary_(self) -> Vocabulary:
        return self._fitted.view.vocabulary

    @property
    def recipe_(self) -> Recipe:
        return self._fitted.state.recipe

    @property
    def selection_(self) -> Selection | None:
        return self._fitted.state.selection

    @property
    def training_(self) -> TrainingReport | None:
        return self._fitted.state.training

    @property
    def teacher_(self) -> BaseTeacher | None:
        """Language model that read the documents; None if none was needed."""
        return self._fitted.language_model

    @property
    def _fitted(self) -> Predictor:
        if "_predictor" not in vars(self):
            if "state_" not in vars(self):
                raise NotFittedError("this TopicModel is not fitted yet; call fit with texts, or load a model folder")
            with _OPENING:
                if "_predictor" not in vars(self):
                    self._predictor = Predictor(self.state_, edits=self.edits_)
        return self._predictor

    def _set_state(
        self,
        state: FittedState,
        teacher: BaseTeacher | None,
        device: str = "auto",
        edits: tuple[Edit, ...] = (),
        changes: pd.DataFrame | None = None,
    ) -> None:
        self.state_, self.edits_, self.changes_ = state, edits, changes
        self._predictor = Predictor(state, teacher, device, edits)

    def _set_edits(self, edits: tuple[Edit, ...]) -> "TopicModel":
        # Nothing is changed where an edit does not fit the state.
        self._predictor = self._fitted.with_edits(edits)
        self.edits_ = edits
        return self

    def _assignments(self, docs: Sequence[str] | None, theta: DocTopic | None) -> Assignments:
        """The training documents with their topics, or others with mixtures `theta`."""
        state, trained = self._fitted.state, theta is None
        return Assignments(
            theta=self.probabilities_ if theta is None else np.asarray(theta),
            names=self.topic_names_,
            vocabulary=self.vocabulary_,
            texts=tuple(docs) if docs is not None else state.excerpts if trained else (),
            times=state.times if trained else None,
            topic_ids=self.topic_ids_.tolist(),
            blank=state.blank if trained else np.empty(0, dtype=np.int64),
        )

    def _mixtures(self, corpus: Corpus | None, **vectors: Any) -> DocTopic:
        return self._fitted.transform(corpus, **self._reading(**vectors))

    def _reading(self, **given: Any) -> dict[str, Any]:
        """How documents are read, and what the caller knows of them."""
        how: dict[str, Any] = {"embedder": self.embedder, "keep": self.features is not None, "progress": self.progress}
        return how | given

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

    def _repr_html_inner(self) -> str:
        return self._repr_mimebundle_()["text/html"]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """What a notebook shows: the topics of a fitted model, else the parameters as scikit-learn does."""
        fitted = {"text/html": topics_html(self._fitted.view)} if "state_" in vars(self) else {}
        return super()._repr_mimebundle_(**kwargs) | fitted

    def __getstate__(self) -> dict[str, Any]:
        """Without opened models: a copy opens its own."""
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_predictor", "plan_")}


# `set_output` is there for what scikit-learn wraps; `transform` wraps its own result.
TopicModel._sklearn_auto_wrap_output_keys = {"transform"}  # type: ignore[attr-defined]

_OPENING = RLock()

load = TopicModel.load
