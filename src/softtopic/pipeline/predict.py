"""Topic mixtures of documents, old or new, under a fitted state."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from threading import RLock
from typing import Any

import numpy as np
from jaxtyping import Float

from softtopic.backbones.inference import infer
from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.features.extraction import extract, is_cached
from softtopic.inputs.projection import project
from softtopic.inputs.registry import Inputs, Sources, check_vectors, inputs_from_vectors, make_inputs
from softtopic.lm.config import Embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.pipeline.represent import MIN_KEPT, encode_with
from softtopic.state import FittedState
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.opening import teacher_from_description
from softtopic.topics.edits import Edit, EditedState, apply
from softtopic.topics.map import document_map
from softtopic.topics.retrieval import RetrievalIndex
from softtopic.types import DocHidden, DocTopic


def mixtures_of_all(
    corpus: Corpus, theta: DocTopic, mean_theta: Float[np.ndarray, " topics"]
) -> Float[np.ndarray, "all_docs topics"]:
    """Mixtures of the distinct documents → mixtures of all; blank ones get the mean, and a warning."""
    if corpus.n_empty:
        warnings.warn(
            f"{corpus.n_empty} of {len(corpus)} documents are empty; their topic mixture is the mean of the others",
            stacklevel=4,
        )
    # Row -1, for blank documents, is the last one.
    return np.vstack([theta, mean_theta])[corpus.distinct.rows]


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

    def with_edits(self, edits: tuple[Edit, ...]) -> "Predictor":
        """The same models after other edits; raises InputError where they do not fit the state."""
        known = len(self.edits)
        if edits[:known] == self.edits:
            edited = reduce(lambda done, edit: edit.apply(done), edits[known:], self.edited)
        else:
            edited = apply(self.state, edits)
        with self._lock:
            opened = {name: value for name, value in self._opened.items() if name != "index"} | {"edited": edited}
            return replace(self, edits=edits, _opened=opened)

    @property
    def index(self) -> RetrievalIndex:
        """Index of the mixtures of the training documents with text."""
        return self._once("index", lambda: RetrievalIndex(self.view.theta[self.view.with_text]))

    @property
    def document_map(self) -> Float[np.ndarray, "docs 2"]:
        """Coordinates of the training documents; edits leave them where they are."""
        return self._once("map", lambda: document_map(self.state))

    @property
    def language_model(self) -> BaseTeacher | None:
        """The language model that read the documents; None where there was none."""
        if self.teacher is not None or self.state.teacher is None:
            return self.teacher
        about = self.state.teacher
        return self._once("teacher", lambda: teacher_from_description(about, device=self.device))

    def encoder(self, embedder: str | Embedder | None) -> Embedder | None:
        """The encoder of new texts: the caller's if there is one, else that of the state."""
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
        embedder: str | Embedder | None = None,
        keep: bool = False,
        progress: bool = False,
    ) -> DocTopic:
        """Topic mixtures of documents, from texts, vectors or both; see `TopicModel.transform`."""
        state = self.state
        if corpus is None:
            vectors = {"hidden": hidden, "embedding": embeddings}
            return self._mixtures(inputs_from_vectors(state.widths, vectors))
        if hidden is not None:
            # Vectors of the caller's may differ where texts do not.
            corpus = Corpus.from_rows(corpus.texts)
            hidden = check_vectors("hidden", hidden, len(corpus), state.widths)
        if embeddings is not None:
            embeddings = check_vectors("embedding", embeddings, len(corpus), state.widths)[corpus.distinct.first]
        if not corpus.distinct.texts:
            view = self.view
            return mixtures_of_all(corpus, np.empty((0, view.n_topics), dtype=np.float32), view.mean_theta)
        if hidden is None and "hidden" in state.widths:
            hidden = self._read(corpus, keep=keep, progress=progress)
        inputs = make_inputs(state.recipe.inputs, self._sources(corpus, hidden, embeddings, embedder, keep, progress))
        for name, width in inputs.widths.items():
            if width != state.widths[name]:
                raise InputError(f"{name} has {width} columns; expected [documents, {state.widths[name]}]")
        return mixtures_of_all(corpus, self._mixtures(inputs), self.view.mean_theta)

    def _mixtures(self, inputs: Inputs) -> DocTopic:
        """Mixtures of the topics as they are after the edits."""
        state, edited = self.state, self.edited
        theta = infer(state.weights, state.recipe.backbone, inputs)
        # A topic that was split has a classifier of the documents' vectors.
        vectors = None
        if edited.needs_vectors and state.vectors is not None:
            vectors = project(inputs, state.vectors.components)
        return edited.mixtures(theta, vectors)

    def _sources(
        self,
        corpus: Corpus,
        hidden: DocHidden | None,
        embeddings: np.ndarray | None,
        embedder: str | Embedder | None,
        keep: bool,
        progress: bool,
    ) -> Sources:
        if embeddings is not None:
            encode = lambda _: embeddings  # noqa: E731
        elif "embedding" not in self.state.widths:
            encode = None
        else:
            encoder = self.encoder(embedder)
            if encoder is None:
                raise InputError(
                    "the model was fitted with vectors of your own; give embeddings=, or set model.embedder"
                )
            encode = encode_with(encoder, keep=keep, progress=progress, device=self.encoder_device)
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

    def _read(self, corpus: Corpus, *, keep: bool, progress: bool) -> DocHidden:
        """Hidden states of the distinct documents."""
        teacher = self.language_model
        if teacher is None:
            raise InputError("the model reads hidden states of an unknown language model; give hidden=")
        keep = keep and len(corpus.distinct.texts) >= MIN_KEPT
        if not (keep and is_cached(corpus, self.state.vocabulary, teacher)):
            teacher = teacher.hidden_only
        kept = "auto" if keep else None
        return extract(corpus, self.state.vocabulary, teacher, features=kept, progress=progress).hidden
