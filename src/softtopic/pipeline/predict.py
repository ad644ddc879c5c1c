"""Topic mixtures of documents, old or new, under a fitted state."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from threading import RLock
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_matrix

from softtopic.backbones.base import Backbone, BatchInputs
from softtopic.backbones.batch import SparseBatch
from softtopic.backbones.registry import build_backbone
from softtopic.backbones.settings import Sizes
from softtopic.data.corpus import Corpus
from softtopic.errors import InputError
from softtopic.features.extraction import extract, is_cached
from softtopic.inputs.projection import project
from softtopic.inputs.registry import Inputs, Sources, check_vectors, inputs_from_vectors, make_inputs
from softtopic.lm.devices import pick_device
from softtopic.lm.encoder import Embedder, SentenceEncoder
from softtopic.pipeline.represent import MIN_KEPT, encode_with
from softtopic.state import FittedState
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.opening import teacher_from_description
from softtopic.topics.edits import Edit, EditedState, apply
from softtopic.topics.map import document_map
from softtopic.topics.retrieval import RetrievalIndex
from softtopic.types import DocHidden, DocTopic

_BLOCK = 4096


@torch.inference_mode()
def infer(backbone: Backbone, inputs: Inputs) -> DocTopic:
    """Topic mixtures of all rows of the inputs; rows sum to 1."""
    device = next(backbone.parameters()).device
    inputs, sparse = inputs.trailing_sparse() if backbone.takes_sparse else (inputs, None)

    def block(rows: slice) -> BatchInputs:
        dense = torch.from_numpy(inputs.dense(rows.start, rows.stop)).to(device).float()
        return dense if sparse is None else SparseBatch.of(dense, csr_matrix(sparse[rows]))

    starts = range(0, len(inputs), _BLOCK)
    blocks = [backbone.infer(block(slice(start, start + _BLOCK))).cpu().numpy() for start in starts]
    return np.concatenate(blocks) if blocks else np.empty((0, backbone.sizes.n_topics), dtype=np.float32)


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


def restore_backbone(state: FittedState, device: torch.device) -> Backbone:
    """The trained topic model of a state, in evaluation mode; raises InputError where weights do not fit."""
    sizes = Sizes(
        n_inputs=sum(state.widths.values()),
        n_topics=state.n_topics,
        n_words=len(state.vocabulary),
        word_width=state.word_width,
    )
    settings = state.recipe.backbone.resolved(state.recipe.training.temperature)
    backbone = build_backbone(settings, sizes, torch.Generator())
    backbone.load_weights(state.weights)
    return backbone.to(device).eval()


@dataclass(eq=False)
class Predictor:
    """Models that a fitted state needs for new documents; each is opened once, when it is first needed.

    Safe to use from several threads. After a fork torch's threads are gone, and a child process computes on one.

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
    _process: int = field(default_factory=os.getpid, repr=False)

    @property
    def backbone(self) -> Backbone:
        return self._once("backbone", lambda: restore_backbone(self.state, self.torch_device))

    @property
    def torch_device(self) -> torch.device:
        return pick_device(self.device) if self.teacher is None else self.teacher.device

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
        device = str(self.torch_device)
        return self._once(f"encoder {name}", lambda: SentenceEncoder(name, max_tokens=limit, device=device))

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        with self._lock:
            if os.getpid() != self._process:
                # OpenMP's threads do not survive a fork; waiting for them would take forever.
                torch.set_num_threads(1)
                self._process = os.getpid()
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
            inputs = inputs_from_vectors(state.widths, vectors)
            return self.edited.mixtures(infer(self.backbone, inputs), self._vectors(inputs))
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
        theta = self.edited.mixtures(infer(self.backbone, inputs), self._vectors(inputs))
        return mixtures_of_all(corpus, theta, self.view.mean_theta)

    def _vectors(self, inputs: Inputs) -> DocHidden | None:
        """Vectors of documents, where a topic was split."""
        if not self.edited.needs_vectors or self.state.vectors is None:
            return None
        return project(inputs, self.state.vectors.components)

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
            encode = encode_with(encoder, keep=keep, progress=progress, device=str(self.torch_device))
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
