"""Topic mixtures of documents, old or new, under a fitted state."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix

from softtopic.backbones.inference import Weights, mixtures, takes_sparse
from softtopic.backbones.settings import BackboneSettings
from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.features.extraction import extract, is_cached
from softtopic.inputs.language_axes import without_language
from softtopic.inputs.projection import project
from softtopic.inputs.registry import Inputs, Sources, check_vectors, inputs_from_vectors, make_inputs
from softtopic.lm.config import Embedder, as_embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.pipeline.represent import are_kept, encode_with
from softtopic.retrieval.hybrid import WordIndex
from softtopic.retrieval.index import RetrievalIndex
from softtopic.state import FittedState, scaled
from softtopic.storage.progress import RunClock
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.opening import teacher_from_description
from softtopic.topics.documents import known_vectors
from softtopic.topics.edits import Edit, EditedState, apply
from softtopic.topics.map import document_map
from softtopic.topics.novelty import NoveltyScale, cosine_distances
from softtopic.topics.search import checked_index, index_of, saved_index, word_index
from softtopic.types import DocHidden, DocTopic

# What of a predictor depends on the documents of its state.
_OF_DOCUMENTS = ("index", "words", "novelty", "edited", "map")
_OF_EDITS = ("index", "novelty")


# Documents whose inputs are dense at the same time.
_BLOCK = 4096


def infer(weights: Weights, settings: BackboneSettings, inputs: Inputs) -> DocTopic:
    """Topic mixtures of all rows of the inputs, by the weights of a trained backbone; rows sum to 1."""
    inputs, sparse = inputs.trailing_sparse() if takes_sparse(settings) else (inputs, None)
    blocks = []
    # One block where there are no rows: it has the number of topics.
    for start in range(0, max(1, len(inputs)), _BLOCK):
        rows = slice(start, start + _BLOCK)
        tail = None if sparse is None else csr_matrix(sparse[rows])
        blocks.append(mixtures(weights, settings, inputs.dense(rows.start, rows.stop), tail))
    return np.concatenate(blocks)


def mixtures_of_all(
    corpus: Corpus, theta: DocTopic, mean_theta: Float[np.ndarray, " topics"]
) -> Float[np.ndarray, "all_docs topics"]:
    """Mixtures of the distinct documents → mixtures of all; blank ones get the mean, and a warning."""
    warn_of_blank(corpus)
    return rows_of_all(corpus, theta, mean_theta)


def warn_of_blank(corpus: Corpus) -> None:
    """Warn that blank documents have the mean mixture."""
    if corpus.n_empty:
        warnings.warn(
            f"{corpus.n_empty:,} of {len(corpus):,} documents are empty; their topic mixture is the mean of the others",
            stacklevel=5,
        )


def rows_of_all(corpus: Corpus, rows: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """Rows of the distinct documents → rows of all; `blank` is that of blank documents."""
    # Row -1, for blank documents, is the last one.
    return np.vstack([rows, blank])[corpus.distinct.rows]


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """What a fitted model says of documents.

    Attributes
    ----------
    theta : ndarray of shape (n_documents, n_topics)
        Topic mixtures after the edits.
    fitted_theta : ndarray of shape (n_documents, n_fitted_topics)
        Topic mixtures before them.
    vectors : ndarray of shape (n_documents, width) or None
        Vectors as in `DocumentVectors`; None where they were not asked for, or the state has none.
    norms : ndarray of shape (n_documents,) or None
        Their norms.
    """

    theta: DocTopic
    fitted_theta: Float[np.ndarray, "docs fitted_topics"]
    vectors: DocHidden | None
    norms: Float[np.ndarray, " docs"] | None

    @property
    def projections(self) -> DocHidden:
        """See `DocumentVectors.projections`; raises ValueError where there are no vectors."""
        if self.vectors is None or self.norms is None:
            raise ValueError("vectors were not asked for")
        return scaled(self.vectors, self.norms)


@dataclass(eq=False)
class Predictor:
    """Models that a fitted state needs for new documents; each is opened once, when it is first needed.

    Mixtures are computed in NumPy; torch is imported where a sentence encoder or a language model is opened. Safe to
    use from several threads.

    Parameters
    ----------
    state : FittedState
    teacher : BaseTeacher or None
        The language model that read the documents; None to open it from its description.
    device : str, default="auto"
    edits : tuple of Edit, default=()
        What was changed after the fit, in order.
    """

    state: FittedState
    teacher: BaseTeacher | None = None
    device: str = "auto"
    edits: tuple[Edit, ...] = ()
    _lock: Any = field(default_factory=RLock, repr=False)
    _opened: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def encoder_device(self) -> str:
        """Where a sentence encoder computes."""
        return self.device if self.teacher is None else str(self.teacher.device)

    @property
    def edited(self) -> EditedState:
        """The state after the edits."""
        return self._once("edited", lambda: apply(self.state, self.edits))

    @property
    def view(self) -> FittedState:
        """What tables, search and names are of: the state after the edits."""
        return self.edited.state

    def with_documents(self, state: FittedState, edits: tuple[Edit, ...]) -> "Predictor":
        """The same models for a state that differs in its documents."""
        with self._lock:
            opened = {name: value for name, value in self._opened.items() if name.split()[0] not in _OF_DOCUMENTS}
            return replace(self, state=state, edits=edits, _opened=opened)

    def with_edits(self, edits: tuple[Edit, ...]) -> "Predictor":
        """The same models after other edits; raises InputError where they do not fit the state."""
        known = len(self.edits)
        if edits[:known] == self.edits:
            edited = reduce(lambda done, edit: edit.apply(done), edits[known:], self.edited)
        else:
            edited = apply(self.state, edits)
        with self._lock:
            opened = {name: value for name, value in self._opened.items() if name.split()[0] not in _OF_EDITS}
            opened["edited"] = edited
            return replace(self, edits=edits, _opened=opened)

    def index(self, source: RetrievalIndex | str | Path | None = None) -> RetrievalIndex:
        """Index of the mixtures of the training documents with text: the one given, saved in a folder, or in memory."""
        if source is None:
            return self._once("index", lambda: index_of(self.view))
        if not isinstance(source, str | Path):
            # The index is kept, so that no other one has its id.
            return self._once(f"index {id(source)}", lambda: checked_index(self.view, source))
        return self._once(f"index {source}", lambda: saved_index(self.view, source))

    @property
    def words(self) -> WordIndex:
        """Index of the words of the training documents with text."""
        return self._once("words", lambda: word_index(self.state))

    @property
    def document_map(self) -> Float[np.ndarray, "docs 2"]:
        """Coordinates of the training documents; edits leave them where they are."""
        return self._once("map", lambda: document_map(self.state))

    @property
    def novelty_scale(self) -> NoveltyScale:
        """Where the topics are, and how far from them the training documents are."""
        return self._once("novelty", lambda: NoveltyScale.of(self.view))

    @property
    def language_model(self) -> BaseTeacher | None:
        """The language model that read the documents; None where there was none."""
        if self.teacher is not None or self.state.teacher is None:
            return self.teacher
        about = self.state.teacher
        return self._once("teacher", lambda: teacher_from_description(about, device=self.device))

    def encoder(self, embedder: Any) -> Embedder | None:
        """The encoder of new texts: the caller's if there is one, else that of the state."""
        embedder = as_embedder(embedder)
        if callable(embedder):
            return embedder
        name = embedder or self.state.encoder
        if name is None:
            return None
        limit = self.state.recipe.encoder.max_tokens
        device = self.encoder_device
        return self._once(f"encoder {name}", lambda: SentenceEncoder(name, max_tokens=limit, device=device))

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        with self._lock:
            if name not in self._opened:
                self._opened[name] = make()
            return self._opened[name]

    def transform(
        self,
        corpus: Corpus | None,
        *,
        hidden: Any = None,
        embeddings: Any = None,
        embedder: Any = None,
        keep: bool = False,
        progress: bool | RunClock = False,
    ) -> DocTopic:
        """Topic mixtures of documents, from texts, vectors or both; see `TopicModel.transform`."""
        made = self.make_inputs(
            corpus, hidden=hidden, embeddings=embeddings, embedder=embedder, keep=keep, progress=progress
        )
        if made[0] is not None:
            warn_of_blank(made[0])
        return self.predict(*made, with_vectors=self.edited.needs_vectors).theta

    def novelty(self, corpus: Corpus | None, **options: Any) -> Float[np.ndarray, " docs"]:
        """Novelty of documents, NaN where they are blank; see `TopicModel.novelty`."""
        return self.novelty_scale.novelty(*self._placed(corpus, **options))

    def describe(
        self, corpus: Corpus | None, **options: Any
    ) -> tuple[DocTopic | None, Float[np.ndarray, " docs"] | None]:
        """Mixtures of documents, and their novelty where there are vectors; without a corpus novelty of the model's."""
        known = self.state.vectors
        if corpus is None:
            return None, None if known is None else self.novelty(None)
        warn_of_blank(corpus)
        found = self.predict(*self.make_inputs(corpus, **options))
        novelty = None if found.vectors is None else self.novelty_scale.novelty(found.projections, corpus.blank)
        return found.theta, novelty

    def topic_distances(self, corpus: Corpus | None, **options: Any) -> DocTopic:
        """Cosine distances of documents to topics; see `TopicModel.topic_distances`."""
        return cosine_distances(self._placed(corpus, **options)[0], self.novelty_scale.centers)

    def _placed(self, corpus: Corpus | None, **options: Any) -> tuple[DocHidden, np.ndarray]:
        """Projections of documents, those of the model where there are no others, and the rows of blank ones."""
        known = known_vectors(self.state)
        if corpus is None and options.get("hidden") is None and options.get("embeddings") is None:
            return known.projections, self.state.blank
        vectors = self.predict(*self.make_inputs(corpus, **options)).projections
        return vectors, np.empty(0, dtype=np.int64) if corpus is None else corpus.blank

    def make_inputs(
        self,
        corpus: Corpus | None,
        *,
        hidden: Any = None,
        embeddings: Any = None,
        embedder: Any = None,
        keep: bool = False,
        progress: bool | RunClock = False,
    ) -> tuple[Corpus | None, Inputs | None]:
        """Inputs of the distinct documents, None where all are blank, and the corpus that they are the documents of."""
        state = self.state
        if corpus is None:
            inputs = inputs_from_vectors(state.widths, {"hidden": hidden, "embedding": embeddings})
            blocks = {
                name: self._shared(block) if name == "embedding" else block for name, block in inputs.blocks.items()
            }
            return None, Inputs(blocks)
        if hidden is not None:
            # Vectors of the caller's may differ where texts do not.
            corpus = Corpus.from_rows(corpus.texts)
            hidden = check_vectors("hidden", hidden, len(corpus), state.widths)
        if embeddings is not None:
            embeddings = check_vectors("embedding", embeddings, len(corpus), state.widths)[corpus.distinct.first]
        if not corpus.distinct.texts:
            return corpus, None
        if hidden is None and "hidden" in state.widths:
            hidden = self._read(corpus, keep=keep, progress=progress)
        inputs = make_inputs(state.recipe.inputs, self._sources(corpus, hidden, embeddings, embedder, keep, progress))
        for name, width in inputs.widths.items():
            if width != state.widths[name]:
                raise InputError(f"{name} has {width} columns; expected [documents, {state.widths[name]}]")
        return corpus, inputs

    def predict(self, corpus: Corpus | None, inputs: Inputs | None, *, with_vectors: bool = True) -> Prediction:
        """Mixtures and vectors of the documents of a corpus, or of the rows of inputs where there is no corpus."""
        state, known = self.state, self.state.vectors
        vectors, norms = None, None
        fitted = np.empty((0, state.n_topics), dtype=np.float32)
        if inputs is not None:
            fitted = infer(state.weights, state.recipe.backbone, inputs)
        if with_vectors and known is not None:
            vectors, norms = np.zeros_like(known.documents[:0]), np.zeros(0, dtype=np.float16)
            if inputs is not None:
                vectors, norms = project(inputs, known.components)
        theta = self.edited.mixtures(fitted, vectors)
        if corpus is not None:
            theta = rows_of_all(corpus, theta, self.view.mean_theta)
            fitted = rows_of_all(corpus, fitted, state.mean_theta)
            vectors = (
                None
                if vectors is None
                else rows_of_all(corpus, vectors, np.zeros_like(vectors, shape=vectors.shape[1]))
            )
            norms = None if norms is None else np.append(norms, np.zeros_like(norms, shape=1))[corpus.distinct.rows]
        return Prediction(theta=theta, fitted_theta=fitted, vectors=vectors, norms=norms)

    def _sources(
        self,
        corpus: Corpus,
        hidden: DocHidden | None,
        embeddings: np.ndarray | None,
        embedder: Any,
        keep: bool,
        progress: bool | RunClock,
    ) -> Sources:
        if embeddings is not None:
            encode = lambda _: self._shared(embeddings)  # noqa: E731
        elif "embedding" not in self.state.widths:
            encode = None
        else:
            encoder = self.encoder(embedder)
            if encoder is None:
                raise InputError(
                    "the model was fitted with vectors of your own; give embeddings=, or set model.embedder"
                )
            plain = encode_with(encoder, keep=keep, progress=progress, device=self.encoder_device)
            encode = lambda texts: self._shared(plain(texts))  # noqa: E731
        return Sources(
            texts=corpus.distinct.texts,
            vocabulary=self.state.vocabulary,
            config=self.state.recipe.words,
            hidden=hidden,
            encode=encode,
            static=self.state.static,
            fitted_lsa=self.state.lsa,
            seed=self.state.seed,
        )

    def _shared(self, vectors: Any) -> Any:
        """Sentence vectors without what the fit removed from them: what tells languages apart."""
        return without_language(vectors, self.state.language_axes)

    def _read(self, corpus: Corpus, *, keep: bool, progress: bool | RunClock) -> DocHidden:
        """Hidden states of the distinct documents."""
        teacher = self.language_model
        if teacher is None:
            raise InputError("the model reads hidden states of an unknown language model; give hidden=")
        keep = keep and are_kept(corpus.distinct.texts)
        if not (keep and is_cached(corpus, self.state.vocabulary, teacher)):
            teacher = teacher.hidden_only
        kept = "auto" if keep else None
        return extract(corpus, self.state.vocabulary, teacher, features=kept, progress=progress).hidden
