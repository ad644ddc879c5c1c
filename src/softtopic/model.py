"""TopicModel: the estimator."""

import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from softtopic.backbones.registry import build_backbone, default_settings
from softtopic.backbones.settings import Sizes
from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, check_whole
from softtopic.features.extraction import extract, is_kept
from softtopic.features.store import Features
from softtopic.inputs.lsa import WordSpace
from softtopic.inputs.registry import Inputs, check_vectors, from_vectors, gather, split_target
from softtopic.inputs.word_vectors import WordVectors, word_matrix
from softtopic.lm.devices import pick_device
from softtopic.lm.encoder import SENTENCE_ENCODER, Embedder, embed, embedder_name, find_encoder
from softtopic.pipeline.sources import from_arrays, from_store
from softtopic.pipeline.subsample import Learnt
from softtopic.pipeline.targets import Targets, soft_targets
from softtopic.recipes import Recipe, get_recipe
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.calibration import CONTENT_FREE, Calibration
from softtopic.teacher.demonstrations import with_demonstrations
from softtopic.teacher.local import EMBEDDED, Teacher
from softtopic.teacher.opening import need_local, open_teacher
from softtopic.topics.inspection import Inspection
from softtopic.topics.words import excerpt, representative_documents
from softtopic.training.objective import soft_labels
from softtopic.training.trainer import TrainingReport, train
from softtopic.types import DocHidden, DocTopic, DocVocab

log = logging.getLogger(__name__)

# Fewer new documents than this are read in memory: keeping them would cost more than reading them again.
_KEEP_FROM = 256


# scikit-learn would wrap `transform` and ask for X even where hidden= is given.
class TopicModel(TransformerMixin, Inspection, BaseEstimator, auto_wrap_output_keys=None):
    """Topics of a text collection, distilled from a language model.

    Args:
        n_topics: number of topics, at least 2 and at most the number of distinct documents.
        recipe: "default", "light" (hidden states alone), "paper" (the published settings), a bag-of-words model
            ("prodlda", "zeroshottm", "combinedtm", "etm", "ecrtm", "fastopic"), or a Recipe.
        backbone: the topic model trained in place of the recipe's: "plsa", "prodlda", "etm", "ecrtm" or "fastopic".
        inputs: what it reads, likewise: "hidden", "embedding", "words", "tf-idf", "bow", "normalised-bow" joined by +.
        target: what it learns to say, "soft", "bow" or "soft+bow", likewise.
        embedder: makes the vectors of embedding inputs: a callable from a list of texts to an array [documents,
            width], or the name or folder of a SentenceEncoder. None: "all-minilm-l6-v2", unless `fit` gets vectors.
        word_vectors: where the words of ETM and ECRTM begin: WordVectors or a file of them.
        lm: the teacher: "smollm2-135m" (embedded), a local folder, a GGUF file, a Hugging Face id, the address of a
            server (see ServerTeacher), or a Teacher.
        sample: share of the distinct documents that the language model reads, above 0 and at most 1. What it would have
            said of the others is predicted; their words are an input instead of hidden states. None: as the recipe
            says ("default" reads at most 2,500), but all where `inputs` or a feature folder is named.
        demonstrations: "auto" shows the teacher examples chosen for the corpus without labels, "none" asks as it was
            given; None: as the recipe says, unless `lm` is a Teacher.
        vocabulary: a number of words to find in the texts, a list of words, a Vocabulary or a CountVectorizer.
        language: whose stop words are left out; "none" keeps all.
        features: where the teacher's work is kept: "auto" (the cache folder), a feature folder, or None (nowhere).
        random_state: seed of everything random.
        progress: show progress bars on standard error.

    After `fit`:
        topics_: topic with the largest share, one for each document, int64 [documents].
        probabilities_: theta, [documents, topics], rows sum to 1.
        components_: topic-word distributions, [topics, vocab], rows sum to 1.
        relevance_: the order in which words are shown, [topics, vocab]; None: their probability.
        vocabulary_, teacher_, training_: what was used and how training went.

    A blank document is not read: its theta is the mean of all others.

    """

    def __init__(
        self,
        n_topics: int | np.integer = 50,
        *,
        recipe: str | Recipe = "default",
        backbone: str | None = None,
        inputs: str | None = None,
        target: str | None = None,
        embedder: str | Embedder | None = None,
        word_vectors: WordVectors | str | Path | None = None,
        lm: str | BaseTeacher = EMBEDDED,
        sample: float | None = None,
        demonstrations: str | None = None,
        vocabulary: int | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer = 2000,
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

    def fit(
        self,
        X: Iterable[str] | Corpus | None = None,
        y: object = None,
        *,
        soft_labels: DocVocab | None = None,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> "TopicModel":
        """Find topics in texts. Returns self.

        Without texts the documents kept in the feature folder are taken. With `hidden` (any vectors, [documents,
        width]) and `soft_labels` (log probabilities of the words of `vocabulary`, [documents, vocab]) no language
        model is asked. `embeddings`, [documents, width], are the vectors of an input "embedding"; equal texts are
        one document, with the first one's vector. `y` is ignored: labels are never learnt from.
        """
        self._check()
        if soft_labels is not None:
            free = {"inputs": self.inputs is None, "target": self.target is None}
            self.recipe_ = self.recipe_.suited(free, texts=X is not None, embeddings=embeddings is not None)
            if hidden is None and "hidden" not in self.recipe_.inputs:
                hidden = embeddings
        if embeddings is None and "embedding" in self.recipe_.inputs and not callable(self.embedder):
            find_encoder(self.embedder or SENTENCE_ENCODER)  # before the language model has read for an hour
        corpus, features = self._features(X, soft_labels, hidden)
        self._check_enough(corpus)
        self.embedder_ = embedder_name(self.embedder, embeddings)
        self.calibration_ = self._calibrate(features, asked=soft_labels is None)
        if self.teacher_ is not None:
            # Training needs its memory more than new documents need it loaded already.
            self.teacher_.close()
        inputs = self._inputs(corpus, None if features is None else features.hidden, embeddings)
        learnt = Learnt.of(corpus, inputs, features, self.recipe_.learns(len(inputs)))
        targets = self._targets(learnt)
        self._train(learnt, targets)
        theta = self._infer(inputs)
        self.relevance_ = targets.relevance(self.components_, theta[learnt.rows], self._word_vectors())
        self._keep(corpus, theta)
        return self

    def fit_transform(self, X: Iterable[str] | Corpus | None = None, y: object = None, **given: Any) -> DocTopic:
        """`fit`, then theta of the same documents: equal to `fit(X).transform(X)`."""
        return self.fit(X, y, **given).probabilities_

    def transform(
        self,
        X: Iterable[str] | Corpus | None = None,
        *,
        hidden: DocHidden | None = None,
        embeddings: np.ndarray | None = None,
    ) -> DocTopic:
        """Theta of documents, old or new: [documents, topics], rows sum to 1.

        Deterministic and independent of the other documents given. With `hidden` no language model is asked, with
        `embeddings` no sentence encoder; a model that reads words needs X beside them.
        """
        check_is_fitted(self, "backbone_")
        if X is None:
            return self._infer(from_vectors(self.widths_, {"hidden": hidden, "embedding": embeddings}))
        corpus = X if isinstance(X, Corpus) else Corpus.from_texts(X)
        if hidden is not None:
            corpus = Corpus.from_rows(corpus.texts)
            check_vectors("hidden", hidden, len(corpus), self.widths_)
        elif not corpus.distinct.texts:
            return self._spread(corpus, np.empty((0, self.n_topics), dtype=np.float32))
        elif "hidden" in self.widths_:
            hidden = self._read(corpus)
        return self._spread(corpus, self._infer(self._inputs(corpus, hidden, embeddings)))

    def _read(self, corpus: Corpus) -> DocHidden:
        """Hidden states of the distinct documents."""
        teacher: Any = self.teacher_  # a model that reads hidden states has one
        keep = self.features if self.features is None or len(corpus.distinct.texts) >= _KEEP_FROM else None
        if not (keep and is_kept(corpus, self.vocabulary_, teacher)):
            teacher = teacher.states_only
        kept = "auto" if keep else None
        return extract(corpus, self.vocabulary_, teacher, features=kept, progress=self.progress).hidden

    def soft_labels(self, X: Iterable[str] | Corpus) -> DocVocab:
        """What the teacher expects of documents, old or new, as the model was taught: [documents, vocab], float32.

        Calibrated by the training corpus and tempered; rows sum to 1, those of blank documents are uniform.
        """
        check_is_fitted(self, "backbone_")
        if self.teacher_ is None:
            raise InputError("this model was taught by no language model; there are no soft labels")
        corpus, training = X if isinstance(X, Corpus) else Corpus.from_texts(X), self.recipe_.training
        read = extract(corpus, self.vocabulary_, self.teacher_, features=None, progress=self.progress).log_probs
        prior = self._prior(torch.device("cpu"))
        options = {"temperature": training.temperature, "top_k": training.top_k, "prior": prior}
        labels = soft_labels(torch.from_numpy(read), **options)
        blank = np.full((1, len(self.vocabulary_)), 1 / len(self.vocabulary_), dtype=np.float32)
        return np.concatenate([labels.numpy(), blank])[corpus.distinct.rows]

    def save(self, path: str | Path, *, excerpts: bool = True) -> None:
        """Write a model folder: JSON, safetensors and Parquet. With `excerpts=False` no text of a document is kept."""
        from softtopic.persistence.saving import save

        check_is_fitted(self, "backbone_")
        save(self, path, excerpts=excerpts)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> "TopicModel":
        """Read a model folder written by `save`; raises ModelFileError where it is damaged or not one."""
        from softtopic.persistence.saving import load

        return load(path, device=device)

    # What fit learns, for type checkers.
    backbone_: Any
    teacher_: BaseTeacher | None  # None: no language model was asked
    embedder_: str | None  # of sentences; None: vectors of the caller's
    widths_: dict[str, int]  # columns of each input
    training_: TrainingReport | None
    calibration_: Calibration | None
    word_space_: WordSpace | None  # None: words are no input
    mean_theta_: Float[np.ndarray, " topics"]

    def _check(self) -> None:
        check_whole("n_topics", self.n_topics, 2)
        check_whole("random_state", self.random_state, 0, 2**32 - 1)
        changed = {"inputs": self.inputs, "target": self.target, "demonstrations": self.demonstrations}
        self.recipe_ = get_recipe(self.recipe, self.backbone, **changed)
        if self.sample is not None:
            self.recipe_.check_sample(self.sample, self.inputs)
        self.widths_, self.word_space_ = {}, None

    def _check_enough(self, corpus: Corpus) -> None:
        count = len(corpus.distinct.texts)
        if count < self.n_topics:
            said = f"{count} distinct documents for {self.n_topics} topics"
            raise InputError(f"{said}; give more documents or fewer topics")

    def _features(
        self, X: Iterable[str] | Corpus | None, soft_labels: DocVocab | None, hidden: DocHidden | None
    ) -> tuple[Corpus, Features | None]:
        if X is None or soft_labels is not None or hidden is not None:
            arrays = soft_labels is not None or hidden is not None
            if (self.sample or 1) < 1:
                raise InputError("sample= is of texts that a language model reads; give texts, or leave it out")
            given = from_arrays(X, soft_labels, hidden, self.vocabulary) if arrays else from_store(self.features)
            self.teacher_ = given.teacher or open_teacher(self.lm, **self.recipe_.asks(0))
            self.vocabulary_ = given.vocabulary
            return given.corpus, given.features
        corpus = X if isinstance(X, Corpus) else Corpus.from_texts(X)
        texts = corpus.distinct.texts
        if not texts:
            raise InputError(f"{len(corpus)} documents, none with text; give documents to find topics in")
        self._check_enough(corpus)
        self.teacher_ = teacher = open_teacher(self.lm, **self.recipe_.asks(len(texts)))
        self.vocabulary_ = Vocabulary.build(self.vocabulary, texts, self.language)
        if not self.recipe_.asks_lm:
            self.teacher_ = None
            return corpus, None
        # A teacher of the caller's, or on a server, is asked as it was given unless examples are wanted by name.
        free = isinstance(self.lm, str) and isinstance(teacher, Teacher)
        if self.recipe_.demonstrations == "auto" and (self.demonstrations or free):
            local = need_local(teacher, "demonstrations='auto'")
            self.teacher_ = teacher = with_demonstrations(local, corpus, self.vocabulary_, progress=self.progress)
        read = self._part(corpus)
        return corpus, extract(read, self.vocabulary_, teacher, features=self.features, progress=self.progress)

    def _part(self, corpus: Corpus) -> Corpus:
        """The documents that the language model reads."""
        count, share = len(corpus.distinct.texts), self.sample
        if share is None and (self.inputs is not None or self.features not in (None, "auto")):
            share = 1.0
        wanted = self.recipe_.reads(count, share)
        if wanted >= count:
            return corpus
        self.recipe_ = self.recipe_.sampled()
        log.info("the language model reads %d of %d documents and is predicted on the others", wanted, count)
        return corpus.sample(wanted)

    def _calibrate(self, features: Features | None, *, asked: bool) -> Calibration | None:
        source, strength = self.recipe_.calibration, self.recipe_.strength
        if source == "none" or features is None or "soft" not in split_target(self.recipe_.target):
            return None
        if source == "corpus":
            return Calibration.fit(features.log_probs, source, strength)
        if self.teacher_ is None or not asked:
            raise InputError("soft_labels= without a teacher know no content-free prior; calibrate on the corpus")
        return Calibration.fit(self.teacher_.read(CONTENT_FREE, self.vocabulary_).log_probs, source, strength)

    def _inputs(self, corpus: Corpus, hidden: DocHidden | None, embeddings: np.ndarray | None) -> Inputs:
        """What the backbone reads of the distinct documents."""

        def vectors(texts: Sequence[str]) -> DocHidden:
            if embeddings is not None:
                return check_vectors("embedding", embeddings, len(corpus), self.widths_)[corpus.distinct.first]
            keep, where = self.features is not None and len(texts) >= _KEEP_FROM, str(self._device)
            made = embed(texts, self.embedder or self.embedder_, keep=keep, progress=self.progress, device=where)
            return check_vectors("embedding", made, len(texts), self.widths_)

        def space(counts: csr_matrix) -> WordSpace:
            self.word_space_ = self.word_space_ or WordSpace.fit(counts, seed=int(self.random_state))
            return self.word_space_

        return gather(self.recipe_.inputs, corpus.distinct.texts, self.vocabulary_, hidden, vectors, space)

    def _train(self, learnt: Learnt, targets: Targets) -> None:
        recipe, device, inputs = self.recipe_, self._device, learnt.inputs
        noise = torch.Generator(device).manual_seed(int(self.random_state))
        rows = learnt.corpus.distinct.rows
        documents = torch.from_numpy(rows[rows >= 0]).to(device)
        guide = targets.guide(int(self.n_topics), int(self.random_state))
        data = targets.data(torch.from_numpy(inputs.dense()).to(device), documents, guide)
        vectors = word_matrix(self.word_vectors, self.vocabulary_)
        settings = default_settings(recipe.backbone).resolved(recipe.training.temperature)
        if recipe.dropout is not None and hasattr(settings, "dropout"):
            settings = replace(settings, dropout=recipe.dropout)  # type: ignore[call-arg]
        width, n_inputs = None if vectors is None else vectors.shape[1], sum(inputs.widths.values())
        sizes = Sizes(n_inputs=n_inputs, n_topics=int(self.n_topics), n_words=len(self.vocabulary_), word_width=width)
        self.backbone_ = build_backbone(settings, sizes, noise).to(device)
        if vectors is not None:
            self.backbone_.init_word_embeddings(torch.from_numpy(vectors).to(device))
        if guide is not None:
            self.backbone_.init_topic_word(torch.from_numpy(guide.topic_word).to(device))
        if recipe.standardise:
            self.backbone_.standardize(data.inputs, torch.from_numpy(inputs.are_continuous).to(device))
        self.training_ = train(self.backbone_, data, recipe.training, noise, progress=self.progress)
        self.widths_ = inputs.widths
        with torch.inference_mode():
            self.components_ = self.backbone_.topic_word().cpu().numpy()

    def _targets(self, learnt: Learnt) -> Targets:
        """What the recipe wants learnt."""
        named, inputs, features = split_target(self.recipe_.target), learnt.inputs, learnt.features
        counts = self.vocabulary_.bag_of_words(learnt.corpus.distinct.texts if "bow" in named else ())
        if "bow" in named and not counts.nnz and (self.target or "soft" not in named):
            raise InputError("no document holds a word of the vocabulary; give other words, or target='soft'")
        # Documents are compared by all that was read of them, whatever the model itself reads.
        vectors, log_probs = inputs.vectors, None
        if features is not None:
            vectors["hidden"], log_probs = features.hidden, features.log_probs
        soft = soft_targets(self.recipe_, log_probs, self._prior(self._device), self._device)
        targets = Targets(recipe=self.recipe_, soft=soft, counts=counts, vectors=vectors, placed=inputs.words)
        return targets if features is None or len(features) == len(inputs) else targets.carried(learnt.read)

    def _word_vectors(self) -> DocHidden | None:
        """Vectors of the words, where a sentence encoder is at hand; a callable is not asked what words mean."""
        if "embedding" not in self.widths_ or self.embedder_ is None or self.recipe_.order == "probability":
            return None
        return embed(self.vocabulary_.words, self.embedder_, keep=self.features is not None, device=str(self._device))

    @property
    def _device(self) -> torch.device:
        return pick_device() if self.teacher_ is None else self.teacher_.device

    def _prior(self, device: torch.device) -> torch.Tensor | None:
        return None if self.calibration_ is None else torch.from_numpy(self.calibration_.offset).to(device)

    def _keep(self, corpus: Corpus, theta: DocTopic) -> None:
        """What is remembered of the training documents."""
        self.mean_theta_ = theta[corpus.distinct.rows[corpus.distinct.rows >= 0]].mean(axis=0)
        self.probabilities_ = self._spread(corpus, theta)
        self.topics_ = self.probabilities_.argmax(axis=1)
        self.ids_ = corpus.ids
        self.excerpts_ = tuple(excerpt(text) for text in corpus.texts)
        self.representative_docs_ = representative_documents(self.probabilities_, corpus.texts)

    def _spread(self, corpus: Corpus, theta: DocTopic) -> Float[np.ndarray, "all_docs topics"]:
        """Theta of the distinct documents → theta of all; blank ones get the mean mixture, and a warning."""
        if corpus.n_empty:
            said = f"{corpus.n_empty} of {len(corpus)} documents are empty"
            warnings.warn(f"{said}; their topic mixture is the mean of the others", stacklevel=3)
        # Row -1, for blank documents, is the last one.
        return np.vstack([theta, self.mean_theta_])[corpus.distinct.rows]

    @torch.inference_mode()
    def _infer(self, inputs: Inputs) -> DocTopic:
        device = next(self.backbone_.parameters()).device
        parts = [
            self.backbone_.infer(torch.from_numpy(inputs.dense(start, start + 4096)).to(device).float()).cpu().numpy()
            for start in range(0, len(inputs), 4096)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.n_topics), dtype=np.float32)
